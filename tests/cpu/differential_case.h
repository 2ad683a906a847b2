// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One case of the differential test: an encoding made from a row of the
// instruction table, and the registers and memory it starts with.
//
//   for (const Shape& shape : ShapesOf(row_index)) {
//     std::optional<TestCase> test = BuildCase(shape, seed);
//     ...
//   }
//
// Most memory operands lie within the data window; a few cross its edges, its
// read-only page, or are not canonical. The same seed gives the same case.
#ifndef LIBRR_TESTS_CPU_DIFFERENTIAL_CASE_H_
#define LIBRR_TESTS_CPU_DIFFERENTIAL_CASE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "machines/pc/cpu/instruction_table.h"
#include "tests/cpu/native_runner.h"

namespace librr::pc {

// What of a row is tested: one form at one operand size.
struct Shape {
  size_t row = 0;
  bool memory = false;
  int size = 4;  // the operand size: 2, 4, 8
  bool code32 = false;

  const InstructionRow& table_row() const { return InstructionTable()[row]; }
  std::string Name() const;
};

struct DataPatch {
  uint64_t address;
  std::vector<uint8_t> bytes;
};

struct TestCase {
  Shape shape;
  std::vector<uint8_t> bytes;
  uint64_t address = 0;      // where the code goes; equal to input.rip
  uint64_t operand = 0;      // the memory operand's address, if there is one
  unsigned shift_count = 0;  // of shift rows: the count before masking
  bool split = false;        // the interpreter's run is split after every step
  MachineState input;
  std::vector<DataPatch> patches;
};

// Both forms of operands, all operand sizes; in 64-bit or 32-bit code.
std::vector<Shape> ShapesOf(size_t row, bool code32);

// Nothing if the chosen encoding belongs to another row (XCHG AX, AX is NOP).
std::optional<TestCase> BuildCase(const Shape& shape, uint64_t seed);

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_CASE_H_
