// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Segmentation, gates, tasks and virtual-8086 mode: protected mode without
// paging, and real mode.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/cpu/cpu_fixture.h"

namespace librr::pc {
namespace {

constexpr uint16_t kCode0 = 0x08, kData0 = 0x10, kCode3 = 0x1b, kData3 = 0x23;
constexpr uint16_t kCallGate = 0x2b;
constexpr uint16_t kSmallData = 0x30;   // limit 0xff
constexpr uint16_t kExpandDown = 0x38;  // above 0xfff
constexpr uint16_t kReadOnly = 0x40;
constexpr uint16_t kTaskA = 0x48, kTaskB = 0x50, kTaskGateB = 0x58;
constexpr uint16_t kCode16 = 0x60;
constexpr uint64_t kTssA = kTss, kTssB = kTss + 0x100;
constexpr uint64_t kEntry = kCode + 0x1000;

uint64_t Segment(uint32_t base, uint32_t limit, unsigned access,
                 unsigned flags) {
  return (limit & 0xffff) | uint64_t{base & 0xffffff} << 16 |
         uint64_t{access} << 40 | uint64_t{limit >> 16 & 15} << 48 |
         uint64_t{flags} << 52 | uint64_t{base >> 24} << 56;
}

uint64_t Gate(uint16_t selector, uint32_t offset, unsigned access,
              unsigned parameters = 0) {
  return (offset & 0xffff) | uint64_t{selector} << 16 |
         uint64_t{parameters} << 32 | uint64_t{access} << 40 |
         uint64_t{offset >> 16} << 48;
}

class ProtectedMode : public testing::Test {
 protected:
  ProtectedMode() {
    Put(kGdt + kCode0, Segment(0, 0xfffff, 0x9b, 0xc));
    Put(kGdt + kData0, Segment(0, 0xfffff, 0x93, 0xc));
    Put(kGdt + (kCode3 & ~7), Segment(0, 0xfffff, 0xfb, 0xc));
    Put(kGdt + (kData3 & ~7), Segment(0, 0xfffff, 0xf3, 0xc));
    Put(kGdt + (kCallGate & ~7), Gate(kCode0, kEntry, 0xec, 2));
    Put(kGdt + kSmallData, Segment(kData, 0xff, 0xf3, 0x4));
    Put(kGdt + kExpandDown, Segment(kData, 0xfff, 0xf7, 0x4));
    Put(kGdt + kReadOnly, Segment(0, 0xfffff, 0xf1, 0xc));
    Put(kGdt + kTaskA, Segment(kTssA, 0x67, 0x8b, 0));
    Put(kGdt + kTaskB, Segment(kTssB, 0x67, 0xe9, 0));
    Put(kGdt + kTaskGateB, Gate(kTaskB, 0, 0xe5));
    Put(kGdt + kCode16, Segment(0, 0xffff, 0x9b, 0));
    for (uint64_t vector = 0; vector < 256; ++vector)
      Put(kIdt + 8 * vector,
          Gate(kCode0, static_cast<uint32_t>(kHandlers + 16 * vector), 0xee));
    PutDword(kTssA + 4, kKernelStack);
    PutDword(kTssA + 8, kData0);
    Enter(0);
  }

