// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/page_map.h"

#include <array>

#include "librr-core/base/check.h"

namespace librr {

struct PageMap::Leaf {
  explicit Leaf(PageStore* in) : store(in) { store->Charge(sizeof(*this)); }
  Leaf(const Leaf& other) : store(other.store), pages(other.pages) {
    store->Charge(sizeof(*this));
  }
  ~Leaf() { store->Discharge(sizeof(*this)); }

  PageStore* const store;
  std::array<PageRef, kFanout> pages;
};

struct PageMap::Inner {
  explicit Inner(PageStore* in) : store(in) { store->Charge(sizeof(*this)); }
  Inner(const Inner& other) : store(other.store), children(other.children) {
    store->Charge(sizeof(*this));
  }
  ~Inner() { store->Discharge(sizeof(*this)); }

  PageStore* const store;
  std::array<Node, kFanout> children;
};

PageRef PageMap::Get(uint64_t page) const {
  LIBRR_CHECK(page < kMaxPages);
  const void* node = root_.get();
  for (int level = kLevels - 1; level > 0 && node != nullptr; --level) {
    node = static_cast<const Inner*>(node)
               ->children[(page >> (kBits * level)) % kFanout]
               .get();
  }
  if (node == nullptr) return PageRef();
  return static_cast<const Leaf*>(node)->pages[page % kFanout];
}

PageMap PageMap::With(absl::Span<const Change> changes) const {
  PageMap result(store_);
  result.root_ =
      changes.empty() ? root_ : Replace(root_, kLevels - 1, 0, changes);
  return result;
}

PageMap::Node PageMap::Replace(const Node& node, int level, uint64_t first_page,
                               absl::Span<const Change> changes) const {
  if (level == 0) {
    const auto* old = static_cast<const Leaf*>(node.get());
    auto leaf = old != nullptr ? std::make_shared<Leaf>(*old)
                               : std::make_shared<Leaf>(store_);
    for (const auto& [page, content] : changes) {
      LIBRR_CHECK(page - first_page < kFanout);
      leaf->pages[page - first_page] = content;
    }
    return leaf;
  }
  const auto* old = static_cast<const Inner*>(node.get());
  auto inner = old != nullptr ? std::make_shared<Inner>(*old)
                              : std::make_shared<Inner>(store_);
  const int shift = kBits * level;
  size_t begin = 0;
  while (begin < changes.size()) {
    const uint64_t child = (changes[begin].first - first_page) >> shift;
    LIBRR_CHECK(child < kFanout);
    size_t end = begin + 1;
    while (end < changes.size() &&
           (changes[end].first - first_page) >> shift == child) {
      LIBRR_CHECK(changes[end].first > changes[end - 1].first);
      ++end;
    }
    inner->children[child] = Replace(inner->children[child], level - 1,
                                     first_page + (child << shift),
                                     changes.subspan(begin, end - begin));
    begin = end;
  }
  return inner;
}

void PageMap::ForEachDifference(
    const PageMap& from, const PageMap& to,
    absl::FunctionRef<void(uint64_t page, const PageRef& content)> visit) {
  LIBRR_CHECK(from.store_ == to.store_);
  Compare(from.root_.get(), to.root_.get(), kLevels - 1, 0, visit);
}

void PageMap::Compare(
    const void* from, const void* to, int level, uint64_t first_page,
    absl::FunctionRef<void(uint64_t page, const PageRef& content)> visit) {
  if (from == to) return;
  if (level == 0) {
    static const PageRef zero;
    const auto* a = static_cast<const Leaf*>(from);
    const auto* b = static_cast<const Leaf*>(to);
    for (uint64_t i = 0; i < kFanout; ++i) {
      const PageRef& old = a != nullptr ? a->pages[i] : zero;
      const PageRef& now = b != nullptr ? b->pages[i] : zero;
      if (!(old == now)) visit(first_page + i, now);
    }
    return;
  }
  const auto* a = static_cast<const Inner*>(from);
  const auto* b = static_cast<const Inner*>(to);
  for (uint64_t i = 0; i < kFanout; ++i) {
    Compare(a != nullptr ? a->children[i].get() : nullptr,
            b != nullptr ? b->children[i].get() : nullptr, level - 1,
            first_page + (i << (kBits * level)), visit);
  }
}

}  // namespace librr
