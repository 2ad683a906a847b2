// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Decides when a writer should write a new digest base.
//
// The first digest of each group of events is written relative to the last
// base, so that any group can be read with one more block. Over time more and
// more parts of the machine differ from the base. A new base costs as much as
// all hashes; it pays once the groups since the last one have cost that much
// more than the cheapest of them.
#ifndef LIBRR_CORE_TRACE_DIGEST_BASE_POLICY_H_
#define LIBRR_CORE_TRACE_DIGEST_BASE_POLICY_H_

#include <algorithm>
#include <cstdint>
#include <limits>

namespace librr::trace {

class DigestBasePolicy {
 public:
  // A group is about to be written whose first digest differs from the base in
  // `changes` of `hashes` hashes. True if a new base should be written first.
  bool ShouldRenew(uint64_t changes, uint64_t hashes) {
    total_ += changes;
    least_ = std::min(least_, changes);
    ++groups_;
    return total_ - groups_ * least_ > hashes;
  }

  void Renewed() { *this = DigestBasePolicy(); }

 private:
  // Of the groups since the base was written.
  uint64_t total_ = 0;
  uint64_t least_ = std::numeric_limits<uint64_t>::max();
  uint64_t groups_ = 0;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_DIGEST_BASE_POLICY_H_
