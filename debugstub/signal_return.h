// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where the end of a signal handler leads: the one system call that goes on
// with the caller's own code somewhere else.
//
//   if (const auto back = FindSignalReturn(machine, vcpu)) ... back->rip ...
//
// A function without state.
#ifndef LIBRR_DEBUGSTUB_SIGNAL_RETURN_H_
#define LIBRR_DEBUGSTUB_SIGNAL_RETURN_H_

#include <cstdint>
#include <optional>

#include "librr/machine.h"

namespace librr {

struct SignalReturn {
  uint64_t rip = 0;
  uint64_t rsp = 0;
};

// What the signal had interrupted, if the vCPU's next instruction is SYSCALL in
// 64-bit user code and would be Linux's rt_sigreturn; nullopt otherwise, or if
// the frame is not in memory.
std::optional<SignalReturn> FindSignalReturn(const Machine& machine, int vcpu);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_SIGNAL_RETURN_H_