  // Flat protected mode at privilege level `cpl`.
  void Enter(int cpl) {
    cpu().Reset(true);
    Registers& regs = cpu().regs;
    regs.cr0 = kCr0Pe | kCr0Et | kCr0Ne;
    regs.gdtr = {kGdt, 0xff};
    regs.idtr = {kIdt, 0x7ff};
    regs.tr = {kTssA, 0x67, 0x8b, kTaskA};
    regs.cpl = static_cast<uint8_t>(cpl);
    const uint32_t dpl = static_cast<uint32_t>(cpl) << kSegDplShift;
    for (SegmentIndex i : {kEs, kSs, kDs, kFs, kGs})
      regs.segments[i] = {0, 0xffffffff, 0xc093 | dpl, cpl ? kData3 : kData0};
    regs.segments[kCs] = {0, 0xffffffff, 0xc09b | dpl, cpl ? kCode3 : kCode0};
    regs.gpr[kRsp] = kStack;
    cpu().StateChanged();
  }
  // Fills the second task's segment: level 0, EIP at kEntry.
  void MakeTaskB() {
    PutDword(kTssB + 0x20, kEntry);
    PutDword(kTssB + 0x24, 2);
    PutDword(kTssB + 0x28, 0x11111111);  // EAX
    PutDword(kTssB + 0x38, kStack - 0x1000);
    for (uint64_t at : {0x48u, 0x50u, 0x54u, 0x58u, 0x5cu})
      PutDword(kTssB + at, kData0);
    PutDword(kTssB + 0x4c, kCode0);
  }

  Cpu& cpu() { return bare.cpu; }
  void Put(uint64_t at, uint64_t value) {
    uint8_t bytes[8];
    std::memcpy(bytes, &value, 8);
    bare.WriteRam(at, bytes);
  }
  void PutDword(uint64_t at, uint64_t value) {
    uint8_t bytes[4];
    std::memcpy(bytes, &value, 4);
    bare.WriteRam(at, bytes);
  }
  uint32_t OnStack(unsigned i) const {
    return bare.ReadRam<uint32_t>(bare.cpu.regs.gpr[kRsp] + 4 * i);
  }

