// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/trace_writer.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/crc32c.h"
#include "librr-core/base/posix_file.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/block_writer.h"
#include "librr-core/trace/digest_base_policy.h"
#include "librr-core/trace/digest_codec.h"
#include "librr-core/trace/event_batch.h"
#include "librr-core/trace/header_codec.h"
#include "librr-core/trace/open_trace.h"
#include "librr-core/trace/trace_format.h"
#include "librr-core/trace/trace_index.h"

namespace librr::trace {
namespace {

// A group's payloads and columns stay well below a block's limit.
constexpr uint64_t kMaxGroupPayload = kMaxEventPayload;
// A slow disk counts writes, and memory costs where it is new.
constexpr uint64_t kWriteBytes = uint64_t{1} << 20;

TraceHeader::Id DrawId() {
  std::random_device device;
  TraceHeader::Id id;
  for (uint8_t& byte : id) byte = static_cast<uint8_t>(device());
  return id;
}

absl::Status CheckEvent(const Event& event) {
  switch (event.kind) {
    case EventKind::kInput:
    case EventKind::kOutput:
    case EventKind::kMark:
    case EventKind::kHeartbeat:
      if (event.digest != nullptr) {
        return absl::InvalidArgumentError(
            "an event that is not a digest has one");
      }
      break;
    case EventKind::kDigest:
      if (event.digest == nullptr || !IsEncodable(*event.digest)) {
        return absl::InvalidArgumentError(
            "a digest must have at most 512 components with names of at most "
            "64 bytes");
      }
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no event kind ", static_cast<int>(event.kind)));
  }
  if (StreamOf(event.kind) == BlockType::kProofs && event.subkind != 0) {
    return absl::InvalidArgumentError("only inputs and outputs have a subkind");
  }
  if (event.payload.size() > kMaxEventPayload) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event's payload of ", event.payload.size(),
                     " bytes is larger than ", kMaxEventPayload));
  }
  return absl::OkStatus();
}

absl::Status CheckImages(absl::Span<const Image> images) {
  if (images.size() > kMaxImages) {
    return absl::InvalidArgumentError("a trace has at most 64 images");
  }
  for (const Image& image : images) {
    const auto same = [&](const Image& other) {
      return other.name == image.name;
    };
    if (image.name.empty() || image.name.size() > kMaxImageName ||
        std::count_if(images.begin(), images.end(), same) != 1) {
      return absl::InvalidArgumentError(
          "images must have different names of 1 to 255 bytes");
    }
    if (image.bytes.size() > kMaxImageBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(AbseilView(image.name), ": ", image.bytes.size(),
                       " bytes, a trace can hold ", kMaxImageBytes));
    }
  }
  return absl::OkStatus();
}

}  // namespace

class TraceWriter::Impl {
 public:
  Impl(std::unique_ptr<AppendSink> sink, TraceWriterOptions options)
      : sink_(std::move(sink)), options_(options) {}

  absl::Status Begin(TraceHeader header, absl::Span<const Image> images);
  absl::Status Append(Event event);
  absl::Status AppendBlocks(absl::Span<const EncodedBlock> blocks);
  absl::Status Flush();
  absl::Status Resume(const OpenTrace& trace);
  absl::Status FinishIndex();
  absl::Status Finish(const EndRecord& end);
  void Abandon();

  const TraceHeader::Id& id() const { return header_.id; }
  uint64_t bytes_written() const { return size_; }
  uint64_t event_count() const { return event_count_; }
  uint64_t next_page_id() const { return next_page_id_; }
  uint64_t next_page_map_id() const { return next_page_map_id_; }

 private:
  // Adds a block to `out_`, which `Commit` writes.
  void AddBlock(BlockType type, std::string_view head, std::string_view body,
                int level);
  void AddEntry(std::string_view entry);
  absl::Status Commit();
  absl::Status Sync();
  absl::Status WriteImage(const Image& image);
  bool FitsGroup(const Event& event) const;
  absl::Status WriteGroup();
  // The digest base for a group that begins with `first`, written if needed.
  void ChooseBase(const Digest& first);
  absl::Status WriteIndex();

  std::unique_ptr<AppendSink> sink_;
  TraceWriterOptions options_;
  TraceHeader header_;
  // Not OK: the writer cannot go on, and why.
  absl::Status failed_;

  BlockWriter blocks_;
  uint64_t size_ = 0;           // of the file: whole blocks only
  std::string out_;             // blocks that were not written yet
  std::string index_;           // header and head of each block so far
  std::vector<size_t> splits_;  // where a new index block begins in it
  uint64_t block_count_ = 0;
  bool has_old_index_ = false;  // beyond `size_`: it is to be replaced
  uint64_t next_page_id_ = 0;
  uint64_t next_page_map_id_ = 0;

