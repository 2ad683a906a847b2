// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/machine_image.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "librr-core/base/check.h"

namespace librr {
namespace {

// How many pages are restored between two looks at whether to stop: 4 MiB.
constexpr uint64_t kPagesAtOnce = 1024;

}  // namespace

MachineImage::MachineImage(Machine* machine, PageStore* store)
    : machine_(machine), store_(store), pages_(store) {
  LIBRR_CHECK(machine->has_pages());
}

std::shared_ptr<const Checkpoint> MachineImage::Capture() {
  std::vector<uint32_t> changed = machine_->TakeChangedPages();
  std::sort(changed.begin(), changed.end());
  std::vector<PageMap::Change> changes;
  for (const uint32_t page : changed) {
    const uint8_t* bytes = machine_->PageBytes(page);
    const PageRef before = pages_.Get(page);
    if (std::memcmp(before.bytes(), bytes, kPageBytes) == 0) continue;
    changes.emplace_back(page, store_->Add(bytes));
  }
  pages_ = pages_.With(changes);
  copied_pages_ = changes.size();
  return std::make_shared<const Checkpoint>(Checkpoint{
      machine_->position(), machine_->time(), machine_->SaveState(), pages_});
}

absl::Status MachineImage::Restore(const Checkpoint& checkpoint,
                                   const std::atomic<bool>* stop) {
  copied_pages_ = 0;
  std::vector<uint32_t> changed = machine_->TakeChangedPages();
  std::sort(changed.begin(), changed.end());
  for (const uint32_t page : changed) {
    machine_->RestorePage(page, checkpoint.pages.Get(page).bytes());
    ++copied_pages_;
  }
  bool stopped = false;
  std::vector<PageMap::Change> left;
  PageMap::ForEachDifference(
      pages_, checkpoint.pages, [&](uint64_t page, const PageRef& content) {
        if (stop != nullptr && copied_pages_ % kPagesAtOnce == 0) {
          stopped = stopped || stop->load(std::memory_order_relaxed);
        }
        if (stopped) {
          if (!std::binary_search(changed.begin(), changed.end(), page))
            left.emplace_back(page, pages_.Get(page));
          return;
        }
        machine_->RestorePage(page, content.bytes());
        ++copied_pages_;
      });
  // What was just restored has not changed since.
  machine_->TakeChangedPages();
  pages_ = stopped ? checkpoint.pages.With(left) : checkpoint.pages;
  if (stopped) return absl::CancelledError("interrupted");
  return machine_->RestoreState(checkpoint.state);
}

}  // namespace librr
