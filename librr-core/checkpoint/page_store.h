// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Pages of RAM that checkpoints share: each content is kept once.
//
//   PageStore store;
//   PageRef page = store.Add(bytes);          // 4096 of them
//   if (page) std::memcpy(ram, page.bytes(), kPageBytes);
//
// A PageRef counts references; the last one frees the page. The page of zeros
// is the null reference and takes no memory. Thread-safe: several machines may
// share a store, which must outlive all references.
#ifndef LIBRR_CORE_CHECKPOINT_PAGE_STORE_H_
#define LIBRR_CORE_CHECKPOINT_PAGE_STORE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"

namespace librr {

inline constexpr size_t kPageBytes = 4096;

class PageStore;

struct StoredPage {
  std::atomic<uint64_t> references;
  PageStore* store;
  uint64_t hash;
  uint8_t bytes[kPageBytes];
};

class PageRef {
 public:
  PageRef() = default;  // the page of zeros
  PageRef(const PageRef& other);
  PageRef(PageRef&& other) noexcept
      : page_(std::exchange(other.page_, nullptr)) {}
  PageRef& operator=(PageRef other) noexcept {
    std::swap(page_, other.page_);
    return *this;
  }
  ~PageRef();

  explicit operator bool() const { return page_ != nullptr; }
  // Equal contents of one store have equal references.
  bool operator==(const PageRef& other) const { return page_ == other.page_; }
  // kPageBytes of them.
  const uint8_t* bytes() const;

 private:
  friend class PageStore;
  explicit PageRef(StoredPage* page) : page_(page) {}
  StoredPage* page_ = nullptr;
};

class PageStore {
 public:
  PageStore() = default;
  ~PageStore();
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;

  // `bytes` are kPageBytes.
  PageRef Add(const uint8_t* bytes);

  uint64_t page_count() const { return pages_.load(); }
  // What pages and what was charged take.
  uint64_t bytes() const {
    return pages_.load() * sizeof(StoredPage) + charged_.load();
  }
  // Memory that belongs to the pages: maps of them.
  void Charge(uint64_t bytes) { charged_ += bytes; }
  void Discharge(uint64_t bytes) { charged_ -= bytes; }

 private:
  friend class PageRef;
  static constexpr size_t kShards = 64;

  struct Key {
    uint64_t hash;
    const uint8_t* bytes;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const StoredPage* page) const { return page->hash; }
    size_t operator()(const Key& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const StoredPage* a, const StoredPage* b) const {
      return a == b;
    }
    // Contents are compared: a guest can make pages of equal hashes.
    bool operator()(const StoredPage* a, const Key& b) const;
    bool operator()(const Key& a, const StoredPage* b) const {
      return (*this)(b, a);
    }
  };
  struct Shard {
    absl::Mutex mutex;
    absl::flat_hash_set<StoredPage*, Hash, Equal> pages ABSL_GUARDED_BY(mutex);
  };

  Shard& ShardOf(uint64_t hash) { return shards_[hash % kShards]; }
  void Release(StoredPage* page);

  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> pages_ = 0;
  std::atomic<uint64_t> charged_ = 0;
};

}  // namespace librr

#endif  // LIBRR_CORE_CHECKPOINT_PAGE_STORE_H_
