// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/attack/attacked_trace.h"

#include <unistd.h>

#include <memory>

#include "librr-core/base/posix_file.h"
#include "librr-core/base/status_macros.h"
#include "librr/input_script.h"
#include "librr/recorder.h"

namespace librr {
namespace {

constexpr uint64_t kMaxFile = 64 << 20;
constexpr char kScript[] =
    "at 0.0008\ntype hello\nat 0.002\ntype , machine\nat 0.0031\ntype \\n\n"
    "at 0.004\ntype q";

}  // namespace

absl::StatusOr<PcConfig> AttackedConfig() {
  PcConfig config;
  LIBRR_ASSIGN_OR_RETURN(config.kernel,
                         ReadFileToString(LIBRR_ATTACKED_GUEST, kMaxFile));
  config.initrd.assign(5000, 'm');
  config.memory_bytes = kPcMinMemory;
  config.command_line = "attacked";
  return config;
}

absl::StatusOr<std::string> RecordAttackedGuest(const std::string& folder) {
  LIBRR_ASSIGN_OR_RETURN(const PcConfig config, AttackedConfig());
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Machine> machine,
                         CreatePcMachine(config));
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<InputSource> typist,
                         ParseInputScript("script", kScript));
  RecorderOptions options;
  options.run.seed = 1;
  options.digest_every = 7001;
  options.checkpoint_every = 20'011;
  const std::string path =
      folder + "/attacked_" + std::to_string(getpid()) + ".vmrr";
  {
    LIBRR_ASSIGN_OR_RETURN(
        std::unique_ptr<Recorder> recorder,
        Recorder::Create(path, DescribePc(config), machine.get(), options));
    LIBRR_RETURN_IF_ERROR(recorder->Record(typist.get(), nullptr).status());
  }
  absl::StatusOr<std::string> bytes = ReadFileToString(path, kMaxFile);
  unlink(path.c_str());
  return bytes;
}

}  // namespace librr