  BareCpu bare;
};

TEST_F(ProtectedMode, InterruptFromUserSwitchesStackAndIretReturns) {
  Enter(3);
  bare.WriteRam(kHandlers + 16 * 0x80, std::vector<uint8_t>{0xcf});
  EXPECT_EQ(bare.Execute({0xcd, 0x80}), 0x80);
  EXPECT_EQ(cpu().cpl(), 0);
  EXPECT_EQ(cpu().gpr(kRsp), kKernelStack - 20);
  EXPECT_EQ(OnStack(0), kCode + 2);
  EXPECT_EQ(OnStack(1), kCode3);
  EXPECT_EQ(OnStack(2), 2u);
  EXPECT_EQ(OnStack(3), kStack);
  EXPECT_EQ(OnStack(4), kData3);
  bare.Run(1);
  EXPECT_EQ(cpu().cpl(), 3);
  EXPECT_EQ(cpu().rip(), kCode + 2);
  EXPECT_EQ(cpu().gpr(kRsp), kStack);
}

TEST_F(ProtectedMode, BadInnerStackIsAnInvalidTss) {
  Enter(3);
  PutDword(kTssA + 8, kData3);
  // The fault's own delivery needs the same stack: it ends in a shutdown.
  bare.Execute({0xcd, 0x80});
  EXPECT_EQ(bare.host.end_reason, EndReason::kTripleFault);
}

TEST_F(ProtectedMode, SegmentLimitsAndTypesAreChecked) {
  cpu().gpr(kRax) = kSmallData;
  EXPECT_EQ(bare.Execute({0x8e, 0xd8}), -1);  // mov ds, ax
  cpu().gpr(kRbx) = 0xfc;
  EXPECT_EQ(bare.Execute({0x89, 0x0b}), -1);  // mov [ebx], ecx
  cpu().gpr(kRbx) = 0xfd;
  EXPECT_EQ(bare.Execute({0x89, 0x0b}), kGeneralProtection);
  EXPECT_EQ(OnStack(0), 0u);

  Enter(0);
  cpu().gpr(kRax) = kExpandDown;
  bare.Execute({0x8e, 0xd8});
  cpu().gpr(kRbx) = 0x1000;
  EXPECT_EQ(bare.Execute({0x8b, 0x0b}), -1);  // mov ecx, [ebx]
  cpu().gpr(kRbx) = 0xfff;
  EXPECT_EQ(bare.Execute({0x8b, 0x0b}), kGeneralProtection);

  Enter(0);
  cpu().gpr(kRax) = kReadOnly;
  bare.Execute({0x8e, 0xd8});
  cpu().gpr(kRbx) = kData;
  EXPECT_EQ(bare.Execute({0x8b, 0x0b}), -1);
  EXPECT_EQ(bare.Execute({0x89, 0x0b}), kGeneralProtection);

  Enter(0);  // CS is not writable; a null selector is no segment
  EXPECT_EQ(bare.Execute({0x2e, 0x89, 0x0b}), kGeneralProtection);
  Enter(0);
  cpu().gpr(kRax) = 0;
  bare.Execute({0x8e, 0xd8});
  EXPECT_EQ(bare.Execute({0x8b, 0x0b}), kGeneralProtection);
}

TEST_F(ProtectedMode, LinearAddressesWrapAtFourGigabytes) {
  cpu().regs.segments[kDs].base = kData;
  cpu().gpr(kRbx) = 0u - static_cast<uint32_t>(kData) + 0x10;
  PutDword(0x10, 0x12345678);
  EXPECT_EQ(bare.Execute({0x8b, 0x0b}), -1);
  EXPECT_EQ(cpu().gpr(kRcx), 0x12345678u);
}

TEST_F(ProtectedMode, CallGateCopiesParametersAndFarReturnComesBack) {
  Enter(3);
  PutDword(kStack, 0xaaaa);
  PutDword(kStack + 4, 0xbbbb);
  bare.WriteRam(kEntry, std::vector<uint8_t>{0xca, 8, 0});  // retf 8
  bare.Execute({0x9a, 0, 0, 0, 0, kCallGate, 0});
  EXPECT_EQ(cpu().rip(), kEntry);
  EXPECT_EQ(cpu().cpl(), 0);
  EXPECT_EQ(cpu().regs.segments[kCs].selector, kCode0);
  EXPECT_EQ(cpu().regs.segments[kSs].selector, kData0);
  EXPECT_EQ(cpu().gpr(kRsp), kKernelStack - 24);
  EXPECT_EQ(OnStack(0), kCode + 7);
  EXPECT_EQ(OnStack(1), kCode3);
  EXPECT_EQ(OnStack(2), 0xaaaau);
  EXPECT_EQ(OnStack(3), 0xbbbbu);
  EXPECT_EQ(OnStack(4), kStack);
  EXPECT_EQ(OnStack(5), kData3);
  bare.Run(1);
  EXPECT_EQ(cpu().cpl(), 3);
  EXPECT_EQ(cpu().rip(), kCode + 7);
  EXPECT_EQ(cpu().gpr(kRsp), kStack + 8);
}

TEST_F(ProtectedMode, JumpMayNotRaisePrivilege) {
  Enter(3);
  EXPECT_EQ(bare.Execute({0xea, 0, 0, 0, 0, kCallGate, 0}), kGeneralProtection);
  EXPECT_EQ(OnStack(0), kCode0);
  Enter(3);
  EXPECT_EQ(bare.Execute({0xea, 0, 0, 0, 0, kCode0, 0}), kGeneralProtection);
}

TEST_F(ProtectedMode, FarJumpTo16BitCodeChangesItsSize) {
  bare.Execute({0xea, 0x34, 0x12, 0, 0, kCode16, 0});
  EXPECT_EQ(cpu().rip(), 0x1234u);
  EXPECT_EQ(cpu().code_size(), 2);
  Enter(0);
  EXPECT_EQ(bare.Execute({0xea, 0, 0, 1, 0, kCode16, 0}), kGeneralProtection);
  EXPECT_EQ(OnStack(0), 0u);
}

TEST_F(ProtectedMode, TaskSwitchByCallNestsAndIretReturns) {
  MakeTaskB();
  cpu().gpr(kRax) = 0x22222222;
  bare.WriteRam(kEntry, std::vector<uint8_t>{0xcf});
  bare.Execute({0x9a, 0, 0, 0, 0, kTaskGateB, 0});
  EXPECT_EQ(cpu().rip(), kEntry);
  EXPECT_EQ(cpu().gpr(kRax), 0x11111111u);
  EXPECT_EQ(cpu().gpr(kRsp), kStack - 0x1000);
  EXPECT_EQ(cpu().Rflags(), kNt | 2);
  EXPECT_TRUE(cpu().regs.cr0 & kCr0Ts);
  EXPECT_EQ(cpu().regs.tr.selector, kTaskB);
  EXPECT_EQ(bare.ReadRam<uint16_t>(kTssB), kTaskA);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kGdt + kTaskA + 5), 0x8b);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kGdt + kTaskB + 5), 0xeb);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kTssA + 0x20), kCode + 7);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kTssA + 0x28), 0x22222222u);
  bare.Run(1);
  EXPECT_EQ(cpu().rip(), kCode + 7);
  EXPECT_EQ(cpu().gpr(kRax), 0x22222222u);
  EXPECT_EQ(cpu().regs.tr.selector, kTaskA);
  EXPECT_FALSE(cpu().Rflags() & kNt);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kGdt + kTaskB + 5), 0xe9);
  EXPECT_EQ(cpu().position(), 2u);
}

