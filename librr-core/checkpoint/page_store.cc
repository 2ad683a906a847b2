// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/page_store.h"

#include <cstring>

#include "librr-core/base/check.h"
#include "xxhash.h"

namespace librr {
namespace {

// All bytes equal their successor and the first is 0.
bool IsZeroPage(const uint8_t* bytes) {
  return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, kPageBytes - 1) == 0;
}

constexpr uint8_t kZeroPage[kPageBytes] = {};

}  // namespace

PageRef::PageRef(const PageRef& other) : page_(other.page_) {
  if (page_ != nullptr) page_->references.fetch_add(1);
}

PageRef::~PageRef() {
  if (page_ == nullptr) return;
  // The last reference goes under the lock, so that `Add` never finds a page
  // that is being freed.
  uint64_t references = page_->references.load();
  while (references > 1) {
    if (page_->references.compare_exchange_weak(references, references - 1))
      return;
  }
  page_->store->Release(page_);
}

const uint8_t* PageRef::bytes() const {
  return page_ == nullptr ? kZeroPage : page_->bytes;
}

PageStore::~PageStore() { LIBRR_CHECK(pages_.load() == 0); }

bool PageStore::Equal::operator()(const StoredPage* a, const Key& b) const {
  return a->hash == b.hash && std::memcmp(a->bytes, b.bytes, kPageBytes) == 0;
}

PageRef PageStore::Add(const uint8_t* bytes) {
  if (IsZeroPage(bytes)) return PageRef();
  const Key key{XXH3_64bits(bytes, kPageBytes), bytes};
  Shard& shard = ShardOf(key.hash);
  absl::MutexLock lock(&shard.mutex);
  const auto found = shard.pages.find(key);
  if (found != shard.pages.end()) {
    (*found)->references.fetch_add(1);
    return PageRef(*found);
  }
  auto* page = new StoredPage;
  page->references = 1;
  page->store = this;
  page->hash = key.hash;
  std::memcpy(page->bytes, bytes, kPageBytes);
  shard.pages.insert(page);
  ++pages_;
  return PageRef(page);
}

void PageStore::Release(StoredPage* page) {
  Shard& shard = ShardOf(page->hash);
  absl::MutexLock lock(&shard.mutex);
  if (page->references.fetch_sub(1) != 1) return;
  shard.pages.erase(page);
  --pages_;
  delete page;
}

}  // namespace librr
