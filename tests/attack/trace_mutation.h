// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Damages a trace in one of many ways, all drawn from a seed.
//
//   TraceMutator mutator(bytes);
//   Mutation mutation = mutator.Mutate(case_number);
//
// A TraceMutator only reads its trace: any number of threads may use it.
#ifndef LIBRR_TESTS_ATTACK_TRACE_MUTATION_H_
#define LIBRR_TESTS_ATTACK_TRACE_MUTATION_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "librr-core/trace/block_header.h"

namespace librr {

enum class MutationKind {
  kBits,        // one to sixteen bits flipped
  kRun,         // a run of bytes overwritten
  kCut,         // the end cut off
  kInsert,      // bytes put in between
  kRemove,      // bytes taken out
  kSwap,        // two blocks exchanged
  kDuplicate,   // a block twice
  kDrop,        // a block missing
  kRepaired,    // a block's content changed, its checksum and the index right
  kUnindexed,   // the same, without index and trailer
  kStaleIndex,  // the same, with an index that does not know of it
};
inline constexpr int kMutationKinds =
    static_cast<int>(MutationKind::kStaleIndex) + 1;

// "bits", "run", ...
std::string_view MutationName(MutationKind kind);

// Whether checksums say nothing about the change: the content is a lie then,
// which only the replay itself can find out.
bool IsRepaired(MutationKind kind);
// Whether whole blocks, with good checksums, are elsewhere or missing.
bool MovesBlocks(MutationKind kind);

struct Mutation {
  MutationKind kind{};
  std::string bytes;
  int block_type = -1;  // whose content was changed, with a repaired kind
};

class TraceMutator {
 public:
  // `bytes` must be a complete trace.
  explicit TraceMutator(std::string bytes);

  const std::string& original() const { return bytes_; }
  // The same for the same seed, on every host.
  Mutation Mutate(uint64_t seed) const;

 private:
  struct Place {
    uint64_t offset = 0;
    trace::BlockHeader header;
  };

  std::string_view BlockAt(size_t index) const;
  std::string MoveBlocks(MutationKind kind, std::mt19937_64& random) const;
  void Repair(Mutation& mutation, std::mt19937_64& random) const;

  const std::string bytes_;
  std::vector<Place> places_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_ATTACK_TRACE_MUTATION_H_