TEST_F(ProtectedMode, JumpToABusyTaskFaults) {
  EXPECT_EQ(bare.Execute({0xea, 0, 0, 0, 0, kTaskA, 0}), kGeneralProtection);
  EXPECT_EQ(OnStack(0), kTaskA);
}

TEST_F(ProtectedMode, ExceptionThroughATaskGatePushesItsErrorCode) {
  MakeTaskB();
  Put(kIdt + 8 * kGeneralProtection, Gate(kTaskB, 0, 0xe5));
  bare.Execute({0xea, 0, 0, 0, 0, kTaskA, 0});
  EXPECT_EQ(cpu().rip(), kEntry);
  EXPECT_EQ(cpu().gpr(kRsp), kStack - 0x1004);
  EXPECT_EQ(OnStack(0), kTaskA);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kTssA + 0x20), kCode);
}

TEST_F(ProtectedMode, BadSelectorInTheNewTaskFaultsThere) {
  MakeTaskB();
  PutDword(kTssB + 0x54, 0x1000);  // DS beyond the table
  bare.Execute({0xea, 0, 0, 0, 0, kTaskB, 0});
  EXPECT_EQ(bare.DeliveredVector(), kInvalidTss);
  EXPECT_EQ(cpu().regs.tr.selector, kTaskB);
  EXPECT_EQ(OnStack(0), 0x1000u);
  EXPECT_EQ(OnStack(1), kEntry);
  EXPECT_EQ(cpu().position(), 1u);
}

TEST_F(ProtectedMode, Virtual8086ModeIsEnteredByIretAndLeftByInterrupts) {
  const uint64_t frame = kStack - 36;
  const uint32_t values[] = {0x10,   0x2000, kVm | kIopl | 2, 0x100, 0x3000,
                             0x1111, 0x2222, 0x3333,          0x4444};
  for (unsigned i = 0; i < 9; ++i) PutDword(frame + 4 * i, values[i]);
  cpu().gpr(kRsp) = frame;
  bare.Execute({0xcf});
  EXPECT_TRUE(cpu().v86());
  EXPECT_EQ(cpu().cpl(), 3);
  EXPECT_EQ(cpu().regs.segments[kCs].base, 0x20000u);
  EXPECT_EQ(cpu().regs.segments[kDs].selector, 0x2222);
  EXPECT_EQ(cpu().gpr(kRsp), 0x100u);

  bare.WriteRam(0x20010, std::vector<uint8_t>{0xcd, 0x21});
  bare.Run(1);
  EXPECT_EQ(bare.DeliveredVector(), 0x21);
  EXPECT_FALSE(cpu().v86());
  EXPECT_EQ(cpu().cpl(), 0);
  EXPECT_EQ(cpu().gpr(kRsp), kKernelStack - 36);
  EXPECT_EQ(OnStack(0), 0x12u);
  EXPECT_EQ(OnStack(1), 0x2000u);
  EXPECT_EQ(OnStack(2), kVm | kIopl | 2);
  EXPECT_EQ(OnStack(3), 0x100u);
  EXPECT_EQ(OnStack(4), 0x3000u);
  EXPECT_EQ(OnStack(5), 0x1111u);
  EXPECT_EQ(OnStack(6), 0x2222u);
  EXPECT_EQ(OnStack(7), 0x3333u);
  EXPECT_EQ(OnStack(8), 0x4444u);
  EXPECT_TRUE(cpu().regs.segments[kGs].Has(kSegUnusable));
}

