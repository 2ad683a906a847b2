// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a vCPU asks of the machine around it. Every call is made from inside
// `Cpu::RunBlocks`, when the CPU's position is exact.
#ifndef LIBRR_MACHINES_PC_CPU_CPU_HOST_H_
#define LIBRR_MACHINES_PC_CPU_CPU_HOST_H_

#include <cstdint>
#include <string>

#include "librr/machine.h"

namespace librr::pc {

class CpuHost {
 public:
  virtual ~CpuHost() = default;

  // Virtual nanoseconds at the step that executes.
  virtual uint64_t NowNs() const = 0;
  // Moves the clock on: what PAUSE, RDTSC and device accesses cost.
  virtual void AddSurcharge(uint64_t ns) = 0;

  virtual uint32_t ReadPort(int vcpu, uint16_t port, int size) = 0;
  virtual void WritePort(int vcpu, uint16_t port, int size, uint32_t value) = 0;
  virtual uint64_t ReadMmio(int vcpu, uint64_t physical, int size) = 0;
  virtual void WriteMmio(int vcpu, uint64_t physical, int size,
                         uint64_t value) = 0;

  // IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800 to 0x8ff. False means #GP.
  virtual bool ReadApicMsr(int vcpu, uint32_t msr, uint64_t* value) = 0;
  virtual bool WriteApicMsr(int vcpu, uint32_t msr, uint64_t value) = 0;
  virtual uint8_t ReadCr8(int vcpu) = 0;
  virtual void WriteCr8(int vcpu, uint8_t value) = 0;
  // The TSC's distance from virtual time changed.
  virtual void TscOffsetChanged(int vcpu) = 0;

  virtual uint8_t AcknowledgeInterrupt(int vcpu) = 0;

  // The next 64 bits of the generator behind RDRAND and RDSEED.
  virtual uint64_t NextRandom() = 0;

  // The machine can execute no further; the current step is its last.
  virtual void End(int vcpu, EndReason reason, std::string detail) = 0;
};

// Surcharges in ns: part of the machine model. They are what makes delay and
// polling loops short, see docs/architecture.md.
inline constexpr uint64_t kPauseSurchargeNs = 40;
inline constexpr uint64_t kRdtscSurchargeNs = 20;
inline constexpr uint64_t kPortSurchargeNs = 500;
inline constexpr uint64_t kMmioSurchargeNs = 200;

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_CPU_HOST_H_
