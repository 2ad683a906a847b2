// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Turns heads and bodies into blocks: compressed where that helps, checksummed.
//
//   BlockWriter writer;
//   std::string out;
//   BlockHeader header = writer.AppendBlock(out, BlockType::kInputs, head,
//   body,
//                                           kBatchLevel);
//
// Belongs to one thread; keeps its compressor's memory between blocks.
#ifndef LIBRR_CORE_TRACE_BLOCK_WRITER_H_
#define LIBRR_CORE_TRACE_BLOCK_WRITER_H_

#include <memory>
#include <string>
#include <string_view>

#include "librr-core/trace/block_header.h"

struct ZSTD_CCtx_s;

namespace librr::trace {

class BlockWriter {
 public:
  // For `level`: store the body as it is.
  static constexpr int kStore = 0;

  BlockWriter();
  ~BlockWriter();

  // `head` and `body` must keep the format's limits. Returns what the block
  // begins with.
  BlockHeader AppendBlock(std::string& out, BlockType type,
                          std::string_view head, std::string_view body,
                          int level, uint8_t flags = 0);

  // For the parts of checkpoints: optional, and the head sealed (see
  // `IsSealed`). `head` becomes what is in the block.
  BlockHeader AppendSealedBlock(std::string& out, BlockType type,
                                std::string& head, std::string_view body,
                                int level);

 private:
  // The body as it will be stored; sets the flag if it is compressed.
  std::string_view Compress(std::string_view body, int level, uint8_t& flags);
  static BlockHeader Finish(std::string& out, BlockHeader header,
                            std::string_view head, std::string_view stored);

  struct FreeContext {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, FreeContext> context_;
  std::string compressed_;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_BLOCK_WRITER_H_
