// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/block_reader.h"

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/crc32c.h"
#include "librr-core/base/status_macros.h"

namespace librr::trace {

absl::Status BlockReader::DamageAt(uint64_t offset,
                                   std::string_view what) const {
  return absl::DataLossError(absl::StrCat(name_, ": damaged at offset ", offset,
                                          ": ", AbseilView(what)));
}

absl::StatusOr<Block> BlockReader::ReadHead(uint64_t offset) const {
  std::string bytes;
  return ReadHead(offset, bytes);
}

absl::StatusOr<Block> BlockReader::ReadHead(uint64_t offset,
                                            std::string& bytes) const {
  if (offset > size() || size() - offset < kBlockHeaderSize) {
    return DamageAt(offset, "the file ends within a block");
  }
  bytes.assign(kBlockHeaderSize, '\0');
  LIBRR_RETURN_IF_ERROR(source_.ReadAt(offset, absl::MakeSpan(bytes)));
  absl::StatusOr<BlockHeader> header = DecodeBlockHeader(bytes);
  if (!header.ok()) {
    return DamageAt(offset, std::string(header.status().message()));
  }
  if (size() - offset < header->total_size()) {
    return DamageAt(offset, "the file ends within a block");
  }
  Block block;
  block.header = *header;
  block.head.resize(header->head_size);
  LIBRR_RETURN_IF_ERROR(
      source_.ReadAt(offset + kBlockHeaderSize, absl::MakeSpan(block.head)));
  return block;
}

absl::StatusOr<Block> BlockReader::ReadStored(uint64_t offset,
                                              std::string& stored) const {
  std::string bytes;
  LIBRR_ASSIGN_OR_RETURN(Block block, ReadHead(offset, bytes));
  stored.resize(block.header.stored_size);
  LIBRR_RETURN_IF_ERROR(
      source_.ReadAt(offset + kBlockHeaderSize + block.header.head_size,
                     absl::MakeSpan(stored)));
  uint32_t crc = Crc32c(std::string_view(bytes).substr(0, kBlockHeaderChecked));
  crc = Crc32c(stored, Crc32c(block.head, crc));
  if (crc != block.header.crc) {
    return DamageAt(offset, "the checksum is wrong");
  }
  return block;
}

absl::StatusOr<Block> BlockReader::Check(uint64_t offset) const {
  std::string stored;
  return ReadStored(offset, stored);
}

absl::StatusOr<Block> BlockReader::Read(uint64_t offset) const {
  std::string stored;
  LIBRR_ASSIGN_OR_RETURN(Block block, ReadStored(offset, stored));
  if (!block.header.compressed()) {
    block.body = std::move(stored);
    return block;
  }
  block.body.resize(block.header.raw_size);
  const size_t size = ZSTD_decompress(block.body.data(), block.body.size(),
                                      stored.data(), stored.size());
  if (ZSTD_isError(size) || size != block.body.size()) {
    return DamageAt(offset, "the block does not decompress");
  }
  return block;
}

}  // namespace librr::trace
