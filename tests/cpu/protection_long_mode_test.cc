// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Exceptions, interrupts, system calls and system registers in 64-bit mode,
// each against the SDM's pseudocode.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "machines/pc/cpu/cpuid.h"
#include "tests/cpu/cpu_fixture.h"

namespace librr::pc {
namespace {

constexpr uint8_t kIretq[] = {0x48, 0xcf};

void PutQword(BareCpu& bare, uint64_t at, uint64_t value) {
  uint8_t bytes[8];
  std::memcpy(bytes, &value, 8);
  bare.WriteRam(at, bytes);
}

// Changes one byte of an IDT entry.
void PatchGate(BareCpu& bare, int vector, unsigned offset, uint8_t value) {
  bare.WriteRam(kIdt + 16u * static_cast<unsigned>(vector) + offset,
                {&value, 1});
}

void Unmap(BareCpu& bare, uint64_t linear) {
  PutQword(bare, kPageTables + 0x10000 + (linear >> 12) * 8, 0);
}

// The i-th value from the top of the current stack.
uint64_t OnStack(const BareCpu& bare, unsigned i) {
  return bare.ReadRam<uint64_t>(bare.cpu.regs.gpr[kRsp] + 8 * i);
}

TEST(LongModeDelivery, InterruptFromUserSwitchesStackAndIretReturns) {
  BareCpu bare(CpuMode::kLong64, 3);
  bare.cpu.regs.flags.SetWord(kCf);
  bare.cpu.regs.system_flags = kIf;
  bare.WriteRam(kHandlers + 16 * 0x80, kIretq);
  EXPECT_EQ(bare.Execute({0xcd, 0x80}), 0x80);
  EXPECT_EQ(bare.cpu.cpl(), 0);
  EXPECT_EQ(bare.cpu.regs.segments[kSs].selector, 0);
  EXPECT_EQ(bare.cpu.regs.segments[kCs].selector, kKernelCode64);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kKernelStack - 40);
  EXPECT_EQ(OnStack(bare, 0), kCode + 2);
  EXPECT_EQ(OnStack(bare, 1), kUserCode64);
  EXPECT_EQ(OnStack(bare, 2), kIf | kCf | 2);
  EXPECT_EQ(OnStack(bare, 3), kStack);
  EXPECT_EQ(OnStack(bare, 4), kUserData);
  EXPECT_FALSE(bare.cpu.regs.system_flags & kIf);
  bare.Run(1);
  EXPECT_EQ(bare.cpu.cpl(), 3);
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kStack);
  EXPECT_EQ(bare.cpu.regs.segments[kSs].selector, kUserData);
  EXPECT_EQ(bare.cpu.Rflags(), kIf | kCf | 2);
  EXPECT_EQ(bare.cpu.position(), 2u);
}

TEST(LongModeDelivery, StackIsAlignedWithoutPrivilegeChange) {
  BareCpu bare;
  bare.cpu.gpr(kRsp) = kStack - 3;
  EXPECT_EQ(bare.Execute({0xcd, 0x80}), 0x80);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kStack - 16 - 40);
  EXPECT_EQ(OnStack(bare, 3), kStack - 3);
  EXPECT_EQ(OnStack(bare, 4), kKernelData);
}

TEST(LongModeDelivery, FaultPushesErrorCodeAndResumeFlag) {
  BareCpu bare;
  Unmap(bare, kData);
  bare.cpu.gpr(kRax) = kData;
  EXPECT_EQ(bare.Execute({0x48, 0x89, 0x08}), kPageFault);  // mov [rax], rcx
  EXPECT_EQ(bare.cpu.regs.cr2, kData);
  EXPECT_EQ(OnStack(bare, 0), 2u);  // a write to a page that is not present
  EXPECT_EQ(OnStack(bare, 1), kCode);
  EXPECT_EQ(OnStack(bare, 3), kRf | 2);
  EXPECT_FALSE(bare.cpu.regs.system_flags & kRf);
  EXPECT_EQ(bare.cpu.position(), 1u);
}

TEST(LongModeDelivery, SoftwareInterruptNeedsTheGatesPrivilege) {
  BareCpu bare(CpuMode::kLong64, 3);
  PatchGate(bare, 0x80, 5, 0x8e);
  EXPECT_EQ(bare.Execute({0xcd, 0x80}), kGeneralProtection);
  EXPECT_EQ(OnStack(bare, 0), 0x80u * 8 + 2);  // IDT, EXT clear
  EXPECT_EQ(OnStack(bare, 1), kCode);
  // INT1 is not subject to it.
  PatchGate(bare, kDebug, 5, 0x8e);
  bare.ResetRegisters();
  EXPECT_EQ(bare.Execute({0xf1}), kDebug);
}

