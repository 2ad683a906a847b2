// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Names all parts in which two digests differ (`FirstDifference` of
// librr/digest.h names the first).
#ifndef LIBRR_REPLAYER_DIGEST_DIFFERENCE_H_
#define LIBRR_REPLAYER_DIGEST_DIFFERENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "librr/digest.h"

namespace librr {

struct DigestDifference {
  // Components, then ranges of RAM; empty exactly if the digests are equal.
  std::vector<std::string> names;
  int first_ram_bucket = -1;
};

DigestDifference CompareDigests(const Digest& expected, const Digest& actual,
                                uint64_t memory_bytes);

}  // namespace librr

#endif  // LIBRR_REPLAYER_DIGEST_DIFFERENCE_H_
