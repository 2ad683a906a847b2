// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/differential_interpreter.h"

#include <cstring>
#include <vector>

namespace librr::pc {
namespace {

constexpr uint64_t kMostSteps = 4096;
constexpr uint8_t kHlt = 0xf4;
constexpr uint64_t kTableEntries = kPageTables + 0x10000;
constexpr uint64_t kTablesEnd = 0x20000;
constexpr uint64_t kPresentUser = 5;
constexpr uint64_t kWritable = 2;
constexpr uint64_t kNoExecute = 1ull << 63;

bool HasErrorCode(int vector) {
  return vector == kGeneralProtection || vector == kPageFault ||
         vector == kStackFault || vector == kSegmentNotPresent ||
         vector == kInvalidTss || vector == kAlignmentCheck ||
         vector == kDoubleFault;
}

// The page-table entry of a page of the fixture's 1:1 map.
uint64_t EntryOf(uint64_t page) {
  if (page < kTablesEnd) return page | 3;  // for the supervisor only
  if (page >= kCodeWindow && page < kCodeWindow + kCodeWindowBytes)
    return page | kPresentUser | kWritable;
  if (page >= kDataWindow && page < kDataWindow + kDataWritableBytes)
    return page | kPresentUser | kWritable | kNoExecute;
  if (page >= kDataWindow && page < kDataWindow + kDataWindowBytes)
    return page | kPresentUser | kNoExecute;
  return 0;
}

}  // namespace

InterpretedRunner::InterpretedRunner() : bare_(CpuMode::kLong64, 3) {
  for (uint64_t page = 0; page < kRamBytes; page += kPageSize) {
    const uint64_t entry = EntryOf(page);
    uint8_t bytes[8];
    std::memcpy(bytes, &entry, 8);
    bare_.WriteRam(kTableEntries + page / kPageSize * 8, bytes);
  }
  for (uint64_t vector = 0; vector < 256; ++vector)
    bare_.WriteRam(kHandlers + 16 * vector, {&kHlt, 1});
  // The TSS has no I/O permission bitmap: its offset is past the limit.
  const uint8_t no_bitmap[] = {0xff, 0xff};
  bare_.WriteRam(kTss + 0x66, no_bitmap);
  const std::vector<uint8_t> padding(kCodeWindowBytes, kPadding);
  bare_.WriteRam(kCodeWindow, padding);
  std::memset(data(kDataWindow), kDataFill, kDataWindowBytes);
  // As the host's kernel starts a program: FS and GS are null.
  for (SegmentIndex i : {kFs, kGs}) {
    bare_.cpu.regs.segments[i] = SegmentRegister();
    bare_.cpu.regs.segments[i].attributes = kSegUnusable;
  }
  bare_.cpu.regs.cr0 |= kCr0Am;
  bare_.cpu.StateChanged();
  initial_ = bare_.cpu.regs;
}

void InterpretedRunner::WriteCode(uint64_t address,
                                  absl::Span<const uint8_t> bytes) {
  bare_.WriteRam(address, bytes);
}

uint8_t* InterpretedRunner::data(uint64_t address) {
  return bare_.cpu.shared().memory->Host(address);
}

Outcome InterpretedRunner::Run(const MachineState& input, bool code32,
                               bool split) {
  Cpu& cpu = bare_.cpu;
  Registers& regs = cpu.regs;
  regs = initial_;
  for (size_t i = 0; i < 16; ++i) regs.gpr[i] = input.gpr[i];
  regs.gpr[kRip] = input.rip;
  regs.flags.SetWord(input.rflags);
  regs.system_flags = input.rflags & ~kArithmeticFlags & ~uint64_t{2};
  if (code32) {
    SegmentRegister& code = regs.segments[kCs];
    code.selector = kUserCode32;
    code.attributes = (code.attributes & ~kSegLong) | kSegBig;
  }
  regs.mxcsr = input.fx.mxcsr;
  for (size_t i = 0; i < 16; ++i)
    std::memcpy(regs.xmm[i].bytes, input.fx.xmm[i], 16);
  regs.x87.control = input.fx.control;
  regs.x87.status = input.fx.status;
  regs.x87.valid = input.fx.valid;
  for (size_t i = 0; i < 8; ++i) {
    Float80& physical =
        regs.x87.physical[(static_cast<size_t>(regs.x87.top()) + i) & 7];
    physical.mantissa = input.fx.st[i].mantissa;
    physical.sign_exponent = input.fx.st[i].sign_exponent;
  }
  cpu.activity = Activity::kRunning;
  cpu.ModeChanged();
  if (split) {
    for (uint64_t i = 0; i < kMostSteps && bare_.DeliveredVector() < 0; ++i)
      bare_.Run(1);
  } else {
    bare_.Run(kMostSteps);
  }

  Outcome outcome;
  outcome.vector = bare_.DeliveredVector();
  if (outcome.vector < 0) outcome.vector = -2;
  if (bare_.host.end_reason != EndReason::kNone) {
    outcome.vector = -3;
    outcome.detail = bare_.host.end_detail;
    bare_.host.end_reason = EndReason::kNone;
  }
  const bool has_error = HasErrorCode(outcome.vector);
  const uint64_t frame = kKernelStack - (has_error ? 48 : 40);
  const auto frame_word = [this, frame, has_error](uint64_t i) {
    return bare_.ReadRam<uint64_t>(frame + 8 * (i + (has_error ? 1 : 0)));
  };
  if (has_error) outcome.error = bare_.ReadRam<uint64_t>(frame);
  outcome.cr2 = regs.cr2;
  MachineState& state = outcome.state;
  for (size_t i = 0; i < 16; ++i) state.gpr[i] = regs.gpr[i];
  state.rip = frame_word(0);
  state.rflags = frame_word(2);
  state.gpr[kRsp] = frame_word(3);
  state.fx.mxcsr = regs.mxcsr;
  for (size_t i = 0; i < 16; ++i)
    std::memcpy(state.fx.xmm[i], regs.xmm[i].bytes, 16);
  state.fx.control = regs.x87.control;
  state.fx.status = regs.x87.status;
  state.fx.valid = regs.x87.valid;
  for (size_t i = 0; i < 8; ++i) {
    const Float80& physical =
        regs.x87.physical[(static_cast<size_t>(regs.x87.top()) + i) & 7];
    state.fx.st[i].mantissa = physical.mantissa;
    state.fx.st[i].sign_exponent = physical.sign_exponent;
  }
  if (outcome.vector == kBreakpoint) {
    outcome.vector = -1;
    --state.rip;
  }
  return outcome;
}

}  // namespace librr::pc
