// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A Linux kernel's image in the guest's memory, found without symbols: it is
// mapped from its first byte on in the kernel text mapping, 0xffffffff80000000
// to 0xffffffffc0000000 (Linux, Documentation/arch/x86/x86_64/mm.rst), at an
// offset of this boot (KASLR), and it holds the banner "Linux version ...".
//
//   LIBRR_ASSIGN_OR_RETURN(KernelImage image, KernelImage::Find(memory));
//   image.text();                        // 0xffffffff9a200000
//   image.Bytes(address, 16);            // "" if that is not in the image
//
// A copy, taken when it was found. Immutable.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_IMAGE_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/memory_reader.h"

namespace librr::linux_guest {

class KernelImage {
 public:
  // Bytes at consecutive virtual addresses, beginning at a page.
  struct Part {
    uint64_t address = 0;
    std::string bytes;
  };

  // NotFound, saying what was looked for.
  static absl::StatusOr<KernelImage> Find(const MemoryReader& memory);

  // An image that somebody else has put together; parts ascend and do not
  // overlap. `text` is the address of the first.
  KernelImage(std::vector<Part> parts, uint64_t physical);

  uint64_t text() const { return text_; }
  uint64_t physical() const { return physical_; }
  // The page tables that the image is mapped by: those of the kernel half
  // where the guest isolates them from the user's (KPTI).
  const PagingRoot& root() const { return root_; }
  // "Linux version 6.1.0 ... 2026", without the newline; empty if there is none
  const std::string& banner() const { return banner_; }
  const std::vector<Part>& parts() const { return parts_; }

  // Empty if not all of it is in one part.
  std::string_view Bytes(uint64_t address, uint64_t size) const;
  // From the address to the end of its part.
  std::string_view BytesFrom(uint64_t address) const;

 private:
  std::vector<Part> parts_;
  uint64_t text_ = 0;
  uint64_t physical_ = 0;
  PagingRoot root_;
  std::string banner_;
};

// What the banner of every kernel begins with.
inline constexpr std::string_view kBannerStart = "Linux version ";

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_IMAGE_H_
