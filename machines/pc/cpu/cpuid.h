// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What CPUID tells: part of the machine model, so every bit here is fixed.
//
// The processor is GenuineIntel, family 6, model 0x36: an Atom of the Saltwell
// generation, which executes in order and does not speculate, as this machine
// does not. Linux lists that model as NO_SPECULATION
// (6.1, arch/x86/kernel/cpu/common.c, cpu_vuln_whitelist), so every file
// in /sys/devices/system/cpu/vulnerabilities says "Not affected": no
// retpolines, no page-table isolation, no clear_bhb, and no cost of their
// substitutes (IBRS, IBPB, RSB stuffing). Systems that go by
// IA32_ARCH_CAPABILITIES find the same there (msr.cc). The features are those
// of x86-64-v2 and what systems need: the model only names the family of
// defects.
#ifndef LIBRR_MACHINES_PC_CPU_CPUID_H_
#define LIBRR_MACHINES_PC_CPU_CPUID_H_

#include <cstdint>

namespace librr::pc {

class Cpu;

// CPUID.1:EAX and EDX after reset: family 6, model 0x36, stepping 1.
inline constexpr uint32_t kCpuSignature = 0x00030661;

struct CpuidResult {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// The answer that `cpu` gives. Depends on the vCPU's index, the number of
// vCPUs, whether it is in 64-bit mode and whether its local APIC is enabled,
// on nothing else.
CpuidResult Cpuid(Cpu& cpu, uint32_t leaf, uint32_t subleaf);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_CPUID_H_
