// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the differential test does not run or does not compare, with reasons.
// All other state must be equal to the host's.
#ifndef LIBRR_TESTS_CPU_DIFFERENTIAL_EXCLUSIONS_H_
#define LIBRR_TESTS_CPU_DIFFERENTIAL_EXCLUSIONS_H_

#include <cstdint>
#include <vector>

#include "machines/pc/cpu/instruction_table.h"
#include "tests/cpu/differential_case.h"

namespace librr::pc {

// Why a row is not run; nullptr if it is.
const char* ReasonToSkip(const InstructionRow& row, bool code32);

// The RFLAGS bits that are undefined after the case retires.
uint64_t UndefinedFlags(const TestCase& test);

// True if the case's result is undefined, destination and flags. `source` is
// the second operand.
bool HasUndefinedResult(const TestCase& test, uint64_t source);

// True if a fault in the middle may leave general registers changed: POPA.
bool HasUndefinedRegisters(const TestCase& test, bool faulted);

// True if the fault may name one of several addresses: two operands,
// both bad, or one that takes several accesses.
bool HasUndefinedFaultAddress(const TestCase& test);

// True if CPUs differ in whether the MMX registers have been entered (TOP,
// tags): by an MMX instruction that faults, by CVTPI2PS from memory.
bool HasUndefinedMmxState(const TestCase& test, bool faulted);

// The MXCSR flags that differ between CPUs when #XM is raised: PE beside an
// unmasked OE or UE; those of the intermediate results of DPPS and DPPD.
uint64_t UndefinedMxcsrFlags(const TestCase& test, const Outcome& host);

// Bytes of memory that may differ between CPUs after the case.
struct MemoryRange {
  uint64_t address;
  uint64_t bytes;
};
std::vector<MemoryRange> UncomparedMemory(const TestCase& test, bool faulted);

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_EXCLUSIONS_H_