TEST(LongModeDelivery, AbsentGateReportsExternalEvents) {
  BareCpu bare;
  PatchGate(bare, kInvalidOpcode, 5, 0x6e);
  EXPECT_EQ(bare.Execute({0x0f, 0x0b}), kSegmentNotPresent);
  EXPECT_EQ(OnStack(bare, 0), kInvalidOpcode * 8u + 3);
}

TEST(LongModeDelivery, InterruptStackTableIsUsed) {
  BareCpu bare;
  PutQword(bare, kTss + 36 + 8, kKernelStack + 0x800);  // IST2
  PatchGate(bare, 0x80, 4, 2);
  EXPECT_EQ(bare.Execute({0xcd, 0x80}), 0x80);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kKernelStack + 0x800 - 40);
  EXPECT_EQ(bare.cpu.regs.segments[kSs].selector, kKernelData);
}

TEST(LongModeDelivery, TwoContributoryFaultsAreADoubleFault) {
  BareCpu bare;
  PatchGate(bare, kGeneralProtection, 5, 0x6e);
  bare.cpu.gpr(kRax) = ~0ull;
  EXPECT_EQ(bare.Execute({0x0f, 0x22, 0xe0}), kDoubleFault);  // mov cr4, rax
  EXPECT_EQ(OnStack(bare, 0), 0u);
  EXPECT_EQ(OnStack(bare, 1), kCode);
}

TEST(LongModeDelivery, FaultDuringDoubleFaultShutsDown) {
  BareCpu bare;
  bare.cpu.regs.idtr.limit = 0;
  bare.Execute({0x0f, 0x0b}, 5);
  EXPECT_EQ(bare.host.end_reason, EndReason::kTripleFault);
  EXPECT_EQ(bare.cpu.activity, Activity::kShutdown);
  EXPECT_EQ(bare.cpu.rip(), kCode);
  EXPECT_EQ(bare.cpu.position(), 1u);
}

TEST(LongModeDelivery, PageFaultOnTheHandlersStackIsADoubleFault) {
  BareCpu bare;
  PutQword(bare, kTss + 36, kKernelStack + 0x800);  // IST1
  PatchGate(bare, kDoubleFault, 4, 1);
  Unmap(bare, kData);
  bare.cpu.gpr(kRsp) = kData + 0x100;
  EXPECT_EQ(bare.Execute({0x50}), kDoubleFault);  // push rax
  EXPECT_EQ(OnStack(bare, 4), kData + 0x100);
  EXPECT_EQ(bare.cpu.regs.cr2, kData + 0x100 - 8);
}

TEST(LongModeDelivery, StiHoldsInterruptsBackForOneInstruction) {
  BareCpu bare;
  bare.cpu.interrupt_request = true;
  bare.Execute({0xfb, 0x90, 0x90, 0x90}, 2);  // sti; nop; ...
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  bare.Run(1);
  EXPECT_EQ(bare.DeliveredVector(), 0x20);
  EXPECT_EQ(OnStack(bare, 0), kCode + 2);
}

TEST(LongModeDelivery, HltWakesAndReturnsBehindItself) {
  BareCpu bare;
  bare.cpu.regs.system_flags = kIf;
  bare.Execute({0xf4}, 1);
  EXPECT_EQ(bare.cpu.activity, Activity::kHalted);
  bare.cpu.interrupt_request = true;
  bare.Run(1);
  EXPECT_EQ(bare.cpu.activity, Activity::kRunning);
  EXPECT_EQ(bare.DeliveredVector(), 0x20);
  EXPECT_EQ(OnStack(bare, 0), kCode + 1);
}

TEST(LongModeDelivery, NmiIsBlockedUntilIret) {
  BareCpu bare;
  bare.WriteRam(kHandlers + 16 * kNmi, kIretq);
  bare.cpu.regs.nmi_pending = true;
  bare.Execute({0x90}, 1);
  EXPECT_EQ(bare.DeliveredVector(), kNmi);
  bare.cpu.regs.nmi_pending = true;
  bare.Run(1);
  EXPECT_EQ(bare.cpu.rip(), kCode);
  EXPECT_FALSE(bare.cpu.regs.nmi_blocked);
  bare.Run(1);
  EXPECT_EQ(bare.DeliveredVector(), kNmi);
}

