// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/cpu_fixture.h"

#include <cstring>

#include "librr-core/base/check.h"

namespace librr::pc {
namespace {

constexpr uint64_t kUserPage = 7;  // present, writable, user

SegmentRegister FlatSegment(uint16_t selector, bool code, bool is_long,
                            int dpl) {
  SegmentRegister segment;
  segment.limit = 0xffffffff;
  segment.selector = selector;
  segment.attributes = kSegAccessed | kSegWritable | kSegNotSystem |
                       kSegPresent | kSegGranular |
                       static_cast<uint32_t>(dpl) << kSegDplShift |
                       (code ? kSegCode : 0) | (is_long ? kSegLong : kSegBig);
  return segment;
}

uint64_t FlatDescriptor(bool code, bool is_long, int dpl) {
  uint64_t access = 0x93u | (code ? 8u : 0u) | static_cast<uint64_t>(dpl) << 5;
  const uint64_t flags = 0x8u | (is_long ? 2u : 4u);
  return 0xffff | access << 40 | 0xfull << 48 | flags << 52;
}

}  // namespace

BareCpu::BareCpu(CpuMode mode, int cpl)
    : mode_(mode),
      cpl_(cpl),
      memory_(*PhysicalMemory::Create(kRamBytes)),
      shared_{memory_.get(), nullptr, nullptr, {}},
      blocks_(&shared_),
      tracker_(&shared_),
      self_(nullptr),
      host(&self_),
      cpu(0, &shared_, &host) {
  self_ = &cpu;
  shared_.blocks = &blocks_;
  shared_.tracker = &tracker_;
  shared_.cpus.push_back(&cpu);
  BuildTables();
  ResetRegisters();
}

void BareCpu::BuildTables() {
  const auto put = [this](uint64_t at, uint64_t value) {
    std::memcpy(memory_->Host(at), &value, 8);
  };
  put(kPageTables, (kPageTables + 0x1000) | kUserPage);
  put(kPageTables + 0x1000, (kPageTables + 0x2000) | kUserPage);
  for (uint64_t i = 0; i < kRamBytes >> 21; ++i) {
    // 4 KiB pages, so that tests may unmap single ones.
    const uint64_t table = kPageTables + 0x10000 + i * 0x1000;
    put(kPageTables + 0x2000 + i * 8, table | kUserPage);
    for (uint64_t j = 0; j < 512; ++j)
      put(table + j * 8, (i << 21 | j << 12) | kUserPage);
  }
  put(kGdt + kKernelCode64, FlatDescriptor(true, true, 0));
  put(kGdt + kKernelData, FlatDescriptor(false, false, 0));
  put(kGdt + kKernelCode32, FlatDescriptor(true, false, 0));
  put(kGdt + (kUserCode32 & ~7), FlatDescriptor(true, false, 3));
  put(kGdt + (kUserData & ~7), FlatDescriptor(false, false, 3));
  put(kGdt + (kUserCode64 & ~7), FlatDescriptor(true, true, 3));
  // A busy 64-bit TSS.
  put(kGdt + kTaskState, 0x67 | (kTss & 0xffffff) << 16 | 0x8bull << 40);
  put(kGdt + kTaskState + 8, 0);
  put(kTss + 4, kKernelStack);  // RSP0
  for (uint64_t vector = 0; vector < 256; ++vector) {
    const uint64_t offset = kHandlers + 16 * vector;
    put(kIdt + 16 * vector, (offset & 0xffff) | uint64_t{kKernelCode64} << 16 |
                                0xeeull << 40 | (offset >> 16 & 0xffff) << 48);
    put(kIdt + 16 * vector + 8, 0);
  }
}

void BareCpu::ResetRegisters() {
  cpu.Reset(true);
  Registers& regs = cpu.regs;
  if (mode_ != CpuMode::kReal16) {
    const bool is_long = mode_ == CpuMode::kLong64;
    regs.cr0 = kCr0Pe | kCr0Mp | kCr0Et | kCr0Ne | kCr0Wp | kCr0Pg;
    regs.cr3 = kPageTables;
    regs.cr4 = kCr4Pae | kCr4Osfxsr | kCr4Osxmmexcpt;
    regs.efer = kEferSce | kEferLme | kEferLma | kEferNxe;
    regs.cpl = static_cast<uint8_t>(cpl_);
    const uint16_t code = cpl_ == 3 ? (is_long ? kUserCode64 : kUserCode32)
                                    : (is_long ? kKernelCode64 : kKernelCode32);
    regs.segments[kCs] = FlatSegment(code, true, is_long, cpl_);
    for (SegmentIndex i : {kEs, kSs, kDs, kFs, kGs})
      regs.segments[i] =
          FlatSegment(cpl_ == 3 ? kUserData : kKernelData, false, false, cpl_);
    regs.gdtr = {kGdt, 0xff};
    regs.idtr = {kIdt, 0xfff};
    regs.tr.base = kTss;
    regs.tr.limit = 0x67;
    regs.tr.selector = kTaskState;
    regs.tr.attributes = 0x8b;
  } else {
    for (SegmentIndex i : {kEs, kCs, kSs, kDs, kFs, kGs})
      regs.segments[i].base = 0;
  }
  regs.x87 = X87State();  // as after FNINIT
  regs.gpr[kRsp] = mode_ == CpuMode::kReal16 ? 0x8000 : kStack;
  cpu.StateChanged();
}

void BareCpu::WriteRam(uint64_t physical, absl::Span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint8_t* host_byte = memory_->Host(physical + i);
    LIBRR_CHECK(host_byte != nullptr);
    tracker_.BeforeStore(memory_->PageOfHost(host_byte),
                         static_cast<unsigned>((physical + i) & kPageMask), 1);
    *host_byte = bytes[i];
  }
}

std::vector<uint8_t> BareCpu::ReadRam(uint64_t physical, size_t size) const {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = *memory_->Host(physical + i);
  return bytes;
}

void BareCpu::Run(uint64_t steps) {
  const uint64_t end = cpu.position() + steps;
  while (cpu.position() < end && host.end_reason == EndReason::kNone) {
    const uint64_t left = end - cpu.position();
    cpu.position_at_zero = end;
    cpu.steps_left = static_cast<int64_t>(left);
    if (cpu.DeliverPendingEvent(cpu.interrupt_request)) continue;
    cpu.RunBlocks();
    if (cpu.activity != Activity::kRunning) break;
  }
}

int BareCpu::Execute(absl::Span<const uint8_t> code, uint64_t steps) {
  WriteRam(kCode, code);
  cpu.rip() = kCode;
  Run(steps);
  return DeliveredVector();
}

int BareCpu::DeliveredVector() const {
  const uint64_t rip = cpu.regs.gpr[kRip];
  if (rip < kHandlers || rip >= kHandlers + 256 * 16) return -1;
  return static_cast<int>((rip - kHandlers) / 16);
}

}  // namespace librr::pc
