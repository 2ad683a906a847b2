// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What control transfers push, all at once, and the stacks that they switch to.
//
//   StackTarget stack = CurrentStack(cpu);
//   StackFrame frame(4);
//   frame.Add(cpu.Rflags()); frame.Add(cs); frame.Add(eip);
//   LIBRR_TRY(PushFrame(cpu, stack, frame, error, &rsp));
//   ... nothing can fail any more ...
//   cpu.gpr(kRsp) = rsp;
//
// No register changes here. Room for the whole frame is checked before
// anything is written, as the SDM's pseudocode does; a page fault may leave
// part of the frame below the stack pointer, as on real processors.
#ifndef LIBRR_MACHINES_PC_CPU_STACK_FRAME_H_
#define LIBRR_MACHINES_PC_CPU_STACK_FRAME_H_

#include <array>
#include <cstdint>

#include "machines/pc/cpu/registers.h"

namespace librr::pc {

class Cpu;

inline bool IsCanonicalAddress(uint64_t linear) {
  return static_cast<int64_t>(linear << 16) >> 16 ==
         static_cast<int64_t>(linear);
}

// Values in the order in which they are pushed.
class StackFrame {
 public:
  // `width`: bytes of every value.
  explicit StackFrame(unsigned width) : width_(width) {}
  void Add(uint64_t value) { values_[count_++] = value; }
  unsigned width() const { return width_; }
  unsigned count() const { return count_; }
  uint64_t operator[](unsigned i) const { return values_[i]; }

 private:
  const unsigned width_;
  unsigned count_ = 0;
  // The largest: a call gate's 31 parameters with SS, ESP, CS, EIP.
  std::array<uint64_t, 36> values_;
};

struct StackTarget {
  SegmentRegister ss;
  uint64_t rsp = 0;      // the whole register
  int pointer_size = 4;  // bytes of RSP that count: 2, 4, 8
  // The stack of a more privileged level, accessed with its rights.
  bool more_privileged = false;

  uint64_t PointerMask() const {
    return pointer_size == 8   ? ~0ull
           : pointer_size == 4 ? 0xffffffffull
                               : 0xffffull;
  }
  // RSP with the part that counts replaced. A 32-bit pointer clears the rest.
  uint64_t WithPointer(uint64_t pointer) const {
    return pointer_size == 2 ? (rsp & ~0xffffull) | (pointer & 0xffff)
                             : pointer & PointerMask();
  }
};

StackTarget CurrentStack(const Cpu& cpu);

// The stack for privilege level `level` (< CPL) from the task-state segment,
// with all checks of SDM vol. 2, CALL and INT n. In IA-32e mode SS is null.
bool InnerStack(Cpu& cpu, int level, bool external, StackTarget* stack);
// The 64-bit stack pointer at `offset` in the task-state segment.
bool ReadTss64Pointer(Cpu& cpu, unsigned offset, bool external, uint64_t* rsp);

// Raises #SS(error) unless `count` values of `width` bytes fit on the stack.
bool CheckRoom(Cpu& cpu, const StackTarget& stack, unsigned width,
               unsigned count, uint32_t error);

// Writes the frame; `error` is what #SS reports. `*rsp` is the new value of
// the whole register.
bool PushFrame(Cpu& cpu, const StackTarget& stack, const StackFrame& frame,
               uint32_t error, uint64_t* rsp);

// Reads `width` bytes at the i-th position above the stack pointer of the
// current stack, without moving it. `skip` bytes are left out before.
bool PeekStack(Cpu& cpu, unsigned width, unsigned i, uint64_t* value,
               unsigned skip = 0);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_STACK_FRAME_H_
