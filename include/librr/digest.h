// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What proves a replay: a hash of every component of a machine.
//
// Two machines are in the same state exactly when their digests are equal (up
// to collisions of a 64-bit hash). A digest names its parts, so that a
// difference can be named too: `FirstDifference` says which vCPU, device or
// range of RAM differs. Digests are values; they hold no reference to the
// machine.
#ifndef LIBRR_DIGEST_H_
#define LIBRR_DIGEST_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace librr {

// How many equal ranges RAM is divided into.
inline constexpr int kRamBuckets = 64;

struct Digest {
  struct Component {
    std::string name;  // "cpu0", "uart0", "ioapic", ...
    uint64_t hash = 0;
    bool operator==(const Component&) const = default;
  };

  std::vector<Component> components;
  // Element i is the sum, modulo 2^64, of the hashes of the pages in the i-th
  // 64th of RAM, each hash seeded with its page number.
  std::array<uint64_t, kRamBuckets> ram{};

  bool operator==(const Digest&) const = default;

  // One number for people to compare: a hash over all parts.
  uint64_t Summary() const;
};

// Names the first part in which `expected` and `actual` differ, as
// "cpu0", "uart0" or "RAM 0x1000000-0x1ffffff"; empty if they are equal.
// `memory_bytes` is the size of the machine's RAM.
std::string FirstDifference(const Digest& expected, const Digest& actual,
                            uint64_t memory_bytes);

}  // namespace librr

#endif  // LIBRR_DIGEST_H_
