// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "librr/recorder.h"

namespace librr {

RecordedMachine DescribePc(const PcConfig& config) {
  RecordedMachine what;
  what.header.machine_kind = "pc";
  what.header.machine_model = kPcMachineModel;
  what.header.vcpus = static_cast<uint32_t>(config.vcpus);
  what.header.memory_bytes = config.memory_bytes;
  what.header.command_line = config.command_line;
  what.header.created_unix_seconds = static_cast<uint64_t>(time(nullptr));
  what.images.emplace_back("kernel", config.kernel);
  if (!config.initrd.empty()) what.images.emplace_back("initrd", config.initrd);
  return what;
}

}  // namespace librr
