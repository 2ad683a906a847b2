// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory of a process with a dynamically linked program, made by a test.
//
//   ProgramImage image;
//   image.SetWord(ProgramImage::kFirstMap + 24, 0);
//   ReadSharedObjects(image.space(), image.auxv());
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_PROGRAM_IMAGE_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_PROGRAM_IMAGE_H_

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "librr/memory_reader.h"
#include "linux-introspect/page_tables.h"

namespace librr {

class ProgramImage final : public MemoryReader {
 public:
  // Where things are in the process. Its memory begins at 0 and has these
  // pages; the program was linked for addresses kDisplacement lower.
  static constexpr uint64_t kPages = 8, kPageBytes = 4096;
  static constexpr uint64_t kDisplacement = 0x1000;
  static constexpr uint64_t kHeaders = 0x1040, kDynamic = 0x1200,
                            kDebug = 0x1300, kFirstMap = 0x1400,
                            kMapBytes = 0x40, kNames = 0x1800;

  ProgramImage() : memory_(kUser + kPages * kPageBytes) {
    // Intel SDM vol. 3, 4.5: one table of each level, present and for users.
    constexpr uint64_t kFlags = 7;
    for (uint64_t table = kTop; table < kTop + 3 * kPageBytes;
         table += kPageBytes) {
      Store(table, (table + kPageBytes) | kFlags);
    }
    for (uint64_t page = 0; page < kPages; ++page) {
      Store(kTop + 3 * kPageBytes + page * 8,
            (kUser + page * kPageBytes) | kFlags);
    }
    SetWord(kHeaders, PT_PHDR);
    SetWord(kHeaders + 16, kHeaders - kDisplacement);
    SetWord(kHeaders + 56, PT_DYNAMIC);
    SetWord(kHeaders + 56 + 16, kDynamic - kDisplacement);
    SetWord(kDynamic, DT_DEBUG);
    SetWord(kDynamic + 8, kDebug);
    SetWord(kDebug + 8, kFirstMap);
    const std::string_view names[] = {"", "linux-vdso.so.1",
                                      "/bin/../lib/libown.so",
                                      "/../../../etc/./passwd"};
    for (uint64_t i = 0; i < std::size(names); ++i) {
      const uint64_t map = kFirstMap + i * kMapBytes;
      SetWord(map, 0x10000 * i);
      SetWord(map + 8, kNames + 64 * i);
      SetWord(map + 16, 0x20000 * i);
      SetWord(map + 24, i + 1 < std::size(names) ? map + kMapBytes : 0);
      SetBytes(kNames + 64 * i, names[i]);
    }
  }

  std::string auxv() const {
    std::string text;
    for (const uint64_t word :
         {uint64_t{AT_PHDR}, kHeaders, uint64_t{AT_PHENT}, uint64_t{56},
          uint64_t{AT_PHNUM}, uint64_t{2}, uint64_t{AT_NULL}, uint64_t{0}}) {
      for (int i = 0; i < 8; ++i)
        text.push_back(static_cast<char>(word >> (8 * i)));
    }
    return text;
  }
  linux_guest::PageTables space() const {
    return {this, {.table = GuestPhysical(kTop), .levels = 4}};
  }
  void SetWord(uint64_t address, uint64_t word) {
    Store(kUser + address, word);
  }
  void SetBytes(uint64_t address, std::string_view bytes) {
    std::copy(bytes.begin(), bytes.end(), memory_.begin() + kUser + address);
  }

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    if (address.value() > memory_.size() ||
        out.size() > memory_.size() - address.value()) {
      return absl::NotFoundError("there is no such memory");
    }
    std::memcpy(out.data(), memory_.data() + address.value(), out.size());
    return absl::OkStatus();
  }
  std::vector<PagingRoot> PagingRoots() const override {
    return {space().root()};
  }

 private:
  static constexpr uint64_t kTop = 0x1000, kUser = 0x10000;

  void Store(uint64_t physical, uint64_t word) {
    std::memcpy(memory_.data() + physical, &word, sizeof(word));
  }

  std::vector<uint8_t> memory_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_PROGRAM_IMAGE_H_
