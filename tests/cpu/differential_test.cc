// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The interpreter against the host's CPU: every row of the instruction table
// that user mode can run, in every form and operand size, with random operands.
//
// Environment:
//   LIBRR_DIFF_CASES   cases per form (default 100)
//   LIBRR_DIFF_SEED    seed (default fixed)
//   LIBRR_DIFF_ONLY    only rows of this mnemonic
//   LIBRR_DIFF_REPORT  file for the coverage table ("-": standard output)
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "machines/pc/cpu/instruction_table.h"
#include "tests/cpu/differential_case.h"
#include "tests/cpu/differential_exclusions.h"
#include "tests/cpu/differential_harness.h"

namespace librr::pc {
namespace {

constexpr uint64_t kDefaultSeed = 20240611;

uint64_t FromEnvironment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 0) : fallback;
}

class Differential : public testing::Test {
 protected:
  void SetUp() override {
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
      GTEST_SKIP() << "the host has no SSE4.2";
    ASSERT_TRUE(harness_.ok()) << "the low address windows are taken";
  }
  void RunTable(bool code32);

  DifferentialHarness harness_;
};

void Differential::RunTable(bool code32) {
  const uint64_t seed = FromEnvironment("LIBRR_DIFF_SEED", kDefaultSeed);
  const uint64_t cases = FromEnvironment("LIBRR_DIFF_CASES", 100);
  const char* only = std::getenv("LIBRR_DIFF_ONLY");
  std::map<std::string, Coverage> coverage;
  std::map<std::string, std::string> skipped;
  for (size_t row = 0; row < InstructionTable().size(); ++row) {
    const InstructionRow& table_row = InstructionTable()[row];
    if (only && *only && std::string_view(only) != table_row.mnemonic) continue;
    if (const char* reason = ReasonToSkip(table_row, code32)) {
      skipped[reason] += std::string(" ") + table_row.mnemonic;
      continue;
    }
    for (const Shape& shape : ShapesOf(row, code32)) {
      const Coverage one = harness_.RunShape(shape, seed, cases);
      Coverage& sum = coverage[shape.Name()];
      sum.cases += one.cases;
      sum.faults += one.faults;
      sum.differences += one.differences;
    }
  }
  for (const std::string& report : harness_.reports()) ADD_FAILURE() << report;
  std::ostringstream out;
  Coverage sum;
  for (const auto& [name, one] : coverage) {
    out << name << ": " << one.cases << " cases, " << one.faults << " faults, "
        << one.differences << " differences\n";
    sum.cases += one.cases;
    sum.faults += one.faults;
    sum.differences += one.differences;
  }
  for (const auto& [reason, mnemonics] : skipped)
    out << "not run (" << reason << "):" << mnemonics << "\n";
  const char* path = std::getenv("LIBRR_DIFF_REPORT");
  if (path && std::string_view(path) == "-") {
    std::cout << out.str();
  } else if (path && *path) {
    std::ofstream(path, std::ios::app) << out.str();
  }
  std::cout << coverage.size() << " forms, " << sum.cases << " cases, "
            << sum.faults << " of them faults, " << sum.differences
            << " differences\n";
  EXPECT_EQ(sum.differences, 0u);
}

TEST_F(Differential, AgreesWithTheHostIn64BitCode) { RunTable(false); }

TEST_F(Differential, AgreesWithTheHostIn32BitCode) { RunTable(true); }

}  // namespace
}  // namespace librr::pc
