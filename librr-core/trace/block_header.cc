// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/block_header.h"

#include "absl/status/status.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/crc32c.h"

namespace librr::trace {

std::string EncodeBlockHeader(const BlockHeader& header) {
  std::string out;
  PutFixed(out, static_cast<uint8_t>(header.type), 1);
  PutFixed(out, header.flags, 1);
  PutFixed(out, header.head_size, 2);
  PutFixed32(out, header.stored_size);
  PutFixed32(out, header.raw_size);
  PutFixed32(out, header.crc);
  LIBRR_CHECK(out.size() == kBlockHeaderSize);
  return out;
}

absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view bytes) {
  LIBRR_CHECK(bytes.size() == kBlockHeaderSize);
  BlockHeader header;
  header.type = static_cast<BlockType>(*GetFixed(bytes, 1));
  header.flags = static_cast<uint8_t>(*GetFixed(bytes, 1));
  header.head_size = static_cast<uint16_t>(*GetFixed(bytes, 2));
  header.stored_size = static_cast<uint32_t>(*GetFixed(bytes, 4));
  header.raw_size = static_cast<uint32_t>(*GetFixed(bytes, 4));
  header.crc = static_cast<uint32_t>(*GetFixed(bytes, 4));
  if ((header.flags & ~(kFlagCompressed | kFlagOptional)) != 0) {
    return absl::DataLossError("impossible block flags");
  }
  if (header.head_size > kMaxHead || header.raw_size > kMaxRawBlock) {
    return absl::DataLossError("impossible block size");
  }
  const bool sizes_agree = header.compressed()
                               ? header.stored_size < header.raw_size
                               : header.stored_size == header.raw_size;
  if (!sizes_agree) return absl::DataLossError("impossible block size");
  return header;
}

uint32_t HeadSeal(const BlockHeader& header, std::string_view unsealed_head) {
  return Crc32c(unsealed_head,
                Crc32c(std::string_view(EncodeBlockHeader(header))
                           .substr(0, kBlockHeaderChecked)));
}

bool IsSealed(const BlockHeader& header, std::string_view head) {
  if (head.size() < 4 || !header.optional()) return false;
  std::string_view seal = head.substr(head.size() - 4);
  return GetFixed(seal, 4) == HeadSeal(header, head.substr(0, head.size() - 4));
}

}  // namespace librr::trace
