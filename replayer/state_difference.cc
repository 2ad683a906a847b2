// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/state_difference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr/inspection.h"
#include "replayer/digest_difference.h"

namespace librr {
namespace {

constexpr uint64_t kPageSize = 4096;
using Page = std::array<uint8_t, kPageSize>;

void CompareRegisters(const Machine& first, const Machine& second,
                      StateDifference& out) {
  for (int vcpu = 0; vcpu < first.vcpu_count(); ++vcpu) {
    const std::vector<RegisterValue> ours = first.Registers(vcpu);
    const std::vector<RegisterValue> theirs = second.Registers(vcpu);
    for (size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      if (ours[i].bytes == theirs[i].bytes) continue;
      out.registers.push_back(absl::StrCat("cpu", vcpu, " ", ours[i].name, ": ",
                                           RegisterHex(ours[i]), ", ",
                                           RegisterHex(theirs[i])));
    }
  }
}

std::string DescribePage(uint64_t address, const Page& ours,
                         const Page& theirs) {
  uint64_t bytes = 0;
  int bits = 0;
  size_t first = kPageSize;
  for (size_t i = 0; i < kPageSize; ++i) {
    if (ours[i] == theirs[i]) continue;
    first = std::min(first, i);
    ++bytes;
    bits += std::popcount(static_cast<uint8_t>(ours[i] ^ theirs[i]));
  }
  return absl::StrFormat(
      "0x%x: %d byte%s, first at 0x%x: 0x%02x, 0x%02x (%d bit%s)", address,
      bytes, bytes == 1 ? "" : "s", address + first, ours[first], theirs[first],
      bits, bits == 1 ? "" : "s");
}

// All of RAM: a digest hashes only the pages that the guest has dirtied, and
// what a failing host changed is not among them.
void ComparePages(const Machine& first, const Machine& second,
                  StateDifference& out) {
  Page ours;
  Page theirs;
  for (uint64_t address = 0; address < first.memory_bytes();
       address += kPageSize) {
    if (!first.ReadPhysical(GuestPhysical(address), absl::MakeSpan(ours))
             .ok() ||
        !second.ReadPhysical(GuestPhysical(address), absl::MakeSpan(theirs))
             .ok()) {
      continue;  // not RAM
    }
    if (ours == theirs) continue;
    if (out.pages.size() < StateDifference::kMaxPages) {
      out.pages.push_back(DescribePage(address, ours, theirs));
    }
    ++out.page_count;
  }
}

}  // namespace

StateDifference CompareMachines(Machine& first, Machine& second) {
  StateDifference out;
  const Digest ours = first.ComputeDigest();
  const Digest theirs = second.ComputeDigest();
  out.parts = CompareDigests(ours, theirs, first.memory_bytes()).names;
  CompareRegisters(first, second, out);
  ComparePages(first, second, out);
  return out;
}

}  // namespace librr
