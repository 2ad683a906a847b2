// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/checkpoint_loader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

constexpr uint64_t kPagesInMap = 4096;
// How many pages are read between two looks at whether to stop: 8 MiB are
// decompressed and hashed in some 10 ms.
constexpr size_t kPagesAtOnce = 2048;

}  // namespace

CheckpointLoader::CheckpointLoader(const TraceReader* trace, PageStore* store)
    : trace_(trace), store_(store), discarded_(trace->checkpoints().size()) {}

std::optional<size_t> CheckpointLoader::AtOrBefore(Position position) const {
  const std::vector<StoredCheckpoint>& all = trace_->checkpoints();
  const std::lock_guard lock(mutex_);
  auto after = std::partition_point(all.begin(), all.end(),
                                    [position](const StoredCheckpoint& entry) {
                                      return entry.position <= position;
                                    });
  while (after != all.begin()) {
    const auto index = static_cast<size_t>(--after - all.begin());
    if (!discarded_[index]) return index;
  }
  return std::nullopt;
}

void CheckpointLoader::Discard(size_t index) {
  const std::lock_guard lock(mutex_);
  discarded_[index] = true;
}

void CheckpointLoader::ForgetPages() {
  absl::flat_hash_map<uint32_t, PageRef> pages;
  const std::lock_guard lock(mutex_);
  pages_.swap(pages);
}

// All pages other than zero, by their numbers in RAM.
absl::StatusOr<std::vector<StoredPageRef>> CheckpointLoader::PagesOf(
    const StoredState& state) {
  const uint64_t page_count = trace_->info().header.memory_bytes / kPageBytes;
  std::vector<StoredPageRef> pages;
  for (size_t part = 0; part < state.maps.size(); ++part) {
    if (!state.maps[part].has_value()) continue;
    LIBRR_ASSIGN_OR_RETURN(const std::vector<StoredPageRef> map,
                           trace_->ReadPageMap(*state.maps[part]));
    for (const StoredPageRef& entry : map) {
      const uint64_t page = part * kPagesInMap + entry.page;
      if (page >= page_count) {
        return absl::DataLossError("a checkpoint has pages beyond RAM");
      }
      pages.push_back({static_cast<uint32_t>(page), entry.id});
    }
  }
  return pages;
}

absl::Status CheckpointLoader::LoadPages(
    const std::vector<StoredPageRef>& pages, const std::atomic<bool>& stop) {
  std::vector<uint32_t> missing;
  {
    const std::lock_guard lock(mutex_);
    for (const StoredPageRef& page : pages) {
      if (!pages_.contains(page.id)) missing.push_back(page.id);
    }
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  while (!missing.empty()) {
    const size_t count = std::min(missing.size(), kPagesAtOnce);
    const std::vector<uint32_t> some(missing.end() - count, missing.end());
    missing.resize(missing.size() - count);
    std::vector<std::pair<uint32_t, PageRef>> loaded;
    loaded.reserve(count);
    LIBRR_RETURN_IF_ERROR(trace_->ReadPages(
        some, [this, &loaded](uint32_t id, const uint8_t* bytes) {
          loaded.emplace_back(id, store_->Add(bytes));
        }));
    const std::lock_guard lock(mutex_);
    for (auto& [id, content] : loaded)
      pages_.try_emplace(id, std::move(content));
    // What was read brings whoever comes again nearer to the end.
    if (!missing.empty() && stop.load(std::memory_order_relaxed)) {
      return absl::CancelledError("interrupted");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadedCheckpoint> CheckpointLoader::Load(
    size_t index, const std::atomic<bool>& stop) {
  const StoredCheckpoint& place = trace_->checkpoints()[index];
  LIBRR_ASSIGN_OR_RETURN(StoredState state, trace_->ReadCheckpoint(place));
  LIBRR_ASSIGN_OR_RETURN(const std::vector<StoredPageRef> pages,
                         PagesOf(state));
  std::vector<PageMap::Change> contents;
  contents.reserve(pages.size());
  // Another thread may make this one's pages be forgotten: once more then.
  while (contents.size() < pages.size()) {
    LIBRR_RETURN_IF_ERROR(LoadPages(pages, stop));
    contents.clear();
    const std::lock_guard lock(mutex_);
    for (const StoredPageRef& page : pages) {
      const auto found = pages_.find(page.id);
      if (found == pages_.end()) break;
      contents.emplace_back(page.page, found->second);
    }
  }
  return LoadedCheckpoint{
      Checkpoint{place.position, place.time, std::move(state.state),
                 PageMap(store_).With(contents)},
      std::move(state.digest), place.event_count};
}

}  // namespace librr
