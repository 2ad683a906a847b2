// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The hash of a machine's RAM, kept up to date page by page.
//
// RAM is divided into 64 buckets; a bucket's value is the sum, modulo 2^64, of
// the hashes of its pages, so that a changed page costs one hash and one
// addition, however large RAM is. A page of zeros contributes 0: a new machine
// costs nothing.
//
//   RamDigest digest(memory_bytes);
//   for (uint64_t page : dirty) digest.PageChanged(page, ram + page * 4096);
//   result.ram = digest.buckets();
//
// Belongs to one thread. Uses 8 bytes for each page of RAM.
#ifndef LIBRR_CORE_MACHINE_RAM_DIGEST_H_
#define LIBRR_CORE_MACHINE_RAM_DIGEST_H_

#include <array>
#include <cstdint>
#include <vector>

#include "librr/digest.h"

namespace librr {

class RamDigest {
 public:
  static constexpr uint64_t kPageSize = 4096;

  // RAM is all zero. `memory_bytes` is a multiple of the page size.
  explicit RamDigest(uint64_t memory_bytes);

  // `content` is what the page (its number, below the page count) holds now:
  // `kPageSize` bytes.
  void PageChanged(uint64_t page, const uint8_t* content);

  const std::array<uint64_t, kRamBuckets>& buckets() const { return buckets_; }

 private:
  // Element p is what page p contributes to its bucket now.
  std::vector<uint64_t> page_hashes_;
  std::array<uint64_t, kRamBuckets> buckets_{};
};

}  // namespace librr

#endif  // LIBRR_CORE_MACHINE_RAM_DIGEST_H_
