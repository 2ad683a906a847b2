// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The contents of all pages of a RAM, as a value: copying one is free, changing
// some pages of a copy costs what was changed.
//
//   PageMap before(&store);                       // all zero
//   PageMap after = before.With({{7, store.Add(bytes)}});
//   PageMap::ForEachDifference(before, after,
//                              [](uint64_t page, const PageRef& now) { ... });
//
// A tree of 64 children a node, of which versions share what is equal; so the
// difference of two versions is found without looking at what they share.
// Immutable, hence usable in several threads. The store must outlive the map.
#ifndef LIBRR_CORE_CHECKPOINT_PAGE_MAP_H_
#define LIBRR_CORE_CHECKPOINT_PAGE_MAP_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "librr-core/checkpoint/page_store.h"

namespace librr {

class PageMap {
 public:
  using Change = std::pair<uint64_t, PageRef>;  // the page's number, content
  // Page numbers are below this.
  static constexpr uint64_t kMaxPages = uint64_t{1} << 30;

  explicit PageMap(PageStore* store) : store_(store) {}

  PageRef Get(uint64_t page) const;
  // This map with other contents of some pages, given in ascending order.
  PageMap With(absl::Span<const Change> changes) const;

  // Calls `visit` with the content in `to` of each page that is not the same in
  // `from`, in ascending order. Both are of one store.
  static void ForEachDifference(
      const PageMap& from, const PageMap& to,
      absl::FunctionRef<void(uint64_t page, const PageRef& content)> visit);

 private:
  static constexpr int kBits = 6;
  static constexpr int kLevels = 5;
  static constexpr uint64_t kFanout = uint64_t{1} << kBits;

  struct Leaf;
  struct Inner;
  // Null: all pages below are zero. The level says which of the two it is.
  using Node = std::shared_ptr<const void>;

  Node Replace(const Node& node, int level, uint64_t first_page,
               absl::Span<const Change> changes) const;
  static void Compare(
      const void* from, const void* to, int level, uint64_t first_page,
      absl::FunctionRef<void(uint64_t page, const PageRef& content)> visit);

  PageStore* store_;
  Node root_;
};

}  // namespace librr

#endif  // LIBRR_CORE_CHECKPOINT_PAGE_MAP_H_
