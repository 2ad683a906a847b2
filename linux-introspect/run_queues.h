// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The run queues of the CPUs (Linux, kernel/sched/sched.h, struct rq): the
// tasks that each executes or would.
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxRunQueue> queues,
//                          ReadRunQueues(kernel));
#ifndef LIBRR_LINUX_INTROSPECT_RUN_QUEUES_H_
#define LIBRR_LINUX_INTROSPECT_RUN_QUEUES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

absl::StatusOr<std::vector<LinuxRunQueue>> ReadRunQueues(const Kernel& kernel);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_RUN_QUEUES_H_
