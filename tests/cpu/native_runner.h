// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Executes one user-mode instruction on the host's own CPU with every register
// chosen by the caller, and reports every register afterwards.
//
//   NativeRunner native;                       // maps the windows
//   native.WriteCode(kCodeWindow, bytes);
//   Outcome outcome = native.Run(input, /*code32=*/false);
//
// Code and data lie at fixed low addresses, the same that the interpreter is
// given. The code window is full of INT3: wherever the instruction goes within
// it, a trap brings control back. A state is entered by the return from a
// signal handler and read from the next signal's frame, so that faults and
// normal ends are the same thing. CS 0x23 gives 32-bit code.
//
// One instance at a time, for one thread: signal handlers are per process.
#ifndef LIBRR_TESTS_CPU_NATIVE_RUNNER_H_
#define LIBRR_TESTS_CPU_NATIVE_RUNNER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"

namespace librr::pc {

// Two pages of code; around them nothing is mapped.
inline constexpr uint64_t kCodeWindow = 0x600000;
inline constexpr uint64_t kCodeWindowBytes = 0x2000;
// Two writable pages and one that is read-only; around them nothing is mapped.
inline constexpr uint64_t kDataWindow = 0x700000;
inline constexpr uint64_t kDataWritableBytes = 0x2000;
inline constexpr uint64_t kDataWindowBytes = 0x3000;

inline constexpr uint8_t kPadding = 0xcc;  // INT3: of the code window
inline constexpr uint8_t kDataFill = 0x5a;

// The image of FXSAVE64. SDM vol. 1, table 10-3.
struct FxImage {
  uint16_t control = 0x037f;
  uint16_t status = 0;
  uint8_t valid = 0;  // bit i: physical register i is not empty
  uint8_t reserved = 0;
  uint16_t opcode = 0;
  uint64_t instruction_pointer = 0;
  uint64_t data_pointer = 0;
  uint32_t mxcsr = 0x1f80;
  uint32_t mxcsr_mask = 0;
  struct {
    uint64_t mantissa;
    uint16_t sign_exponent;
    uint8_t padding[6];
  } st[8] = {};  // counted from the top of the stack
  uint64_t xmm[16][2] = {};
  uint8_t unused[96] = {};
};
static_assert(sizeof(FxImage) == 512);

struct MachineState {
  uint64_t gpr[16] = {};  // in the order of GprIndex
  uint64_t rip = 0;
  uint64_t rflags = 0x202;
  FxImage fx;
};

struct Outcome {
  int vector = -1;  // the exception; -1 if the instruction retired without
  uint64_t error = 0;
  uint64_t cr2 = 0;  // of a page fault
  std::string detail;

  // The instruction did not retire. Vector 1 is a trap after it.
  bool faulted() const { return vector >= 0 && vector != 1; }
  MachineState state;
};

class NativeRunner {
 public:
  NativeRunner();
  ~NativeRunner();
  NativeRunner(const NativeRunner&) = delete;
  NativeRunner& operator=(const NativeRunner&) = delete;

  // False if the windows are taken (the program is not position-independent).
  bool ok() const { return ok_; }
  // `address` within the code window.
  void WriteCode(uint64_t address, absl::Span<const uint8_t> bytes);
  // The byte at `address` of the data window.
  uint8_t* data(uint64_t address) const;
  Outcome Run(const MachineState& input, bool code32);

 private:
  struct Handlers;
  std::unique_ptr<Handlers> handlers_;
  bool ok_ = false;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_NATIVE_RUNNER_H_
