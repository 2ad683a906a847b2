// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Every x87 instruction of the table beside the host's own: the same state
// before, the whole state compared after. Operands are special values and
// random ones; control word, tags and TOP are random, exceptions unmasked too.
#include "tests/cpu/x87_native.h"

#include <cmath>
#include <map>
#include <set>

#include "gtest/gtest.h"

namespace librr::pc {
namespace {

constexpr int kCasesPerForm = 600;
constexpr uint32_t kC1 = 0x200;
constexpr uint32_t kPrecision = 0x20;

bool IsTranscendental(const EncodedForm& form) {
  static const std::set<std::string> kNames = {"fsin",  "fcos",   "fsincos",
                                               "fptan", "fpatan", "f2xm1",
                                               "fyl2x", "fyl2xp1"};
  return kNames.count(form.row->mnemonic) != 0;
}

// FCOMI and its kin clear C1, OF, SF and AF on Intel's CPUs (SDM vol. 2); AMD's
// keep them.
void IgnoreFlagsOfFcomi(State* host, const State* librr) {
  constexpr uint64_t kKept = kOf | kSf | kAf;
  host->status = (host->status & ~kC1) | (librr->status & kC1);
  host->flags = (host->flags & ~kKept) | (librr->flags & kKept);
}

void Report(const EncodedForm& form, const State& before, const State& host,
            const State& librr, std::map<std::string, int>* failures) {
  // One listing per mnemonic is enough.
  if (++(*failures)[form.row->mnemonic] > 1) return;
  ADD_FAILURE() << form.Name() << "\n" << Difference(before, host, librr);
}

void ExpectNone(const std::map<std::string, int>& failures) {
  for (const auto& [name, count] : failures) {
    ADD_FAILURE() << name << ": " << count << " different";
  }
}

TEST(X87NativeTest, EveryExactInstructionDoesWhatTheHostsDoes) {
  X87Comparison comparison;
  X87Operands operands(1);
  std::map<std::string, int> failures;
  for (const EncodedForm& form : AllForms()) {
    if (IsTranscendental(form)) continue;
    for (int i = 0; i < kCasesPerForm; ++i) {
      const State before = RandomState(operands, form);
      State host, librr;
      ASSERT_EQ(comparison.Run(form, before, &host, &librr), -1) << form.Name();
      if (form.Is("fcomi") || form.Is("fcomip") || form.Is("fucomi") ||
          form.Is("fucomip")) {
        IgnoreFlagsOfFcomi(&host, &librr);
      }
      if (std::memcmp(&host, &librr, sizeof host) != 0) {
        Report(form, before, host, librr, &failures);
      }
    }
  }
  ExpectNone(failures);
}

// Distance of two values in units of the last place, if they are close.
int64_t Distance(const State& a, const State& b, int i) {
  const __int128 x = __int128{a.st[i].sign_exponent} << 63 |
                     (a.st[i].mantissa & ~(1ull << 63));
  const __int128 y = __int128{b.st[i].sign_exponent} << 63 |
                     (b.st[i].mantissa & ~(1ull << 63));
  const __int128 d = x < y ? y - x : x - y;
  return d > 1000 ? 1000 : static_cast<int64_t>(d);
}

// Where the SDM defines a result, and CPUs reduce the argument without loss:
// FSIN and its kin use a pi of 66 bits there.
bool IsDefined(const EncodedForm& form, const State& before) {
  const int exponent = before.st[0].sign_exponent & 0x7fff;
  if (exponent == 0x7fff) return true;
  if (form.Is("f2xm1")) return exponent < 0x3fff;
  if (form.Is("fyl2xp1")) return exponent < 0x3ffd;
  if (form.Is("fpatan") || form.Is("fyl2x")) return true;
  return exponent < 0x3ffe || exponent >= 0x403e;
}

// CPUs are within one unit of the true value, and so are we; what else the
// instructions do is the same.
TEST(X87NativeTest, TranscendentalFunctionsAreAsNearAsTheHosts) {
  X87Comparison comparison;
  X87Operands operands(2);
  std::map<std::string, int> failures;
  for (const EncodedForm& form : AllForms()) {
    if (!IsTranscendental(form)) continue;
    for (int i = 0; i < 4 * kCasesPerForm; ++i) {
      State before = RandomState(operands, form);
      if (!IsDefined(form, before)) continue;
      // CPUs report PE for some exact results too.
      before.control |= kPrecision;
      State host, librr;
      ASSERT_EQ(comparison.Run(form, before, &host, &librr), -1) << form.Name();
      State rest = librr;
      bool near = true;
      for (int r = 0; r < 8; ++r) {
        near = near && Distance(host, librr, r) <= 2;
        rest.st[r] = host.st[r];
      }
      rest.status = (rest.status & ~(kC1 | kPrecision)) |
                    (host.status & (kC1 | kPrecision));
      if (!near || std::memcmp(&host, &rest, sizeof host) != 0) {
        Report(form, before, host, librr, &failures);
      }
    }
  }
  ExpectNone(failures);
}

}  // namespace
}  // namespace librr::pc
