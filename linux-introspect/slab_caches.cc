// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/slab_caches.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel_lists.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kMaxCaches = 1 << 16;
// Of all caches together: 16 GiB in slabs of a page.
constexpr size_t kMaxPartialSlabs = 1 << 22;
constexpr uint64_t kMaxName = 128;
constexpr uint64_t kMaxNodes = 1024;  // NODES_SHIFT is at most 10

class SlabReader {
 public:
  explicit SlabReader(const Kernel* kernel) : kernel_(kernel) {}

  absl::StatusOr<std::vector<LinuxSlabCache>> Read() {
    LIBRR_RETURN_IF_ERROR(FindFields());
    LIBRR_ASSIGN_OR_RETURN(const uint64_t head, kernel_->Symbol("slab_caches"));
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> links,
                           ReadList(*kernel_, head, kMaxCaches, "slab caches"));
    std::vector<LinuxSlabCache> caches;
    for (const uint64_t link : links) {
      LIBRR_ASSIGN_OR_RETURN(caches.emplace_back(),
                             Describe(link - list_.offset));
    }
    return caches;
  }

 private:
  absl::Status FindFields() {
    LIBRR_RETURN_IF_ERROR(kernel_->FindFields({
        {&list_, "kmem_cache", {"list"}},
        {&name_, "kmem_cache", {"name"}},
        {&object_size_, "kmem_cache", {"object_size"}},
        {&size_, "kmem_cache", {"size"}},
        {&order_, "kmem_cache", {"oo.x"}},
        {&nodes_, "kmem_cache", {"node"}},
        {&partial_, "kmem_cache_node", {"partial"}},
        {&slabs_, "kmem_cache_node", {"nr_slabs"}},
        {&objects_, "kmem_cache_node", {"total_objects"}},
    }));
    // A struct page until 5.17.
    const char* slab = kernel_->SizeOf("slab").ok() ? "slab" : "page";
    LIBRR_RETURN_IF_ERROR(kernel_->FindFields({
        {&slab_list_, slab, {"slab_list", "lru"}},
        {&in_use_, slab, {"inuse"}},
    }));
    // Only so many pointers have been allocated.
    if (const auto count = kernel_->Symbol("nr_node_ids"); count.ok()) {
      LIBRR_ASSIGN_OR_RETURN(node_count_, kernel_->ReadNumber(*count, 4));
    }
    if (node_count_ > std::min<uint64_t>(kMaxNodes, nodes_.size / 8)) {
      return absl::DataLossError(absl::StrFormat(
          "the guest's nr_node_ids is corrupted: %d", node_count_));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<LinuxSlabCache> Describe(uint64_t address) {
    LIBRR_ASSIGN_OR_RETURN(
        const Object object,
        kernel_->ReadObject(address, nodes_.offset + node_count_ * 8));
    LinuxSlabCache cache;
    cache.name = kernel_->ReadText(object.Number(name_), kMaxName);
    cache.object_size = object.Number(object_size_);
    cache.size = object.Number(size_);
    // struct kmem_cache_order_objects.
    const uint64_t order = object.Number(order_);
    cache.objects_per_slab = order & 0xffff;
    cache.pages_per_slab = order >> 16 < 32 ? uint32_t{1} << (order >> 16) : 0;
    uint64_t free = 0;
    for (uint64_t i = 0; i < node_count_; ++i) {
      const uint64_t node =
          object.Number({static_cast<uint32_t>(nodes_.offset + i * 8), 8});
      // It has no memory.
      if (node == 0) continue;
      LIBRR_ASSIGN_OR_RETURN(
          const uint64_t slabs,
          kernel_->ReadNumber(node + slabs_.offset, slabs_.size));
      LIBRR_ASSIGN_OR_RETURN(
          const uint64_t objects,
          kernel_->ReadNumber(node + objects_.offset, objects_.size));
      LIBRR_ASSIGN_OR_RETURN(const uint64_t free_here, FreeIn(node));
      cache.slabs += slabs;
      cache.objects += objects;
      free += free_here;
    }
    // Between the two halves of a change there may be more.
    cache.active_objects = cache.objects - std::min(free, cache.objects);
    return cache;
  }

  // Of the slabs in a node's list.
  absl::StatusOr<uint64_t> FreeIn(uint64_t node) {
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> links,
                           ReadList(*kernel_, node + partial_.offset,
                                    partial_slabs_left_, "partly used slabs"));
    partial_slabs_left_ -= links.size();
    uint64_t free = 0;
    for (const uint64_t link : links) {
      // unsigned inuse:16, objects:15, frozen:1.
      LIBRR_ASSIGN_OR_RETURN(
          const uint64_t counters,
          kernel_->ReadNumber(link - slab_list_.offset + in_use_.offset, 4));
      const uint64_t in_use = counters & 0xffff, all = counters >> 16 & 0x7fff;
      if (in_use > all) {
        return absl::DataLossError(absl::StrFormat(
            "the slab at 0x%x is corrupted: %d of its %d objects are in use",
            link - slab_list_.offset, in_use, all));
      }
      free += all - in_use;
    }
    return free;
  }

  const Kernel* kernel_;
  uint64_t node_count_ = 1;
  size_t partial_slabs_left_ = kMaxPartialSlabs;
  Field list_, name_, object_size_, size_, order_, nodes_;  // of kmem_cache
  Field partial_, slabs_, objects_;  // of kmem_cache_node
  Field slab_list_, in_use_;         // of slab
};

}  // namespace

absl::StatusOr<std::vector<LinuxSlabCache>> ReadSlabCaches(
    const Kernel& kernel) {
  return SlabReader(&kernel).Read();
}

}  // namespace librr::linux_guest