TEST_F(ProtectedMode, Virtual8086InterruptsNeedIopl) {
  const uint64_t frame = kStack - 36;
  const uint32_t values[] = {0x10, 0x2000, kVm | 2, 0x100, 0x3000, 0, 0, 0, 0};
  for (unsigned i = 0; i < 9; ++i) PutDword(frame + 4 * i, values[i]);
  cpu().gpr(kRsp) = frame;
  bare.Execute({0xcf});
  bare.WriteRam(0x20010, std::vector<uint8_t>{0xcd, 0x21});
  bare.Run(1);
  EXPECT_EQ(bare.DeliveredVector(), kGeneralProtection);
  EXPECT_EQ(OnStack(0), 0u);
  EXPECT_EQ(OnStack(1), 0x10u);
}

TEST_F(ProtectedMode, PaeLoadsAndChecksItsPointers) {
  Put(kData, 0x5001);
  cpu().gpr(kRbx) = kData;
  cpu().regs.cr4 = kCr4Pae;
  cpu().regs.cr0 |= kCr0Pg;  // as far as MOV to CR3 is concerned
  EXPECT_TRUE(cpu().SetCr3(kData));
  EXPECT_EQ(cpu().regs.pdptr[0], 0x5001u);
  Put(kData + 8, 0x5003);  // bit 1 is reserved
  EXPECT_FALSE(cpu().SetCr3(kData));
}

TEST_F(ProtectedMode, ArplRaisesTheRequestedPrivilege) {
  cpu().gpr(kRax) = 0x10;
  cpu().gpr(kRbx) = 0x03;
  bare.Execute({0x63, 0xd8});  // arpl ax, bx
  EXPECT_EQ(cpu().gpr(kRax), 0x13u);
  EXPECT_TRUE(cpu().regs.flags.zf());
}

TEST_F(ProtectedMode, PushOfASegmentWritesSixteenBits) {
  PutDword(kStack - 4, 0xffffffff);
  bare.Execute({0x1e});  // push ds
  EXPECT_EQ(cpu().gpr(kRsp), kStack - 4);
  EXPECT_EQ(OnStack(0), 0xffff0000u | kData0);
}

TEST_F(ProtectedMode, MovSsHoldsBackInterrupts) {
  cpu().gpr(kRax) = kData0;
  cpu().regs.system_flags = kIf;
  cpu().StateChanged();
  bare.Execute({0x8e, 0xd0, 0x90, 0x90}, 1);  // mov ss, ax; nop
  cpu().interrupt_request = true;
  bare.Run(1);
  EXPECT_EQ(cpu().rip(), kCode + 3);
  bare.Run(1);
  EXPECT_EQ(bare.DeliveredVector(), 0x20);
}

