// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The constants of the trace format, shared by writer and reader.
// docs/trace_format.md explains them; values are never reused or renumbered.
//
//   file    := prelude block*
//   prelude := magic (8) version (4) crc32c (4)
//   block   := type (1) flags (1) head size (2) stored size (4) raw size (4)
//              crc32c (4) head body
#ifndef LIBRR_CORE_TRACE_TRACE_FORMAT_H_
#define LIBRR_CORE_TRACE_TRACE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace librr::trace {

// A high byte, CR LF and ^Z, so that a transfer as text is noticed.
inline constexpr std::string_view kMagic = "\x89VMRR\r\n\x1a";
static_assert(kMagic.size() == 8);
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr size_t kPreludeSize = 8 + 4 + 4;

enum class BlockType : uint8_t {
  kHeader = 1,      // what was recorded: the first block
  kImage = 2,       // a part of the kernel, the initrd, ...
  kDigestBase = 3,  // a whole digest, which later ones are relative to
  kInputs = 4,      // batches of events, by kind
  kOutputs = 5,
  kProofs = 6,       // digests, marks and heartbeats
  kEnd = 7,          // how the recording ended
  kIndex = 8,        // the headers and heads of the blocks before it
  kTrailer = 9,      // where the index begins: the last block of the file
  kPages = 10,       // pages of RAM, for checkpoints; these three are optional
  kPageMap = 11,     // which of them a part of RAM held
  kCheckpoint = 12,  // the machine's state at a position
};

// The body is one Zstandard frame.
inline constexpr uint8_t kFlagCompressed = 1;
// A reader that does not know the type may skip the block.
inline constexpr uint8_t kFlagOptional = 2;

inline constexpr size_t kBlockHeaderSize = 1 + 1 + 2 + 4 + 4 + 4;
// What the block's checksum covers before head and body.
inline constexpr size_t kBlockHeaderChecked = kBlockHeaderSize - 4;
inline constexpr size_t kTrailerSize = kBlockHeaderSize + 8;

// Limits: a reader refuses what exceeds them, before it allocates.
inline constexpr uint32_t kMaxRawBlock = uint32_t{4} << 20;
inline constexpr uint32_t kMaxHead = 1024;
inline constexpr uint64_t kMaxBlocks = uint64_t{1} << 21;
inline constexpr uint64_t kMaxImages = 64;
inline constexpr uint64_t kMaxImageName = 255;
inline constexpr uint64_t kMaxImageBytes = uint64_t{1} << 30;
inline constexpr uint64_t kMaxGroupEvents = 32768;
inline constexpr uint64_t kMaxGroupDigests = 256;
inline constexpr uint64_t kMaxDigestComponents = 512;
inline constexpr uint64_t kMaxComponentName = 64;
inline constexpr uint64_t kMaxVcpus = 1024;
inline constexpr uint64_t kMaxHeaderText = 64 * 1024;
inline constexpr uint64_t kMaxSettings = 256;
inline constexpr uint64_t kMaxFeatures = 64;
inline constexpr uint64_t kMaxEndDetail = 4096;
inline constexpr uint64_t kMaxPagesInBlock = 1024;
inline constexpr uint64_t kMaxCheckpointState = uint64_t{2} << 20;
// Numbers of pages and of page maps are below this.
inline constexpr uint64_t kMaxPageIds = uint64_t{1} << 32;

// Checkpoints keep RAM in pages of this size, as the digest does.
inline constexpr size_t kPageSize = 4096;
// A page map covers this many pages: 16 MiB of RAM.
inline constexpr uint64_t kPagesInMap = 4096;

// Image bodies are worth more time than a flush may take, and mostly compressed
// already; batches are small.
inline constexpr int kImageLevel = 3;
inline constexpr int kBatchLevel = 6;
// Pages are written while the machine executes: a third of the time that level
// 1 takes, for 1.8 instead of 2.5 times less than they are.
inline constexpr int kPageLevel = -10;

constexpr bool IsCheckpointPart(BlockType type) {
  return type == BlockType::kPages || type == BlockType::kPageMap ||
         type == BlockType::kCheckpoint;
}

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_TRACE_FORMAT_H_
