// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr/replayer.h"

namespace librr {

absl::StatusOr<PcConfig> PcConfigFromTrace(const TraceReader& trace) {
  const TraceInfo& info = trace.info();
  LIBRR_RETURN_IF_ERROR(CheckMachineModel(info, "pc", kPcMachineModel));
  // Events follow the images: without one, an image may be missing unnoticed.
  if (!info.complete && info.event_count == 0) {
    return absl::DataLossError(
        absl::StrCat(info.path,
                     ": was cut off before the recording began: "
                     "there is nothing to replay"));
  }
  PcConfig config;
  config.command_line = info.header.command_line;
  config.memory_bytes = info.header.memory_bytes;
  config.vcpus = static_cast<int>(info.header.vcpus);
  LIBRR_ASSIGN_OR_RETURN(config.kernel, trace.ReadImage("kernel"));
  for (const auto& [name, size] : info.images) {
    if (name != "initrd") continue;
    LIBRR_ASSIGN_OR_RETURN(config.initrd, trace.ReadImage("initrd"));
  }
  return config;
}

}  // namespace librr
