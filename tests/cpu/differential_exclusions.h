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

// True if the case's result is undefined, destination and flags.
bool HasUndefinedResult(const TestCase& test, uint64_t source);

// Bytes of memory that the case writes and whose values differ between CPUs.
struct MemoryRange {
  uint64_t address;
  uint64_t bytes;
};
std::vector<MemoryRange> UncomparedMemory(const TestCase& test);

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_EXCLUSIONS_H_
