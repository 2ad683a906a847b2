// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/attack/trace_mutation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/random_access_source.h"
#include "librr-core/trace/block_reader.h"
#include "librr-core/trace/block_writer.h"
#include "librr-core/trace/event_batch.h"
#include "librr-core/trace/trace_format.h"

namespace librr {
namespace {

using trace::BlockHeader;
using trace::BlockType;
using trace::BlockWriter;

// Not std::uniform_int_distribution, which differs between libraries.
uint64_t Below(std::mt19937_64& random, uint64_t bound) {
  return bound == 0 ? 0 : random() % bound;
}

char RandomByte(std::mt19937_64& random) { return static_cast<char>(random()); }

// Numbers that break naive arithmetic, as varints.
std::string ExtremeVarint(std::mt19937_64& random) {
  constexpr uint64_t kExtremes[] = {0,          1,          0x7f,
                                    0x80,       0xffff,     0x7fffffff,
                                    1ull << 32, 1ull << 62, 0x7fffffffffffffff,
                                    1ull << 63, ~0ull - 1,  ~0ull};
  std::string out;
  PutVarint(out, kExtremes[Below(random, std::size(kExtremes))]);
  return out;
}

// Changes some bytes of `content`, or its length.
void ChangeContent(std::string& content, std::mt19937_64& random) {
  const uint64_t changes = 1 + Below(random, 3);
  for (uint64_t i = 0; i < changes; ++i) {
    const size_t at = Below(random, content.size() + 1);
    switch (Below(random, 6)) {
      case 0:
        if (at < content.size()) content[at] ^= char(1 << Below(random, 8));
        break;
      case 1:
        if (at < content.size()) content[at] = RandomByte(random);
        break;
      case 2:
        content.insert(at, ExtremeVarint(random));
        break;
      case 3: {
        const std::string value = ExtremeVarint(random);
        content.replace(at, value.size(), value);
        break;
      }
      case 4:
        content.erase(at, 1 + Below(random, 8));
        break;
      case 5:
        content.resize(at);
        break;
    }
  }
}

// A batch's head with the digest base where it is now.
std::string Relocate(const std::string& head,
                     const std::map<uint64_t, uint64_t>& moved) {
  std::optional<trace::BatchHead> batch = trace::DecodeBatchHead(head);
  LIBRR_CHECK(batch.has_value());
  if (batch->digest_base != 0) {
    batch->digest_base = moved.at(batch->digest_base);
  }
  return trace::EncodeBatchHead(*batch);
}

void ChangeBytes(MutationKind kind, std::string& bytes,
                 std::mt19937_64& random) {
  const size_t at = Below(random, bytes.size());
  const size_t length = 1 + Below(random, 64);
  switch (kind) {
    case MutationKind::kBits:
      for (uint64_t i = 1 + Below(random, 4) * Below(random, 5); i > 0; --i) {
        bytes[Below(random, bytes.size())] ^= char(1 << Below(random, 8));
      }
      if (Below(random, 2) == 0) bytes[at] ^= 1;
      break;
    case MutationKind::kRun: {
      const uint64_t how = Below(random, 4);
      for (size_t i = at; i < std::min(at + length, bytes.size()); ++i) {
        bytes[i] = how == 0 ? '\0' : how == 1 ? '\xff' : RandomByte(random);
      }
      break;
    }
    case MutationKind::kCut:
      bytes.resize(at);
      break;
    case MutationKind::kInsert:
      bytes.insert(at, std::string(length, RandomByte(random)));
      break;
    case MutationKind::kRemove:
      bytes.erase(at, length);
      break;
    default:
      LIBRR_CHECK(false);
  }
}

}  // namespace

std::string_view MutationName(MutationKind kind) {
  constexpr std::string_view kNames[kMutationKinds] = {
      "bits",      "run",  "cut",      "insert",    "remove",     "swap",
      "duplicate", "drop", "repaired", "unindexed", "stale_index"};
  return kNames[static_cast<int>(kind)];
}

bool IsRepaired(MutationKind kind) { return kind >= MutationKind::kRepaired; }

bool MovesBlocks(MutationKind kind) {
  return kind >= MutationKind::kSwap && kind <= MutationKind::kDrop;
}

TraceMutator::TraceMutator(std::string bytes) : bytes_(std::move(bytes)) {
  uint64_t offset = trace::kPreludeSize;
  while (offset < bytes_.size()) {
    const auto header = trace::DecodeBlockHeader(
        std::string_view(bytes_).substr(offset, trace::kBlockHeaderSize));
    LIBRR_CHECK(header.ok());
    places_.push_back({offset, *header});
    offset += header->total_size();
  }
  LIBRR_CHECK(offset == bytes_.size());
}

std::string_view TraceMutator::BlockAt(size_t index) const {
  return std::string_view(bytes_).substr(places_[index].offset,
                                         places_[index].header.total_size());
}

Mutation TraceMutator::Mutate(uint64_t seed) const {
  std::mt19937_64 random(seed);
  Mutation mutation;
  mutation.kind = static_cast<MutationKind>(Below(random, kMutationKinds));
  if (IsRepaired(mutation.kind)) {
    Repair(mutation, random);
  } else if (MovesBlocks(mutation.kind)) {
    mutation.bytes = MoveBlocks(mutation.kind, random);
  } else {
    mutation.bytes = bytes_;
    ChangeBytes(mutation.kind, mutation.bytes, random);
  }
  return mutation;
}

std::string TraceMutator::MoveBlocks(MutationKind kind,
                                     std::mt19937_64& random) const {
  const size_t a = Below(random, places_.size());
  const size_t b = Below(random, places_.size());
  std::string out = bytes_.substr(0, trace::kPreludeSize);
  for (size_t i = 0; i < places_.size(); ++i) {
    switch (kind) {
      case MutationKind::kSwap:
        out += BlockAt(i == a ? b : i == b ? a : i);
        break;
      case MutationKind::kDuplicate:
        out += BlockAt(i);
        if (i == a) out += BlockAt(b);
        break;
      default:
        if (i != a) out += BlockAt(i);
        break;
    }
  }
  return out;
}

void TraceMutator::Repair(Mutation& mutation, std::mt19937_64& random) const {
  const MemorySource source(bytes_);
  const trace::BlockReader reader(source, "original");
  const MutationKind kind = mutation.kind;
  const size_t victim = Below(random, places_.size());
  mutation.block_type = static_cast<int>(places_[victim].header.type);
  const bool in_head =
      places_[victim].header.head_size > 0 && Below(random, 2) == 0;
  const int level = Below(random, 2) == 0 ? BlockWriter::kStore : 1;

  BlockWriter writer;
  std::string& out = mutation.bytes;
  out = bytes_.substr(0, trace::kPreludeSize);
  std::string index;  // what an index says: headers and heads
  uint64_t index_offset = 0;
  std::map<uint64_t, uint64_t> moved;  // offsets of blocks, old to new
  for (size_t i = 0; i < places_.size(); ++i) {
    moved[places_[i].offset] = out.size();
    const BlockType type = places_[i].header.type;
    const bool is_index =
        type == BlockType::kIndex || type == BlockType::kTrailer;
    if (kind == MutationKind::kUnindexed && is_index) break;
    if (index_offset == 0 && is_index) index_offset = out.size();

    const size_t begin = out.size();
    const auto block = reader.Read(places_[i].offset);
    LIBRR_CHECK(block.ok());
    std::string head = block->head;
    std::string body = block->body;
    if (kind == MutationKind::kRepaired && type == BlockType::kIndex) {
      body = index;
    } else if (kind == MutationKind::kRepaired && type == BlockType::kTrailer) {
      body.clear();
      PutFixed64(body, index_offset);
    } else if (trace::IsBatch(type)) {
      head = Relocate(head, moved);
    }
    if (i == victim) {
      ChangeContent(in_head ? head : body, random);
      head.resize(std::min<size_t>(head.size(), trace::kMaxHead));
    } else if (head == block->head && body == block->body) {
      out += BlockAt(i);
      index.append(out, begin, trace::kBlockHeaderSize + head.size());
      continue;
    }
    if (trace::IsCheckpointPart(type)) {
      // Sealed anew; half of what was changed in a seal stays.
      if (head.size() >= 4 && Below(random, 2) == 0) {
        head.resize(head.size() - 4);
        head.resize(std::min<size_t>(head.size(), trace::kMaxHead - 4));
        writer.AppendSealedBlock(out, type, head, body, level);
      } else {
        writer.AppendBlock(out, type, head, body, level, trace::kFlagOptional);
      }
    } else {
      writer.AppendBlock(out, type, head, body, level);
    }
    index.append(out, begin, trace::kBlockHeaderSize + head.size());
  }
}

}  // namespace librr