  // The group that is being collected; indexed like kStreams.
  std::array<std::vector<Event>, kStreams.size()> pending_;
  uint64_t pending_first_index_ = 0;
  uint64_t pending_payload_ = 0;
  uint64_t pending_digests_ = 0;
  const Digest* pending_digest_ = nullptr;  // the group's first

  uint64_t event_count_ = 0;
  Position last_position_;
  VirtualTime last_time_;

  std::shared_ptr<const Digest> base_;
  uint64_t base_offset_ = 0;
  DigestBasePolicy base_policy_;
};

absl::Status TraceWriter::Impl::Begin(TraceHeader header,
                                      absl::Span<const Image> images) {
  LIBRR_RETURN_IF_ERROR(CheckHeader(header));
  LIBRR_RETURN_IF_ERROR(CheckImages(images));
  if (header.id == TraceHeader::Id{}) header.id = DrawId();
  header_ = std::move(header);
  out_ = kMagic;
  PutFixed32(out_, kFormatVersion);
  PutFixed32(out_, Crc32c(out_));
  AddBlock(BlockType::kHeader, "", EncodeHeader(header_), BlockWriter::kStore);
  LIBRR_RETURN_IF_ERROR(Commit());
  for (const Image& image : images) LIBRR_RETURN_IF_ERROR(WriteImage(image));
  return Sync();
}

absl::Status TraceWriter::Impl::WriteImage(const Image& image) {
  uint64_t offset = 0;
  do {
    const std::string_view chunk = image.bytes.substr(offset, kMaxRawBlock);
    AddBlock(BlockType::kImage,
             EncodeImageHead({image.name, image.bytes.size(), offset}), chunk,
             kImageLevel);
    LIBRR_RETURN_IF_ERROR(Commit());
    offset += chunk.size();
  } while (offset < image.bytes.size());
  return absl::OkStatus();
}

void TraceWriter::Impl::AddBlock(BlockType type, std::string_view head,
                                 std::string_view body, int level) {
  const BlockHeader header = blocks_.AppendBlock(out_, type, head, body, level);
  AddEntry(absl::StrCat(EncodeBlockHeader(header), AbseilView(head)));
}

void TraceWriter::Impl::AddEntry(std::string_view entry) {
  const size_t split = splits_.empty() ? 0 : splits_.back();
  if (index_.size() + entry.size() - split > kMaxRawBlock) {
    splits_.push_back(index_.size());
  }
  index_ += entry;
  ++block_count_;
}

absl::Status TraceWriter::Impl::AppendBlocks(
    absl::Span<const EncodedBlock> blocks) {
  LIBRR_RETURN_IF_ERROR(failed_);
  if (blocks.empty()) return absl::OkStatus();
  // Events are worth more: half of the blocks are theirs.
  if (block_count_ + blocks.size() > kMaxBlocks / 2) {
    return absl::ResourceExhaustedError(
        "the trace has too many blocks for further checkpoints");
  }
  if (has_old_index_) {
    absl::Status status = sink_->TruncateTo(size_);
    if (!status.ok()) {
      failed_ = status;
      return status;
    }
    has_old_index_ = false;
  }
  for (const EncodedBlock& block : blocks) {
    out_ += block.bytes;
    AddEntry(std::string_view(block.bytes).substr(0, block.entry_size));
    if (out_.size() >= kWriteBytes) LIBRR_RETURN_IF_ERROR(Commit());
  }
  return Commit();
}

absl::Status TraceWriter::Impl::Resume(const OpenTrace& trace) {
  const TraceIndex& index = trace.index();
  for (size_ = kPreludeSize; size_ < index.index_begin();) {
    LIBRR_ASSIGN_OR_RETURN(const Block block, trace.blocks().ReadHead(size_));
    AddEntry(absl::StrCat(EncodeBlockHeader(block.header), block.head));
    size_ += block.header.total_size();
  }
  next_page_id_ = index.page_id_limit();
  next_page_map_id_ = index.page_map_id_limit();
  has_old_index_ = true;
  return absl::OkStatus();
}

absl::Status TraceWriter::Impl::FinishIndex() {
  LIBRR_RETURN_IF_ERROR(failed_);
  if (has_old_index_) return absl::OkStatus();
  LIBRR_RETURN_IF_ERROR(WriteIndex());
  LIBRR_RETURN_IF_ERROR(Sync());
  Abandon();
  return absl::OkStatus();
}