TEST(LongModeDelivery, SingleStepTrapsAfterTheInstruction) {
  BareCpu bare;
  bare.cpu.regs.system_flags = kTf;
  bare.Execute({0x90, 0x90}, 2);
  EXPECT_EQ(bare.DeliveredVector(), kDebug);
  EXPECT_EQ(OnStack(bare, 0), kCode + 1);
  EXPECT_EQ(bare.cpu.regs.dr6, 0xffff4ff0u);
  EXPECT_FALSE(bare.cpu.regs.system_flags & kTf);
}

TEST(LongModeReturn, IretNeedsAGoodCodeSelector) {
  BareCpu bare;
  const uint64_t frame = kStack - 40;
  bare.cpu.gpr(kRsp) = frame;
  PutQword(bare, frame, kCode);
  PutQword(bare, frame + 8, kKernelData);
  PutQword(bare, frame + 16, 2);
  PutQword(bare, frame + 24, kStack);
  PutQword(bare, frame + 32, kKernelData);
  EXPECT_EQ(bare.Execute(kIretq), kGeneralProtection);
  EXPECT_EQ(OnStack(bare, 0), kKernelData);
  // A stack that the outer level may not use.
  bare.ResetRegisters();
  bare.cpu.gpr(kRsp) = frame;
  PutQword(bare, frame + 8, kUserCode64);
  EXPECT_EQ(bare.Execute(kIretq), kGeneralProtection);
  EXPECT_EQ(OnStack(bare, 0), kKernelData);
  EXPECT_EQ(bare.cpu.cpl(), 0);
}

TEST(LongModeReturn, IretToNonCanonicalAddressFaultsBeforeLeaving) {
  BareCpu bare;
  const uint64_t frame = kStack - 40;
  bare.cpu.gpr(kRsp) = frame;
  PutQword(bare, frame, 1ull << 47);
  PutQword(bare, frame + 8, kUserCode64);
  PutQword(bare, frame + 16, 2);
  PutQword(bare, frame + 24, kStack);
  PutQword(bare, frame + 32, kUserData);
  EXPECT_EQ(bare.Execute(kIretq), kGeneralProtection);
  EXPECT_EQ(OnStack(bare, 0), 0u);
  EXPECT_EQ(OnStack(bare, 4), frame);
}

TEST(LongModeReturn, ReturnToCompatibilityModeDropsKernelSegments) {
  BareCpu bare;
  const uint64_t frame = kStack - 40;
  bare.cpu.gpr(kRsp) = frame;
  bare.cpu.regs.segments[kFs].attributes = kSegUnusable;
  bare.cpu.regs.segments[kFs].base = 0x1234;
  PutQword(bare, frame, 0xffffffff00000000 | kCode);
  PutQword(bare, frame + 8, kUserCode32);
  PutQword(bare, frame + 16, kIf | 2);
  PutQword(bare, frame + 24, kStack);
  PutQword(bare, frame + 32, kUserData);
  // The limit of a 32-bit code segment is checked against all of RIP.
  EXPECT_EQ(bare.Execute(kIretq), kGeneralProtection);
  bare.ResetRegisters();
  bare.cpu.gpr(kRsp) = frame;
  bare.cpu.regs.segments[kFs].attributes = kSegUnusable;
  bare.cpu.regs.segments[kFs].base = 0x1234;
  PutQword(bare, frame, kCode + 0x100);
  bare.Execute(kIretq);
  EXPECT_EQ(bare.cpu.rip(), kCode + 0x100);
  EXPECT_EQ(bare.cpu.code_size(), 4);
  EXPECT_TRUE(bare.cpu.regs.segments[kDs].Has(kSegUnusable));
  // A base set through IA32_FS_BASE outlives the return.
  EXPECT_EQ(bare.cpu.regs.segments[kFs].base, 0x1234u);
}

