// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads and checks single blocks of a trace.
//
//   BlockReader reader(source, "boot.vmrr");
//   LIBRR_ASSIGN_OR_RETURN(Block block, reader.Read(offset));
//
// A block that breaks a limit, lies beyond the data or has a wrong checksum is
// DataLoss with the file's name and the block's offset; nothing larger than a
// block is ever allocated. Stateless: any number of threads may use one.
#ifndef LIBRR_CORE_TRACE_BLOCK_READER_H_
#define LIBRR_CORE_TRACE_BLOCK_READER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr-core/base/random_access_source.h"
#include "librr-core/trace/block_header.h"

namespace librr::trace {

struct Block {
  BlockHeader header;
  std::string head;
  std::string body;  // decompressed
};

class BlockReader {
 public:
  // `source` must outlive the reader. `name` is for error messages.
  BlockReader(const RandomAccessSource& source, std::string name)
      : source_(source), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  uint64_t size() const { return source_.size(); }

  absl::StatusOr<Block> Read(uint64_t offset) const;
  // The same, without decompressing: `body` is empty.
  absl::StatusOr<Block> Check(uint64_t offset) const;

  // Only header and head, of a block that lies within the data; the checksum is
  // not looked at.
  absl::StatusOr<Block> ReadHead(uint64_t offset) const;

  // "NAME: damaged at offset N: WHAT".
  absl::Status DamageAt(uint64_t offset, std::string_view what) const;

 private:
  // `bytes` receives the header as it is in the file.
  absl::StatusOr<Block> ReadHead(uint64_t offset, std::string& bytes) const;
  // `stored` receives the body as it is in the file.
  absl::StatusOr<Block> ReadStored(uint64_t offset, std::string& stored) const;

  const RandomAccessSource& source_;
  std::string name_;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_BLOCK_READER_H_