absl::Status TraceWriter::Impl::Commit() {
  // The index takes a few blocks of its own.
  constexpr uint64_t kReserved = 64;
  if (block_count_ > kMaxBlocks - kReserved) {
    failed_ = absl::ResourceExhaustedError(absl::StrCat(
        "a trace holds at most ", kMaxBlocks, " blocks: flush less often"));
    return failed_;
  }
  absl::Status status = sink_->Append(out_);
  if (!status.ok()) {
    // The prefix must end with a whole block. If even that fails, a reader
    // finds the torn block by its checksum.
    sink_->TruncateTo(size_).IgnoreError();
    failed_ = status;
    return failed_;
  }
  size_ += out_.size();
  out_.clear();
  return absl::OkStatus();
}

absl::Status TraceWriter::Impl::Sync() {
  if (!options_.sync) return absl::OkStatus();
  absl::Status status = sink_->Sync();
  if (!status.ok()) failed_ = status;
  return status;
}

bool TraceWriter::Impl::FitsGroup(const Event& event) const {
  const uint64_t count = event_count_ - pending_first_index_;
  if (count == 0) return true;
  if (count == kMaxGroupEvents) return false;
  if (pending_payload_ + event.payload.size() > kMaxGroupPayload) return false;
  if (event.digest == nullptr || pending_digest_ == nullptr) return true;
  return pending_digests_ < kMaxGroupDigests &&
         HasSameNames(*pending_digest_, *event.digest);
}

absl::Status TraceWriter::Impl::Append(Event event) {
  LIBRR_RETURN_IF_ERROR(failed_);
  LIBRR_RETURN_IF_ERROR(CheckEvent(event));
  if (event.position < last_position_ || event.time < last_time_) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event at position ", event.position.value(), ", time ",
                     event.time.value(), " cannot follow one at position ",
                     last_position_.value(), ", time ", last_time_.value()));
  }
  if (!FitsGroup(event)) LIBRR_RETURN_IF_ERROR(WriteGroup());
  event.index = event_count_++;
  last_position_ = event.position;
  last_time_ = event.time;
  pending_payload_ += event.payload.size();
  if (event.digest != nullptr) {
    ++pending_digests_;
    if (pending_digest_ == nullptr) pending_digest_ = event.digest.get();
  }
  const auto stream =
      std::find(kStreams.begin(), kStreams.end(), StreamOf(event.kind));
  pending_[stream - kStreams.begin()].push_back(std::move(event));
  return absl::OkStatus();
}

void TraceWriter::Impl::ChooseBase(const Digest& first) {
  const bool usable = base_ != nullptr && HasSameNames(*base_, first);
  if (usable && !base_policy_.ShouldRenew(CountChanges(*base_, first),
                                          HashCount(first))) {
    return;
  }
  base_ = std::make_shared<Digest>(first);
  base_policy_.Renewed();
  base_offset_ = size_ + out_.size();
  AddBlock(BlockType::kDigestBase, "", EncodeDigestBase(first), kBatchLevel);
}

absl::Status TraceWriter::Impl::WriteGroup() {
  const uint64_t count = event_count_ - pending_first_index_;
  if (count == 0) return absl::OkStatus();
  if (pending_digest_ != nullptr) ChooseBase(*pending_digest_);
  for (size_t i = 0; i < kStreams.size(); ++i) {
    if (pending_[i].empty()) continue;
    const EncodedBatch batch = EncodeBatch(pending_[i], pending_first_index_,
                                           count, base_.get(), base_offset_);
    AddBlock(kStreams[i], batch.head, batch.body, kBatchLevel);
    pending_[i].clear();
  }
  pending_first_index_ = event_count_;
  pending_payload_ = 0;
  pending_digests_ = 0;
  pending_digest_ = nullptr;
  // One write for the whole group: a reader of a growing file rarely sees a
  // part of one.
  return Commit();
}

absl::Status TraceWriter::Impl::Flush() {
  LIBRR_RETURN_IF_ERROR(failed_);
  if (event_count_ == pending_first_index_) return absl::OkStatus();
  LIBRR_RETURN_IF_ERROR(WriteGroup());
  return Sync();
}

