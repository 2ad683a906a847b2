// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The kernel's log (dmesg), in the form of kernel 5.10 and later
// (kernel/printk/printk_ringbuffer.h) and in the one before it (log_buf).
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxLogRecord> log,
//                          ReadPrintkLog(kernel));
#ifndef LIBRR_LINUX_INTROSPECT_PRINTK_LOG_H_
#define LIBRR_LINUX_INTROSPECT_PRINTK_LOG_H_

#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// The oldest first. Records that are being written are left out, as dmesg
// leaves them out.
absl::StatusOr<std::vector<LinuxLogRecord>> ReadPrintkLog(const Kernel& kernel);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_PRINTK_LOG_H_
