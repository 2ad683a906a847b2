// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Push and pop by operand size, shared by the stack and the control transfer
// families. A 64-bit operand occurs in 64-bit mode only, where the stack
// neither wraps nor has a segment: the common case is one access.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_STACK_ACCESS_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_STACK_ACCESS_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"

namespace librr::pc {

template <typename T>
inline bool PushValue(Cpu& cpu, T value) {
  if constexpr (sizeof(T) == 8) {
    const uint64_t sp = cpu.gpr(kRsp) - 8;
    LIBRR_TRY(cpu.WriteLinear(sp, value, kSs));
    cpu.gpr(kRsp) = sp;
    return true;
  } else {
    return cpu.Push<T>(value);
  }
}

// Reads the top of the stack; RSP stays.
template <typename T>
inline bool PeekValue(Cpu& cpu, T* value) {
  if constexpr (sizeof(T) == 8) {
    return cpu.ReadLinear(cpu.gpr(kRsp), value, kSs);
  } else {
    return cpu.Read<T>(kSs, cpu.StackPointer(), value);
  }
}

// Removes `bytes` from the stack.
template <typename T>
inline void Discard(Cpu& cpu, uint64_t bytes) {
  if constexpr (sizeof(T) == 8) {
    cpu.gpr(kRsp) += bytes;
  } else {
    cpu.SetStackPointer(cpu.StackPointer() + bytes);
  }
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_STACK_ACCESS_H_