TEST(SystemCalls, SyscallAndSysretExchangeWhatTheSdmSays) {
  BareCpu bare(CpuMode::kLong64, 3);
  Registers& regs = bare.cpu.regs;
  regs.star = uint64_t{kUserCode32} << 48 | uint64_t{kKernelCode64} << 32;
  regs.lstar = kCode + 0x100;
  regs.sfmask = kIf | kTf;
  regs.system_flags = kIf;
  regs.flags.SetWord(kZf);
  const uint8_t sysretq[] = {0x48, 0x0f, 0x07};
  bare.WriteRam(kCode + 0x100, sysretq);
  bare.Execute({0x0f, 0x05});
  EXPECT_EQ(bare.cpu.cpl(), 0);
  EXPECT_EQ(bare.cpu.rip(), kCode + 0x100);
  EXPECT_EQ(bare.cpu.gpr(kRcx), kCode + 2);
  EXPECT_EQ(bare.cpu.gpr(kR11), kIf | kZf | 2);
  EXPECT_EQ(bare.cpu.Rflags(), kZf | 2);
  EXPECT_EQ(regs.segments[kSs].selector, kKernelData);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kStack);
  bare.Run(1);
  EXPECT_EQ(bare.cpu.cpl(), 3);
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  EXPECT_EQ(regs.segments[kCs].selector, kUserCode64);
  EXPECT_EQ(regs.segments[kSs].selector, kUserData);
  EXPECT_EQ(bare.cpu.Rflags(), kIf | kZf | 2);
  EXPECT_TRUE(bare.cpu.code64());
}

TEST(SystemCalls, SyscallIsUndefinedOutside64BitMode) {
  BareCpu bare(CpuMode::kCompat32, 3);
  EXPECT_EQ(bare.Execute({0x0f, 0x05}), kInvalidOpcode);
}

TEST(SystemCalls, SysenterFromCompatibilityModeEnters64BitMode) {
  BareCpu bare(CpuMode::kCompat32, 3);
  Registers& regs = bare.cpu.regs;
  EXPECT_EQ(bare.Execute({0x0f, 0x34}), kGeneralProtection);
  bare.ResetRegisters();
  regs.sysenter_cs = kKernelCode64;
  regs.sysenter_esp = kKernelStack;
  regs.sysenter_eip = kCode + 0x100;
  regs.system_flags = kIf;
  bare.Execute({0x0f, 0x34});
  EXPECT_TRUE(bare.cpu.code64());
  EXPECT_EQ(bare.cpu.cpl(), 0);
  EXPECT_EQ(bare.cpu.rip(), kCode + 0x100);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kKernelStack);
  EXPECT_EQ(bare.cpu.Rflags(), 2u);
}

TEST(SystemCalls, SwapgsExchangesBases) {
  BareCpu bare;
  bare.cpu.regs.kernel_gs_base = 0xffff888000000000;
  bare.cpu.regs.segments[kGs].base = 0x7000;
  bare.Execute({0x0f, 0x01, 0xf8});
  EXPECT_EQ(bare.cpu.regs.segments[kGs].base, 0xffff888000000000);
  EXPECT_EQ(bare.cpu.regs.kernel_gs_base, 0x7000u);
  BareCpu user(CpuMode::kLong64, 3);
  EXPECT_EQ(user.Execute({0x0f, 0x01, 0xf8}), kGeneralProtection);
}

TEST(ControlRegisters, ImpossibleValuesAreGeneralProtection) {
  BareCpu bare;
  bare.cpu.gpr(kRax) = kCr0Pe;  // paging off in 64-bit mode
  EXPECT_EQ(bare.Execute({0x0f, 0x22, 0xc0}), kGeneralProtection);
  bare.ResetRegisters();
  bare.cpu.gpr(kRax) = 0;  // PAE off in IA-32e mode
  EXPECT_EQ(bare.Execute({0x0f, 0x22, 0xe0}), kGeneralProtection);
  bare.ResetRegisters();
  bare.cpu.gpr(kRax) = kCr4Pae | 1 << 18;  // OSXSAVE
  EXPECT_EQ(bare.Execute({0x0f, 0x22, 0xe0}), kGeneralProtection);
  bare.ResetRegisters();
  bare.cpu.gpr(kRax) = kPageTables | 1ull << kPhysicalAddressBits;
  EXPECT_EQ(bare.Execute({0x0f, 0x22, 0xd8}), kGeneralProtection);
  bare.ResetRegisters();
  EXPECT_EQ(bare.Execute({0x0f, 0x20, 0xc8}), kInvalidOpcode);  // cr1
}

