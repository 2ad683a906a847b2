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
// A headline, and a line for each descriptor; with the pid where they are of
// several processes.
std::string OpenFileReport(absl::Span<const LinuxOpenFile> files);
// "rwa": may be read and written, writes go to the end.
std::string OpenFileAccess(const LinuxOpenFile& file);
// As /proc/mounts.
std::string MountReport(absl::Span<const LinuxMount> mounts);
// A headline, and a line for each socket.
std::string SocketReport(absl::Span<const LinuxSocket> sockets);
// A headline, and a line for each cache.
std::string SlabReport(absl::Span<const LinuxSlabCache> caches);
// A line for each CPU, and one for each of its tasks.
std::string RunQueueReport(absl::Span<const LinuxRunQueue> queues);
// A line for each CPU.
std::string PerCpuReport(const LinuxPerCpuVariable& variable);
// A number, or the first bytes of what is none.
std::string PerCpuText(const LinuxPerCpuVariable& variable,
                       const LinuxPerCpuVariable::Value& value);
// A line for each thing.
std::string SystemReport(const LinuxSystem& system);
// "r-xp": as in /proc/PID/maps.
std::string MapPermissions(const LinuxMapping& mapping);

}  // namespace librr

#endif  // LIBRR_LINUX_REPORT_H_
