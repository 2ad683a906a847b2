// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The 16 bytes that every block of a trace begins with.
#ifndef LIBRR_CORE_TRACE_BLOCK_HEADER_H_
#define LIBRR_CORE_TRACE_BLOCK_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "librr-core/trace/trace_format.h"

namespace librr::trace {

struct BlockHeader {
  BlockType type{};
  uint8_t flags = 0;
  uint16_t head_size = 0;    // bytes that are never compressed
  uint32_t stored_size = 0;  // the body's bytes in the file
  uint32_t raw_size = 0;     // the body's bytes once decompressed
  uint32_t crc = 0;  // CRC-32C of the fields above, the head and the body

  bool compressed() const { return (flags & kFlagCompressed) != 0; }
  bool optional() const { return (flags & kFlagOptional) != 0; }
  // What the block occupies in the file.
  uint64_t total_size() const {
    return kBlockHeaderSize + uint64_t{head_size} + stored_size;
  }
};

std::string EncodeBlockHeader(const BlockHeader& header);

// `bytes` has kBlockHeaderSize bytes. DataLoss, without a place, if the header
// breaks a limit. Types are not checked.
absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view bytes);

// The head of a checkpoint's block ends with a checksum of its own, of the
// header and the rest of the head: so a block of which only the body is damaged
// is known for what it is and can be passed over.
uint32_t HeadSeal(const BlockHeader& header, std::string_view unsealed_head);
// Whether the head ends with its seal, and the block is optional.
bool IsSealed(const BlockHeader& header, std::string_view head);

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_BLOCK_HEADER_H_