TEST(ControlRegisters, Cr8IsTheTaskPriority) {
  BareCpu bare;
  bare.cpu.gpr(kRax) = 9;
  EXPECT_EQ(bare.Execute({0x44, 0x0f, 0x22, 0xc0}), -1);
  EXPECT_EQ(bare.host.cr8, 9);
  EXPECT_EQ(bare.Execute({0x44, 0x0f, 0x20, 0xc1}), -1);
  EXPECT_EQ(bare.cpu.gpr(kRcx), 9u);
  bare.cpu.gpr(kRax) = 16;
  EXPECT_EQ(bare.Execute({0x44, 0x0f, 0x22, 0xc0}), kGeneralProtection);
}

TEST(ControlRegisters, LmswCannotClearProtection) {
  BareCpu bare;
  bare.cpu.gpr(kRax) = 0xfffe & ~kCr0Em;
  bare.Execute({0x0f, 0x01, 0xf0});
  EXPECT_EQ(bare.cpu.regs.cr0 & 0xf, kCr0Pe | kCr0Mp | kCr0Ts);
}

TEST(ControlRegisters, DebugRegistersKeepTheirFixedBits) {
  BareCpu bare;
  bare.cpu.gpr(kRax) = 0xffffffff;
  bare.Execute({0x0f, 0x23, 0xf0});
  EXPECT_EQ(bare.cpu.regs.dr6, 0xffffefffu);
  bare.cpu.gpr(kRax) = 0x2000;
  bare.Execute({0x0f, 0x23, 0xf8});
  EXPECT_EQ(bare.cpu.regs.dr7, 0x2400u);
  // General detect: any access is a fault, and the handler may access them.
  EXPECT_EQ(bare.Execute({0x0f, 0x21, 0xc0}), kDebug);
  EXPECT_EQ(bare.cpu.regs.dr7, 0x400u);
  EXPECT_TRUE(bare.cpu.regs.dr6 & 0x2000);
}

TEST(ControlRegisters, UmipHidesTablesFromUsers) {
  BareCpu bare(CpuMode::kLong64, 3);
  bare.cpu.gpr(kRax) = kData;
  EXPECT_EQ(bare.Execute({0x0f, 0x01, 0x00}), -1);  // sgdt [rax]
  EXPECT_EQ(bare.ReadRam<uint16_t>(kData), 0xffu);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 2), kGdt);
  bare.cpu.regs.cr4 |= kCr4Umip;
  EXPECT_EQ(bare.Execute({0x0f, 0x01, 0x00}), kGeneralProtection);
}

TEST(Msrs, WritingTheTscMovesItsAdjustment) {
  BareCpu bare;
  uint64_t value;
  ASSERT_TRUE(bare.cpu.WriteMsr(0x10, 1000));
  EXPECT_EQ(bare.cpu.ReadTsc(), 1000u);
  ASSERT_TRUE(bare.cpu.ReadMsr(0x3b, &value));
  EXPECT_EQ(value, 1000u);
  ASSERT_TRUE(bare.cpu.WriteMsr(0x3b, 10));
  EXPECT_EQ(bare.cpu.ReadTsc(), 10u);
}

TEST(Msrs, BadValuesAndUnknownOnesAreRefused) {
  BareCpu bare;
  uint64_t value;
  EXPECT_FALSE(bare.cpu.ReadMsr(0xc0011029, &value));
  EXPECT_FALSE(bare.cpu.ReadMsr(0x34, &value));
  EXPECT_FALSE(bare.cpu.ReadMsr(0x48, &value));
  EXPECT_FALSE(bare.cpu.WriteMsr(0x10a, 0));
  EXPECT_FALSE(bare.cpu.WriteMsr(0xc0000100, 1ull << 47));
  EXPECT_FALSE(bare.cpu.WriteMsr(0x277, 2));         // no such memory type
  EXPECT_FALSE(bare.cpu.WriteMsr(0xc0000080, 0x2));  // reserved in EFER
  EXPECT_FALSE(bare.cpu.WriteMsr(0xc0000080, 0));    // LME while paging
  EXPECT_TRUE(bare.cpu.WriteMsr(0xc0000080, kEferLme));
  EXPECT_EQ(bare.cpu.regs.efer, kEferLme | kEferLma);
}

TEST(Msrs, UsersMayNotAccessThem) {
  BareCpu bare(CpuMode::kLong64, 3);
  bare.cpu.gpr(kRcx) = 0x10;
  EXPECT_EQ(bare.Execute({0x0f, 0x32}), kGeneralProtection);
}

