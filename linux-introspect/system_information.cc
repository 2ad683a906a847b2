// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/system_information.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/per_cpu.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// COMMAND_LINE_SIZE is 2048; with what a boot configuration adds it is longer.
constexpr uint64_t kMaxArguments = 1 << 16;

// init_uts_ns: that of all processes but those in containers.
absl::Status ReadNames(const Kernel& kernel, LinuxSystem* system) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t space, kernel.Symbol("init_uts_ns"));
  const struct {
    const char* path;
    std::string* text;
  } names[] = {{"name.sysname", &system->sysname},
               {"name.nodename", &system->nodename},
               {"name.release", &system->release},
               {"name.version", &system->version},
               {"name.machine", &system->machine},
               {"name.domainname", &system->domainname}};
  for (const auto& it : names) {
    LIBRR_ASSIGN_OR_RETURN(const Field field,
                           kernel.FindField("uts_namespace", it.path));
    *it.text = kernel.ReadText(space + field.offset, field.size);
  }
  return absl::OkStatus();
}

// Linux, kernel/time/timekeeping.c: what the kernel last added up.
absl::Status ReadClocks(const Kernel& kernel, LinuxSystem* system) {
  LIBRR_ASSIGN_OR_RETURN(uint64_t at, kernel.Symbol("tk_core"));
  // A struct without a name until 6.13: a sequence counter of 4 bytes, and the
  // clock behind it.
  const auto named = kernel.FindField("tk_data", "timekeeper");
  at += named.ok() ? named->offset : 8;
  LIBRR_ASSIGN_OR_RETURN(const uint64_t size, kernel.SizeOf("timekeeper"));
  LIBRR_ASSIGN_OR_RETURN(const Object clock, kernel.ReadObject(at, size));
  Field source, raw_source, nanoseconds, shift, seconds, to_monotonic,
      to_monotonic_nanoseconds, to_boot;
  LIBRR_RETURN_IF_ERROR(kernel.FindFields({
      {&source, "timekeeper", {"tkr_mono.clock"}},
      {&raw_source, "timekeeper", {"tkr_raw.clock"}},
      {&nanoseconds, "timekeeper", {"tkr_mono.xtime_nsec"}},
      {&shift, "timekeeper", {"tkr_mono.shift"}},
      {&seconds, "timekeeper", {"xtime_sec"}},
      {&to_monotonic, "timekeeper", {"wall_to_monotonic.tv_sec"}},
      {&to_monotonic_nanoseconds, "timekeeper", {"wall_to_monotonic.tv_nsec"}},
      {&to_boot, "timekeeper", {"offs_boot"}},
  }));
  // Both count by the same clock source.
  if (!IsKernelAddress(clock.Number(source)) ||
      clock.Number(source) != clock.Number(raw_source) ||
      clock.Number(shift) >= 64) {
    return absl::NotFoundError("the kernel has not started its clock yet");
  }
  const uint64_t below = clock.Number(nanoseconds) >> clock.Number(shift);
  system->realtime_ns = clock.Number(seconds) * kSecond + below;
  // A negative number of seconds: the sum wraps to what is meant.
  system->uptime_ns =
      system->realtime_ns + clock.Number(to_monotonic) * kSecond +
      clock.Number(to_monotonic_nanoseconds) + clock.Number(to_boot);
  return absl::OkStatus();
}

// Linux, include/linux/sched/loadavg.h: fixed point of 11 bits.
absl::Status ReadLoad(const Kernel& kernel, LinuxSystem* system) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t load, kernel.Symbol("avenrun"));
  for (size_t i = 0; i < system->load.size(); ++i) {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t fixed,
                           kernel.ReadPointer(load + 8 * i));
    system->load[i] = static_cast<double>(fixed) / (1 << 11);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LinuxSystem> ReadSystem(const Kernel& kernel) {
  LinuxSystem system;
  LIBRR_RETURN_IF_ERROR(ReadNames(kernel, &system));
  LIBRR_RETURN_IF_ERROR(ReadClocks(kernel, &system));
  LIBRR_RETURN_IF_ERROR(ReadLoad(kernel, &system));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t arguments,
                         kernel.Symbol("saved_command_line"));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t text, kernel.ReadPointer(arguments));
  system.boot_arguments = kernel.ReadText(text, kMaxArguments);
  LIBRR_ASSIGN_OR_RETURN(const uint64_t tainted, kernel.Symbol("tainted_mask"));
  LIBRR_ASSIGN_OR_RETURN(system.tainted, kernel.ReadPointer(tainted));
  LIBRR_ASSIGN_OR_RETURN(const PerCpuAreas areas, PerCpuAreas::Make(&kernel));
  LIBRR_ASSIGN_OR_RETURN(const auto online, areas.Online());
  LIBRR_ASSIGN_OR_RETURN(const auto possible, areas.Possible());
  system.cpus_online = static_cast<uint32_t>(online.size());
  system.cpus_possible = static_cast<uint32_t>(possible.size());
  return system;
}

}  // namespace librr::linux_guest
