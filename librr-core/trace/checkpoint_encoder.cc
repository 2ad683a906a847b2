// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/checkpoint_encoder.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "librr-core/base/check.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/digest_codec.h"
#include "librr-core/trace/trace_format.h"
#include "xxhash.h"

namespace librr::trace {
namespace {

// Few enough that a single page is read without much else and that all stays in
// the host's caches; more hardly compress better.
constexpr size_t kPagesInBlock = 16;
// A block with its head, whether it could be compressed or not.
constexpr size_t kBufferBytes = kPagesInBlock * kPageSize + 4096;
// What a page and a checkpoint may take in the file beside the pages' bytes.
constexpr uint64_t kPageOverhead = 16;
constexpr uint64_t kCheckpointOverhead = 64 << 10;

// All bytes equal their successor and the first is 0.
bool IsZeroPage(const uint8_t* bytes) {
  return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, kPageSize - 1) == 0;
}

uint64_t DrawSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace

CheckpointEncoder::CheckpointEncoder(Machine* machine,
                                     const CheckpointEncoderOptions& options)
    : machine_(machine),
      options_(options),
      max_buffers_(std::max<size_t>(options.memory_bytes / kBufferBytes, 4)),
      seed_(DrawSeed()),
      contents_(machine->memory_bytes() / kPageSize),
      maps_((contents_.size() + kPagesInMap - 1) / kPagesInMap),
      has_changed_(contents_.size()),
      collected_at_(machine->DirtiedPages()),
      next_page_id_(options.first_page_id),
      next_map_id_(options.first_map_id) {
  LIBRR_CHECK(machine->has_pages());
  // Signals are the business of the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  has_thread_ = pthread_create(&thread_, nullptr, &Main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // A thread that still begins would be surprised by a sandbox.
  std::unique_lock lock(mutex_);
  while (has_thread_ && !running_) changed_state_.wait(lock);
}

CheckpointEncoder::~CheckpointEncoder() {
  if (!has_thread_) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_state_.notify_all();
  }
  pthread_join(thread_, nullptr);
}

uint32_t CheckpointEncoder::Store(const uint8_t* bytes) {
  if (IsZeroPage(bytes)) return 0;
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, kPageSize, seed_);
  const auto [it, is_new] = known_.try_emplace(
      {hash.low64, hash.high64}, static_cast<uint32_t>(next_page_id_));
  if (is_new) {
    ++next_page_id_;
    if (filling_.empty()) {
      const std::lock_guard lock(mutex_);
      filling_ = TakeBuffer();
    }
    // The bytes as chars: the one other type that may alias them.
    filling_.append(reinterpret_cast<const char*>(bytes), kPageSize);
    if (filling_.size() == kPagesInBlock * kPageSize) FinishPages();
  }
  return it->second + 1;
}

std::string CheckpointEncoder::TakeBuffer() {
  std::string buffer;
  if (!buffers_.empty()) {
    buffer = std::move(buffers_.back());
    buffers_.pop_back();
  }
  buffer.clear();
  buffer.reserve(kBufferBytes);
  return buffer;
}

void CheckpointEncoder::KeepBuffer(std::string buffer) {
  if (buffers_.size() < max_buffers_ && buffer.capacity() <= kBufferBytes) {
    buffers_.push_back(std::move(buffer));
  }
}

void CheckpointEncoder::FinishPages() {
  if (filling_.empty()) return;
  const uint64_t count = filling_.size() / kPageSize;
  Add(PagesJob{next_page_id_ - count, std::exchange(filling_, {})});
}

void CheckpointEncoder::UpdateMap(uint64_t part) {
  const uint64_t begin = part * kPagesInMap;
  const uint64_t end =
      std::min<uint64_t>(begin + kPagesInMap, contents_.size());
  std::vector<StoredPageRef> pages;
  for (uint64_t page = begin; page < end; ++page) {
    if (contents_[page] == 0) continue;
    pages.push_back({static_cast<uint32_t>(page - begin), contents_[page] - 1});
  }
  if (pages.empty()) {
    maps_[part].reset();
    return;
  }
  maps_[part] = static_cast<uint32_t>(next_map_id_);
  Add(PageMapJob{next_map_id_++, std::move(pages)});
}

void CheckpointEncoder::CollectChanges() {
  for (const uint32_t page : machine_->TakeChangedPages()) {
    if (has_changed_[page]) continue;
    has_changed_[page] = true;
    changed_.push_back(page);
  }
  collected_at_ = machine_->DirtiedPages();
}

absl::StatusOr<bool> CheckpointEncoder::Capture(uint64_t event_count,
                                                Sink write) {
  CollectChanges();
  std::sort(changed_.begin(), changed_.end());
  const uint64_t needed =
      kCheckpointOverhead + changed_.size() * (kPageSize + kPageOverhead);
  const uint64_t used = bytes();
  // Numbers are far from their limit, but it is one.
  if (used > options_.file_bytes || needed > options_.file_bytes - used ||
      next_page_id_ + changed_.size() >= kMaxPageIds / 2) {
    return false;
  }
  std::string state = machine_->SaveState();
  Digest digest = machine_->ComputeDigest();
  if (state.size() > kMaxCheckpointState || !IsEncodable(digest)) return false;

  std::vector<uint64_t> parts;
  for (const uint32_t page : changed_) {
    has_changed_[page] = false;
    if (filling_.empty()) LIBRR_RETURN_IF_ERROR(MakeRoom(write));
    const uint32_t content = Store(machine_->PageBytes(page));
    if (content == contents_[page]) continue;
    contents_[page] = content;
    const uint64_t part = page / kPagesInMap;
    if (parts.empty() || parts.back() != part) parts.push_back(part);
  }
  changed_.clear();
  FinishPages();
  for (const uint64_t part : parts) UpdateMap(part);
  Add(CheckpointJob{{machine_->position(), machine_->time(), event_count},
                    {std::move(state), std::move(digest), maps_}});
  ++captured_;
  return true;
}

