// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/block_writer.h"

#include <zstd.h>

#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/crc32c.h"

namespace librr::trace {

void BlockWriter::FreeContext::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

BlockWriter::BlockWriter() : context_(ZSTD_createCCtx()) {}
BlockWriter::~BlockWriter() = default;

std::string_view BlockWriter::Compress(std::string_view body, int level,
                                       uint8_t& flags) {
  // Without memory for the compressor, blocks are stored as they are.
  if (level == kStore || body.empty() || context_ == nullptr) return body;
  // A result that is not smaller is an error of the compressor here: the
  // body is stored as it is then.
  compressed_.resize(body.size() - 1);
  const size_t size =
      ZSTD_compressCCtx(context_.get(), compressed_.data(), compressed_.size(),
                        body.data(), body.size(), level);
  if (ZSTD_isError(size)) return body;
  flags |= kFlagCompressed;
  return std::string_view(compressed_).substr(0, size);
}

BlockHeader BlockWriter::Finish(std::string& out, BlockHeader header,
                                std::string_view head,
                                std::string_view stored) {
  uint32_t crc = Crc32c(std::string_view(EncodeBlockHeader(header))
                            .substr(0, kBlockHeaderChecked));
  crc = Crc32c(head, crc);
  header.crc = Crc32c(stored, crc);
  out += EncodeBlockHeader(header);
  out += head;
  out += stored;
  return header;
}

BlockHeader BlockWriter::AppendBlock(std::string& out, BlockType type,
                                     std::string_view head,
                                     std::string_view body, int level,
                                     uint8_t flags) {
  LIBRR_CHECK(head.size() <= kMaxHead && body.size() <= kMaxRawBlock);
  const std::string_view stored = Compress(body, level, flags);
  BlockHeader header;
  header.type = type;
  header.flags = flags;
  header.head_size = static_cast<uint16_t>(head.size());
  header.stored_size = static_cast<uint32_t>(stored.size());
  header.raw_size = static_cast<uint32_t>(body.size());
  return Finish(out, header, head, stored);
}

BlockHeader BlockWriter::AppendSealedBlock(std::string& out, BlockType type,
                                           std::string& head,
                                           std::string_view body, int level) {
  LIBRR_CHECK(head.size() + 4 <= kMaxHead && body.size() <= kMaxRawBlock);
  uint8_t flags = kFlagOptional;
  const std::string_view stored = Compress(body, level, flags);
  BlockHeader header;
  header.type = type;
  header.flags = flags;
  header.head_size = static_cast<uint16_t>(head.size() + 4);
  header.stored_size = static_cast<uint32_t>(stored.size());
  header.raw_size = static_cast<uint32_t>(body.size());
  PutFixed32(head, HeadSeal(header, head));
  return Finish(out, header, head, stored);
}

}  // namespace librr::trace