TEST(Ports, TheTssBitmapDecidesBelowIopl) {
  BareCpu bare(CpuMode::kLong64, 3);
  bare.cpu.regs.tr.limit = 0x67 + 0x100;
  const uint8_t map_base[] = {0x68, 0};
  bare.WriteRam(kTss + 0x66, map_base);
  std::vector<uint8_t> map(0x100, 0xff);
  map[0x80 / 8] = 0xf0;
  bare.WriteRam(kTss + 0x68, map);
  EXPECT_EQ(bare.Execute({0xe4, 0x80}), -1);  // in al, 0x80
  EXPECT_EQ(bare.cpu.gpr(kRax), 0xffu);
  EXPECT_EQ(bare.Execute({0xe5, 0x80}), -1);  // in eax, 0x80
  EXPECT_EQ(bare.cpu.gpr(kRax), 0xffffffffu);
  EXPECT_EQ(bare.Execute({0xe5, 0x81}), kGeneralProtection);
  bare.ResetRegisters();  // the map lies beyond the limit
  EXPECT_EQ(bare.Execute({0xe4, 0x80}), kGeneralProtection);
  bare.ResetRegisters();
  bare.cpu.regs.system_flags = kIopl;
  EXPECT_EQ(bare.Execute({0xe4, 0x80}), -1);
}

TEST(Ports, RepeatedInputTakesAStepPerIteration) {
  BareCpu bare;
  bare.cpu.gpr(kRcx) = 3;
  bare.cpu.gpr(kRdi) = kData;
  bare.cpu.gpr(kRdx) = 0x1f0;
  bare.Execute({0xf3, 0x66, 0x6d}, 2);  // rep insw
  EXPECT_EQ(bare.cpu.rip(), kCode);
  EXPECT_EQ(bare.cpu.gpr(kRcx), 1u);
  bare.Run(1);
  EXPECT_EQ(bare.cpu.rip(), kCode + 3);
  EXPECT_EQ(bare.cpu.gpr(kRdi), kData + 6);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData), 0xffffffffffffu);
  EXPECT_EQ(bare.host.last_port, 0x1f0);
}

TEST(Ports, AStoreThatWouldFaultReadsNoPort) {
  BareCpu bare;
  Unmap(bare, kData);
  bare.cpu.gpr(kRdi) = kData;
  bare.cpu.gpr(kRdx) = 0x60;
  EXPECT_EQ(bare.Execute({0x6c}), kPageFault);
  EXPECT_EQ(bare.host.last_port, 0);
}

TEST(Selectors, LarLslAndVerifyTellWhatIsAllowed) {
  BareCpu bare(CpuMode::kLong64, 3);
  bare.cpu.gpr(kRax) = kUserData;
  bare.Execute({0x0f, 0x02, 0xc8});  // lar ecx, ax
  EXPECT_EQ(bare.cpu.gpr(kRcx), 0x00c0f300u);
  EXPECT_TRUE(bare.cpu.regs.flags.zf());
  bare.Execute({0x0f, 0x03, 0xc8});  // lsl ecx, ax
  EXPECT_EQ(bare.cpu.gpr(kRcx), 0xffffffffu);
  bare.Execute({0x0f, 0x00, 0xe8});  // verw ax
  EXPECT_TRUE(bare.cpu.regs.flags.zf());
  bare.cpu.gpr(kRax) = kKernelData;
  bare.Execute({0x0f, 0x03, 0xc8});
  EXPECT_FALSE(bare.cpu.regs.flags.zf());
  EXPECT_EQ(bare.cpu.gpr(kRcx), 0xffffffffu);
  bare.cpu.gpr(kRax) = 0;
  bare.Execute({0x0f, 0x00, 0xe0});  // verr ax
  EXPECT_FALSE(bare.cpu.regs.flags.zf());
}