TEST(RealMode, InterruptsUseTheVectorTable) {
  BareCpu bare(CpuMode::kReal16);
  bare.WriteRam(4 * 0x21, std::vector<uint8_t>{0x34, 0x12, 0x00, 0x20});
  bare.WriteRam(0x21234, std::vector<uint8_t>{0xcf});
  bare.WriteRam(0x500, std::vector<uint8_t>{0xcd, 0x21});
  Registers& regs = bare.cpu.regs;
  regs.system_flags = kIf;
  bare.cpu.rip() = 0x500;
  bare.Run(1);
  EXPECT_EQ(bare.cpu.rip(), 0x1234u);
  EXPECT_EQ(regs.segments[kCs].selector, 0x2000);
  EXPECT_EQ(regs.segments[kCs].base, 0x20000u);
  EXPECT_FALSE(regs.system_flags & kIf);
  EXPECT_EQ(regs.gpr[kRsp], 0x7ffau);
  EXPECT_EQ(bare.ReadRam<uint16_t>(0x7ffa), 0x502);
  bare.Run(1);
  EXPECT_EQ(bare.cpu.rip(), 0x502u);
  EXPECT_EQ(bare.cpu.Rflags(), kIf | 2);
  EXPECT_EQ(regs.gpr[kRsp], 0x8000u);
}

TEST(RealMode, SegmentLoadsKeepLimits) {
  BareCpu bare(CpuMode::kReal16);
  Registers& regs = bare.cpu.regs;
  regs.segments[kDs].limit = 0xffffffff;
  regs.gpr[kRax] = 0x1234;
  bare.WriteRam(0x500, std::vector<uint8_t>{0x8e, 0xd8});
  bare.cpu.rip() = 0x500;
  bare.Run(1);
  EXPECT_EQ(regs.segments[kDs].base, 0x12340u);
  EXPECT_EQ(regs.segments[kDs].limit, 0xffffffffu);
}

TEST(RealMode, PrivilegedTableInstructionsAreUndefined) {
  BareCpu bare(CpuMode::kReal16);
  bare.WriteRam(4 * kInvalidOpcode, std::vector<uint8_t>{0, 0x60, 0, 0});
  bare.WriteRam(0x500, std::vector<uint8_t>{0x0f, 0x00, 0xc0});  // sldt ax
  bare.cpu.rip() = 0x500;
  bare.Run(1);
  EXPECT_EQ(bare.cpu.rip(), 0x6000u);
}

TEST(RealMode, FastSystemCallsFault) {
  const struct {
    uint8_t opcode;
    int vector;
  } kCases[] = {{0x34, kGeneralProtection},  // sysenter
                {0x35, kGeneralProtection},  // sysexit
                {0x05, kInvalidOpcode},      // syscall
                {0x07, kInvalidOpcode}};     // sysret
  for (const auto& [opcode, vector] : kCases) {
    BareCpu bare(CpuMode::kReal16);
    bare.cpu.regs.sysenter_cs = 8;
    bare.WriteRam(4 * vector, std::vector<uint8_t>{0, 0x60, 0, 0});
    bare.WriteRam(0x500, std::vector<uint8_t>{0x0f, opcode});
    bare.cpu.rip() = 0x500;
    bare.Run(1);
    EXPECT_EQ(bare.cpu.rip(), 0x6000u) << int{opcode};
  }
}

TEST(Reset, StartUpIpiStartsAWaitingProcessor) {
  BareCpu bare;
  bare.cpu.Reset(false);
  EXPECT_EQ(bare.cpu.activity, Activity::kWaitForSipi);
  EXPECT_EQ(bare.cpu.regs.segments[kCs].base + bare.cpu.rip(), 0xfffffff0u);
  EXPECT_FALSE(bare.cpu.DeliverPendingEvent(true));
  bare.cpu.StartUp(0x9a);
  EXPECT_EQ(bare.cpu.activity, Activity::kRunning);
  EXPECT_EQ(bare.cpu.regs.segments[kCs].base, 0x9a000u);
  EXPECT_EQ(bare.cpu.regs.segments[kCs].selector, 0x9a00);
  EXPECT_EQ(bare.cpu.rip(), 0u);
}

}  // namespace
}  // namespace librr::pc
