// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// An open trace: its source, its index, and what both say about it. Shared by
// TraceReader and its cursors; immutable once open.
#ifndef LIBRR_CORE_TRACE_OPEN_TRACE_H_
#define LIBRR_CORE_TRACE_OPEN_TRACE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr-core/base/random_access_source.h"
#include "librr-core/trace/block_reader.h"
#include "librr-core/trace/trace_index.h"
#include "librr/trace.h"

namespace librr::trace {

class OpenTrace {
 public:
  // `name` is for messages. `is_locked`: a writer has the file open.
  static absl::StatusOr<std::unique_ptr<OpenTrace>> Open(
      std::unique_ptr<RandomAccessSource> source, std::string name,
      bool is_locked);

  const TraceInfo& info() const { return info_; }
  const TraceIndex& index() const { return index_; }
  const BlockReader& blocks() const { return blocks_; }

  const std::vector<StoredCheckpoint>& checkpoints() const {
    return checkpoints_;
  }

  absl::StatusOr<std::string> ReadImage(std::string_view name) const;
  // See TraceReader. In stored_checkpoint.cc.
  absl::StatusOr<StoredState> ReadCheckpoint(
      const StoredCheckpoint& checkpoint) const;
  absl::StatusOr<std::vector<StoredPageRef>> ReadPageMap(uint32_t id) const;
  absl::Status ReadPages(
      absl::Span<const uint32_t> ids,
      absl::FunctionRef<void(uint32_t id, const uint8_t* bytes)> visit) const;

 private:
  OpenTrace(std::unique_ptr<RandomAccessSource> source, std::string name)
      : source_(std::move(source)), blocks_(*source_, std::move(name)) {}

  absl::Status ReadPrelude();
  absl::Status ReadHeader();
  // Takes the index from the file's end. DataLoss if there is no good one.
  absl::Status LoadIndex();
  absl::Status AddIndexBlock(std::string_view entries, uint64_t& offset,
                             uint64_t end, TraceIndex& index) const;
  // Builds the index from the blocks, up to the first that is damaged.
  absl::Status ScanBlocks();
  absl::Status ReadEnd();
  void EndAtLastEvent();
  void FillInfo(bool is_locked);

  std::unique_ptr<RandomAccessSource> source_;
  BlockReader blocks_;
  TraceIndex index_;
  TraceInfo info_;
  std::vector<StoredCheckpoint> checkpoints_;  // by position
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_OPEN_TRACE_H_
