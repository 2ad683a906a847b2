// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A vCPU with RAM and nothing else, for tests of instructions.
//
//   BareCpu bare;                                // 64-bit mode, CPL 0
//   bare.cpu.gpr(kRax) = 1;
//   bare.Execute({0x48, 0x01, 0xd8});            // add rax, rbx
//   EXPECT_EQ(bare.cpu.gpr(kRax), ...);
//
// RAM is 16 MiB, mapped 1:1 and accessible to user mode. Code is placed at
// kCode, the stack grows down from kStack; [kData, kData + 1 MiB) is free. The
// IDT sends vector n to kHandlers + 16 * n; `Execute` reports which vector was
// delivered.
#ifndef LIBRR_TESTS_CPU_CPU_FIXTURE_H_
#define LIBRR_TESTS_CPU_CPU_FIXTURE_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "machines/pc/cpu/block_cache.h"
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/page_tracker.h"

namespace librr::pc {

inline constexpr uint64_t kRamBytes = 16 << 20;
inline constexpr uint64_t kPageTables = 0x1000;  // to 0x4fff
inline constexpr uint64_t kGdt = 0x6000;
inline constexpr uint64_t kIdt = 0x7000;
inline constexpr uint64_t kTss = 0x8000;
inline constexpr uint64_t kHandlers = 0x9000;
inline constexpr uint64_t kKernelStack = 0xf000;
inline constexpr uint64_t kCode = 0x100000;
inline constexpr uint64_t kStack = 0x200000;
inline constexpr uint64_t kData = 0x400000;

// Selectors of the GDT.
inline constexpr uint16_t kKernelCode64 = 0x08;
inline constexpr uint16_t kKernelData = 0x10;
inline constexpr uint16_t kKernelCode32 = 0x18;
inline constexpr uint16_t kUserCode32 = 0x23;
inline constexpr uint16_t kUserData = 0x2b;
inline constexpr uint16_t kUserCode64 = 0x33;
inline constexpr uint16_t kTaskState = 0x38;

enum class CpuMode { kLong64, kCompat32, kReal16 };

// A host without devices: ports and MMIO float.
class FakeHost final : public CpuHost {
 public:
  explicit FakeHost(const Cpu* const* cpu) : cpu_(cpu) {}
  uint64_t NowNs() const override { return (*cpu_)->position() + extra_ns; }
  void AddSurcharge(uint64_t ns) override { extra_ns += ns; }
  uint32_t ReadPort(int, uint16_t port, int) override {
    last_port = port;
    return ~0u;
  }
  void WritePort(int, uint16_t port, int, uint32_t value) override {
    last_port = port;
    last_value = value;
  }
  uint64_t ReadMmio(int, uint64_t, int) override { return ~0ull; }
  void WriteMmio(int, uint64_t, int, uint64_t) override {}
  bool ReadApicMsr(int, uint32_t, uint64_t*) override { return false; }
  bool WriteApicMsr(int, uint32_t, uint64_t) override { return false; }
  uint8_t ReadCr8(int) override { return cr8; }
  void WriteCr8(int, uint8_t value) override { cr8 = value; }
  void TscOffsetChanged(int) override {}
  uint8_t AcknowledgeInterrupt(int) override { return interrupt_vector; }
  uint64_t NextRandom() override { return ++random; }
  void End(int, EndReason reason, std::string detail) override {
    end_reason = reason;
    end_detail = std::move(detail);
  }

  uint64_t extra_ns = 0;
  uint16_t last_port = 0;
  uint32_t last_value = 0;
  uint8_t cr8 = 0;
  uint8_t interrupt_vector = 0x20;
  uint64_t random = 0;
  EndReason end_reason = EndReason::kNone;
  std::string end_detail;

 private:
  const Cpu* const* cpu_;
};

class BareCpu {
 public:
  explicit BareCpu(CpuMode mode = CpuMode::kLong64, int cpl = 0);

  // Back to the state after construction, RAM contents aside.
  void ResetRegisters();
  void WriteRam(uint64_t physical, absl::Span<const uint8_t> bytes);
  std::vector<uint8_t> ReadRam(uint64_t physical, size_t size) const;
  template <typename T>
  T ReadRam(uint64_t physical) const {
    T value;
    std::memcpy(&value, shared_memory().Host(physical), sizeof(T));
    return value;
  }
  // Runs at most `steps` steps from RIP.
  void Run(uint64_t steps);
  // Places code at kCode, points RIP there and runs `steps` steps. Returns the
  // vector that was delivered in the last step, or -1.
  int Execute(absl::Span<const uint8_t> code, uint64_t steps = 1);
  int Execute(std::initializer_list<uint8_t> code, uint64_t steps = 1) {
    return Execute(absl::MakeSpan(code.begin(), code.size()), steps);
  }
  // The vector whose handler RIP stands at, or -1.
  int DeliveredVector() const;

 private:
  const PhysicalMemory& shared_memory() const { return *memory_; }
  void BuildTables();

  CpuMode mode_;
  int cpl_;
  std::unique_ptr<PhysicalMemory> memory_;
  CpuShared shared_;
  BlockCache blocks_;
  PageTracker tracker_;
  const Cpu* self_;

 public:
  FakeHost host;
  Cpu cpu;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_CPU_FIXTURE_H_