uint64_t CheckpointEncoder::BytesOf(const Job& job) {
  if (const auto* pages = std::get_if<PagesJob>(&job)) {
    return pages->pages.size() + kPageOverhead;
  }
  if (const auto* map = std::get_if<PageMapJob>(&job)) {
    return map->pages.size() * sizeof(StoredPageRef) + kPageOverhead;
  }
  const CheckpointBody& body = std::get<CheckpointJob>(job).body;
  return body.state.size() + body.maps.size() * sizeof(body.maps[0]) +
         kCheckpointOverhead / 8;
}

void CheckpointEncoder::Add(Job job) {
  if (!has_thread_) {
    EncodedBlock block = Encode(job, {});
    const std::lock_guard lock(mutex_);
    encoded_bytes_ += block.bytes.size();
    done_.push_back(std::move(block));
    return;
  }
  const uint64_t bytes = BytesOf(job);
  const std::lock_guard lock(mutex_);
  waiting_bytes_ += bytes;
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1) changed_state_.notify_all();
}

EncodedBlock CheckpointEncoder::Encode(Job& job, std::string buffer) {
  EncodedBlock block{std::move(buffer)};
  BlockHeader header;
  std::string head;
  if (const auto* pages = std::get_if<PagesJob>(&job)) {
    head = EncodePagesHead({pages->first_id, pages->pages.size() / kPageSize});
    header = blocks_.AppendSealedBlock(block.bytes, BlockType::kPages, head,
                                       pages->pages, kPageLevel);
  } else if (const auto* map = std::get_if<PageMapJob>(&job)) {
    head = EncodePageMapHead(map->id);
    header = blocks_.AppendSealedBlock(block.bytes, BlockType::kPageMap, head,
                                       EncodePageMap(map->pages), kPageLevel);
  } else {
    const auto& checkpoint = std::get<CheckpointJob>(job);
    head = EncodeCheckpointHead(checkpoint.head);
    header = blocks_.AppendSealedBlock(
        block.bytes, BlockType::kCheckpoint, head,
        EncodeCheckpointBody(checkpoint.body), kBatchLevel);
  }
  block.entry_size = kBlockHeaderSize + header.head_size;
  return block;
}

void* CheckpointEncoder::Main(void* self) {
  static_cast<CheckpointEncoder*>(self)->Work();
  return nullptr;
}

void CheckpointEncoder::Work() {
  std::unique_lock lock(mutex_);
  running_ = true;
  changed_state_.notify_all();
  while (true) {
    while (jobs_.empty() && !ending_) changed_state_.wait(lock);
    if (ending_) return;
    // Stays in the queue, so that it is known that it is being worked on.
    Job job = std::move(jobs_.front());
    std::string buffer = TakeBuffer();
    lock.unlock();
    const uint64_t bytes = BytesOf(job);
    EncodedBlock block = Encode(job, std::move(buffer));
    lock.lock();
    jobs_.pop_front();
    waiting_bytes_ -= bytes;
    encoded_bytes_ += block.bytes.size();
    done_.push_back(std::move(block));
    if (auto* pages = std::get_if<PagesJob>(&job)) {
      KeepBuffer(std::move(pages->pages));
    }
    // Nobody waits for more.
    if (jobs_.size() <= max_buffers_ / 2) changed_state_.notify_all();
  }
}

absl::Status CheckpointEncoder::MakeRoom(Sink write) {
  {
    std::unique_lock lock(mutex_);
    if (jobs_.size() + done_.size() < max_buffers_) return absl::OkStatus();
    while (jobs_.size() > max_buffers_ / 2) changed_state_.wait(lock);
  }
  return Write(write);
}

absl::Status CheckpointEncoder::Write(Sink write) {
  LIBRR_RETURN_IF_ERROR(failed_);
  std::vector<EncodedBlock> blocks;
  {
    const std::lock_guard lock(mutex_);
    if (done_.empty()) return absl::OkStatus();
    blocks = std::exchange(done_, {});
  }
  // Without these blocks later ones would mean nothing.
  failed_ = write(blocks);
  LIBRR_RETURN_IF_ERROR(failed_);
  const std::lock_guard lock(mutex_);
  for (EncodedBlock& block : blocks) KeepBuffer(std::move(block.bytes));
  return absl::OkStatus();
}

absl::Status CheckpointEncoder::Finish(Sink write) {
  {
    std::unique_lock lock(mutex_);
    while (!jobs_.empty()) changed_state_.wait(lock);
  }
  return Write(write);
}

uint64_t CheckpointEncoder::bytes() const {
  const std::lock_guard lock(mutex_);
  return encoded_bytes_ + waiting_bytes_;
}

}  // namespace librr::trace
