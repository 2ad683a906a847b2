// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a guest's Linux shows, as lines for people. Each line ends with a
// newline; control characters of the guest's texts but tabs are escaped.
//
//   std::cout << TaskReport(*guest->Tasks(), /*threads=*/false);
//
// Functions without state, for any thread.
#ifndef LIBRR_LINUX_REPORT_H_
#define LIBRR_LINUX_REPORT_H_

#include <string>

#include "absl/types/span.h"
#include "librr/linux_guest.h"

namespace librr {

// A headline, and a line for each process, or for each thread; without the idle
// tasks.
std::string TaskReport(absl::Span<const LinuxTask> tasks, bool threads);
// As dmesg prints it.
std::string LogReport(absl::Span<const LinuxLogRecord> log);
// Name, size, state, base address.
std::string ModuleReport(absl::Span<const LinuxModule> modules);
// As /proc/PID/maps.
std::string MapReport(absl::Span<const LinuxMapping> maps);
// "r-xp": as in /proc/PID/maps.
std::string MapPermissions(const LinuxMapping& mapping);

}  // namespace librr

#endif  // LIBRR_LINUX_REPORT_H_
