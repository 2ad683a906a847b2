// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/machine_image.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "librr-core/base/check.h"

namespace librr {

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

absl::Status MachineImage::Restore(const Checkpoint& checkpoint) {
  copied_pages_ = 0;
  for (const uint32_t page : machine_->TakeChangedPages()) {
    machine_->RestorePage(page, checkpoint.pages.Get(page).bytes());
    ++copied_pages_;
  }
  PageMap::ForEachDifference(pages_, checkpoint.pages,
                             [this](uint64_t page, const PageRef& content) {
                               machine_->RestorePage(page, content.bytes());
                               ++copied_pages_;
                             });
  // What was just restored has not changed since.
  machine_->TakeChangedPages();
  pages_ = checkpoint.pages;
  return machine_->RestoreState(checkpoint.state);
}

}  // namespace librr
