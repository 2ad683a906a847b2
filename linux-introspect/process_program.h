// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a process executes: its program's file, the auxiliary vector that the
// kernel gave to it, and the shared objects that its dynamic linker has mapped
// since.
//
//   LIBRR_ASSIGN_OR_RETURN(std::string auxv, ReadAuxv(kernel, mm));
//   LIBRR_ASSIGN_OR_RETURN(auto objects, ReadSharedObjects(space, auxv));
//
// The vector is the kernel's (mm_struct.saved_auxv, as /proc/PID/auxv shows
// it), the list of objects the process's own: struct r_debug and struct
// link_map of the C library's <link.h>, whose beginnings debuggers have always
// relied on. A process can have anything there: each walk is bounded.
#ifndef LIBRR_LINUX_INTROSPECT_PROCESS_PROGRAM_H_
#define LIBRR_LINUX_INTROSPECT_PROCESS_PROGRAM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/page_tables.h"

namespace librr::linux_guest {

// The path of the program's file; NotFound if the process has none.
absl::StatusOr<std::string> ReadExecutable(const Kernel& kernel, uint64_t mm);

// Pairs of 8 bytes, the last of which is AT_NULL.
absl::StatusOr<std::string> ReadAuxv(const Kernel& kernel, uint64_t mm);

// Without any object if there is no dynamic linker, or while it has not begun.
// Programs of 64 bits only: NotFound for others.
absl::StatusOr<LinuxSharedObjects> ReadSharedObjects(const PageTables& space,
                                                     std::string_view auxv);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_PROCESS_PROGRAM_H_