absl::Status TraceWriter::Impl::Finish(const EndRecord& end) {
  LIBRR_RETURN_IF_ERROR(failed_);
  if (end.position < last_position_ || end.time < last_time_) {
    return absl::InvalidArgumentError(
        "a recording cannot end before its last event");
  }
  if (end.vcpu < 0 || static_cast<uint32_t>(end.vcpu) >= header_.vcpus ||
      end.detail.size() > kMaxEndDetail) {
    return absl::InvalidArgumentError(
        "an end record must name one of the machine's vCPUs and have at most "
        "4096 bytes of detail");
  }
  LIBRR_RETURN_IF_ERROR(WriteGroup());
  AddBlock(BlockType::kEnd, "", EncodeEnd(end), BlockWriter::kStore);
  LIBRR_RETURN_IF_ERROR(Commit());
  LIBRR_RETURN_IF_ERROR(WriteIndex());
  LIBRR_RETURN_IF_ERROR(Sync());
  Abandon();
  return absl::OkStatus();
}

absl::Status TraceWriter::Impl::WriteIndex() {
  const uint64_t index_offset = size_;
  // `AddBlock` adds to the index, but an index does not describe itself.
  const std::string index = std::move(index_);
  std::vector<size_t> splits = std::move(splits_);
  splits.insert(splits.begin(), 0);
  splits.push_back(index.size());
  for (size_t i = 0; i + 1 < splits.size(); ++i) {
    AddBlock(
        BlockType::kIndex, "",
        std::string_view(index).substr(splits[i], splits[i + 1] - splits[i]),
        kBatchLevel);
  }
  std::string trailer;
  PutFixed64(trailer, index_offset);
  AddBlock(BlockType::kTrailer, "", trailer, BlockWriter::kStore);
  return Commit();
}

void TraceWriter::Impl::Abandon() {
  if (failed_.ok()) {
    failed_ = absl::FailedPreconditionError("the trace is closed");
  }
  sink_.reset();
}

TraceWriter::TraceWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TraceWriter::~TraceWriter() = default;

absl::StatusOr<std::unique_ptr<TraceWriter>> TraceWriter::Create(
    const std::string& path, const TraceHeader& header,
    absl::Span<const Image> images, TraceWriterOptions options) {
  // Before an existing file is emptied.
  LIBRR_RETURN_IF_ERROR(CheckHeader(header));
  LIBRR_RETURN_IF_ERROR(CheckImages(images));
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<FileSink> sink,
                         FileSink::Create(path));
  return CreateOn(std::move(sink), header, images, options);
}

absl::StatusOr<std::unique_ptr<TraceWriter>> TraceWriter::Extend(
    const std::string& path) {
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<FileSink> sink, FileSink::Open(path));
  // Read once the lock is held: nobody changes the file any more.
  LIBRR_ASSIGN_OR_RETURN(PosixFile file, PosixFile::OpenForReading(path));
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessSource> source,
                         FileSource::Of(std::move(file)));
  LIBRR_ASSIGN_OR_RETURN(
      const std::unique_ptr<OpenTrace> trace,
      OpenTrace::Open(std::move(source), path, /*is_locked=*/true));
  if (trace->info().damage_offset.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(trace->info().damage, "; nothing is added to it"));
  }
  auto impl =
      std::make_unique<Impl>(std::move(sink), TraceWriterOptions{.sync = true});
  LIBRR_RETURN_IF_ERROR(impl->Resume(*trace));
  return std::unique_ptr<TraceWriter>(new TraceWriter(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<TraceWriter>> TraceWriter::CreateOn(
    std::unique_ptr<AppendSink> sink, const TraceHeader& header,
    absl::Span<const Image> images, TraceWriterOptions options) {
  auto impl = std::make_unique<Impl>(std::move(sink), options);
  LIBRR_RETURN_IF_ERROR(impl->Begin(header, images));
  return std::unique_ptr<TraceWriter>(new TraceWriter(std::move(impl)));
}

absl::Status TraceWriter::Append(Event event) {
  return impl_->Append(std::move(event));
}
absl::Status TraceWriter::AppendBlocks(absl::Span<const EncodedBlock> blocks) {
  return impl_->AppendBlocks(blocks);
}
absl::Status TraceWriter::FinishIndex() { return impl_->FinishIndex(); }
absl::Status TraceWriter::Flush() { return impl_->Flush(); }
absl::Status TraceWriter::Finish(const EndRecord& end) {
  return impl_->Finish(end);
}
void TraceWriter::Abandon() { impl_->Abandon(); }
const TraceHeader::Id& TraceWriter::id() const { return impl_->id(); }
uint64_t TraceWriter::bytes_written() const { return impl_->bytes_written(); }
uint64_t TraceWriter::next_page_id() const { return impl_->next_page_id(); }
uint64_t TraceWriter::next_page_map_id() const {
  return impl_->next_page_map_id();
}
uint64_t TraceWriter::event_count() const { return impl_->event_count(); }

}  // namespace librr::trace
