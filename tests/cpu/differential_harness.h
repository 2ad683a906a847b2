// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs random cases of the instruction table on the host's CPU and on the
// interpreter, compares all state, and tells the differences.
//
//   DifferentialHarness harness;
//   const Coverage coverage = harness.RunShape(shape, /*seed=*/1, 100);
//   if (coverage.differences) std::cout << harness.reports()[0];
#ifndef LIBRR_TESTS_CPU_DIFFERENTIAL_HARNESS_H_
#define LIBRR_TESTS_CPU_DIFFERENTIAL_HARNESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/cpu/differential_case.h"
#include "tests/cpu/differential_interpreter.h"
#include "tests/cpu/native_runner.h"

namespace librr::pc {

// Lines of "name before host ours", with `*` where the last two differ.
class StateTable {
 public:
  void Add(const std::string& name, uint64_t before, uint64_t host,
           uint64_t ours, uint64_t compared = ~0ull) {
    const bool differs = (host ^ ours) & compared;
    any_ = any_ || differs;
    if (!differs && before == host && before == ours) return;
    char text[128];
    std::snprintf(text, sizeof(text), "  %c %-10s %016llx  %016llx  %016llx\n",
                  differs ? '*' : ' ', name.c_str(),
                  static_cast<unsigned long long>(before),
                  static_cast<unsigned long long>(host),
                  static_cast<unsigned long long>(ours));
    lines_ += text;
  }
  bool any() const { return any_; }
  std::string text() const {
    return "    name       before            host              ours\n" + lines_;
  }

 private:
  bool any_ = false;
  std::string lines_;
};

struct Coverage {
  uint64_t cases = 0, faults = 0, differences = 0;
};

class DifferentialHarness {
 public:
  // False if the host is not one on which cases can run.
  bool ok() const { return native_.ok(); }
  // Makes the interpreter execute `fault.handler` for a row: before any case.
  void Inject(const InjectedFault& fault) { interpreted_.Inject(fault); }

  // `cases` random cases of one form.
  Coverage RunShape(const Shape& shape, uint64_t seed, uint64_t cases);
  // The first differences: seed, listing, both states with marks.
  const std::vector<std::string>& reports() const { return reports_; }

 private:
  bool RunCase(const TestCase& test, Coverage* coverage, std::string* report);
  void Load(const TestCase& test);
  uint64_t SourceOf(const TestCase& test) const;
  void CompareRegisters(const TestCase& test, const Outcome& host,
                        const Outcome& ours, StateTable* table) const;
  void CompareMemory(const TestCase& test, bool faulted, StateTable* table);

  NativeRunner native_;
  InterpretedRunner interpreted_;
  std::vector<uint8_t> before_ = std::vector<uint8_t>(kDataWindowBytes);
  std::vector<std::string> reports_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_HARNESS_H_
