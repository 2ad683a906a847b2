// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Code decoded by our decoder and by Capstone, side by side.
//
//   Comparison result;
//   CompareCode(bytes, kDecode64, &result);
//   result.Print("libc");
//   result.ExpectAgreement();
#ifndef LIBRR_TESTS_CPU_CAPSTONE_COMPARISON_H_
#define LIBRR_TESTS_CPU_CAPSTONE_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace librr::pc {

struct Comparison {
  uint64_t compared = 0;
  // Of them, those whose registers were compared too: the two have the same
  // number of operands.
  uint64_t all_operands = 0;
  // Bytes that Capstone knows no instruction for: skipped one by one.
  uint64_t skipped = 0;
  // By class. Of the model: Capstone and the SDM differ. The others are
  // instructions that CPUID does not offer.
  std::map<std::string, uint64_t> excluded_of_model, excluded_of_others;
  std::map<std::string, uint64_t> unknown;    // Capstone has it, we do not
  std::map<std::string, uint64_t> different;  // lengths or operands

  void Print(std::string_view name) const;
  // Nothing differs, and what of the model was left out or is unknown to us is
  // at most one in a thousand.
  void ExpectAgreement() const;
};

// Whole sections of code. Where the two disagree, Capstone's length counts.
void CompareCode(std::string_view bytes, uint32_t mode, Comparison* result);
// One instruction at every `distance` bytes.
void CompareStarts(std::string_view bytes, size_t distance, uint32_t mode,
                   Comparison* result);

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_CAPSTONE_COMPARISON_H_
