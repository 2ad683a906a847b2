// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Remembers descriptions of kernels, so that the same kernel need not be read
// again: at another position, after a reboot, in another machine, wherever
// KASLR has put it.
//
//   KernelCache cache;
//   auto known = cache.Find(memory, place);        // null the first time
//   cache.Add(image, description);
//
// A guest says about itself what it likes, so a build-id alone proves nothing.
// A description is used again only where all bytes that it was made from are in
// memory as they were then, at the same distances from the image's first byte:
// the build-id and the banner, which are compared first, the whole symbol
// table, the whole of the types. What such a guest would be described as, if it
// were read anew, is the same. So no guest can say anything about another one.
//
// Thread-safe. Holds the last few kernels, a few tens of MiB each.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_CACHE_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "librr/memory_reader.h"
#include "linux-introspect/kernel_description.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/kernel_place.h"

namespace librr::linux_guest {

class KernelCache {
 public:
  static constexpr size_t kMaxKernels = 4;

  // The description of the kernel that is mapped there; null if it is not
  // known.
  std::shared_ptr<const KernelDescription> Find(const MemoryReader& memory,
                                                const KernelPlace& place);
  // Nothing is remembered of kernels whose symbols or types are from files, and
  // of those whose table has whole addresses.
  void Add(const KernelImage& image,
           std::shared_ptr<const KernelDescription> description);

 private:
  struct Piece {
    uint64_t offset = 0;  // from the image's first byte
    std::string bytes;
  };
  struct Entry {
    std::vector<Piece> pieces;
    std::string_view btf;
    uint64_t btf_offset = 0;
    // Where there is an address, and how far it is from the image's first byte.
    uint64_t base_offset = 0;
    uint64_t base_distance = 0;
    std::shared_ptr<const KernelDescription> description;
  };
  static bool IsThere(const MemoryReader& memory, const KernelPlace& place,
                      const Entry& entry);

  std::mutex mutex_;
  // The one used last first.
  std::vector<std::shared_ptr<const Entry>> entries_;
};

// What the linker has called a kernel (.note.gnu.build-id); empty if it has
// not. A view of the image.
std::string_view FindBuildId(const KernelImage& image,
                             const KernelDescription& description);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_CACHE_H_