TEST(Selectors, LoadingChecksPrivilegeAndPresence) {
  BareCpu bare(CpuMode::kLong64, 3);
  bare.cpu.gpr(kRax) = kKernelData;
  EXPECT_EQ(bare.Execute({0x8e, 0xd8}), kGeneralProtection);  // mov ds, ax
  EXPECT_EQ(OnStack(bare, 0), kKernelData);
  bare.ResetRegisters();
  bare.cpu.gpr(kRax) = 0;
  EXPECT_EQ(bare.Execute({0x8e, 0xe0}), -1);                  // mov fs, ax
  EXPECT_EQ(bare.Execute({0x8e, 0xd0}), kGeneralProtection);  // mov ss, ax
  bare.ResetRegisters();
  bare.cpu.gpr(kRax) = 0x1000;  // beyond the table
  EXPECT_EQ(bare.Execute({0x8e, 0xc0}), kGeneralProtection);
  EXPECT_EQ(OnStack(bare, 0), 0x1000u);
  bare.ResetRegisters();
  const uint8_t absent = 0x73;
  bare.WriteRam(kGdt + (kUserData & ~7) + 5, {&absent, 1});
  bare.cpu.gpr(kRax) = kUserData;
  EXPECT_EQ(bare.Execute({0x8e, 0xc0}), kSegmentNotPresent);
  EXPECT_EQ(OnStack(bare, 0), kUserData & ~3u);
  bare.ResetRegisters();
  bare.cpu.gpr(kRax) = kUserData;
  EXPECT_EQ(bare.Execute({0x8e, 0xd0}), kStackFault);
}

TEST(Selectors, LoadingSetsTheAccessedBit) {
  BareCpu bare;
  const uint8_t fresh = 0x92;
  bare.WriteRam(kGdt + kKernelData + 5, {&fresh, 1});
  bare.cpu.gpr(kRax) = kKernelData;
  EXPECT_EQ(bare.Execute({0x8e, 0xc0}), -1);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kGdt + kKernelData + 5), 0x93);
  EXPECT_TRUE(bare.cpu.regs.segments[kEs].Has(kSegAccessed));
}

TEST(Selectors, LtrNeedsAnAvailableTssAndMakesItBusy) {
  BareCpu bare;
  bare.cpu.gpr(kRax) = kTaskState;
  EXPECT_EQ(bare.Execute({0x0f, 0x00, 0xd8}), kGeneralProtection);
  bare.ResetRegisters();
  const uint8_t available = 0x89;
  bare.WriteRam(kGdt + kTaskState + 5, {&available, 1});
  PutQword(bare, kGdt + kTaskState + 8, 0xffff8880);
  bare.cpu.gpr(kRax) = kTaskState;
  EXPECT_EQ(bare.Execute({0x0f, 0x00, 0xd8}), -1);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kGdt + kTaskState + 5), 0x8b);
  EXPECT_EQ(bare.cpu.regs.tr.base, 0xffff888000000000 | kTss);
}

TEST(CpuidInstruction, DescribesTheModelAndTheTopology) {
  BareCpu bare;
  EXPECT_EQ(Cpuid(bare.cpu, 0, 0).ebx, 0x756e6547u);
  EXPECT_EQ(Cpuid(bare.cpu, 0, 0).edx, 0x49656e69u);
  EXPECT_EQ(Cpuid(bare.cpu, 0, 0).ecx, 0x6c65746eu);
  EXPECT_EQ(Cpuid(bare.cpu, 1, 0).eax, kCpuSignature);
  EXPECT_EQ(Cpuid(bare.cpu, 0x15, 0).ecx, 1'000'000'000u);
  EXPECT_EQ(Cpuid(bare.cpu, 0xb, 1).ebx, 1u);
  EXPECT_EQ(Cpuid(bare.cpu, 0x80000008, 0).eax, 0x3028u);
  // Leaves beyond the last: those of the last basic one.
  EXPECT_EQ(Cpuid(bare.cpu, 0x40000000, 0).eax, Cpuid(bare.cpu, 0x16, 0).eax);
  bare.cpu.gpr(kRax) = 0xffffffff80000002;
  bare.cpu.gpr(kRbx) = ~0ull;
  bare.Execute({0x0f, 0xa2});
  EXPECT_EQ(bare.cpu.gpr(kRax), 0x7262696cu);  // "libr"
  EXPECT_EQ(bare.cpu.gpr(kRbx), 0x69762072u);  // "r vi"
}

TEST(TimeStampCounter, CanBeKeptFromUsers) {
  BareCpu bare(CpuMode::kLong64, 3);
  EXPECT_EQ(bare.Execute({0x0f, 0x31}), -1);
  EXPECT_EQ(bare.host.extra_ns, kRdtscSurchargeNs);
  bare.cpu.regs.cr4 |= kCr4Tsd;
  EXPECT_EQ(bare.Execute({0x0f, 0x31}), kGeneralProtection);
}

}  // namespace
}  // namespace librr::pc
