// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes small ELF executables for tests, field by field, so that tests can
// also write wrong ones.
//
//   ElfBuilder builder(/*is_64=*/false);
//   builder.set_entry(0x100000).AddLoad(0x100000, code, code.size() + 64);
//   std::string file = builder.Build();
#ifndef LIBRR_TESTS_BOOT_ELF_BUILDER_H_
#define LIBRR_TESTS_BOOT_ELF_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "machines/pc/boot/little_endian.h"

namespace librr::pc {

class ElfBuilder {
 public:
  explicit ElfBuilder(bool is_64) : is_64_(is_64) {}

  ElfBuilder& set_entry(uint64_t entry) {
    entry_ = entry;
    return *this;
  }
  ElfBuilder& AddLoad(uint64_t physical, std::string bytes,
                      uint64_t memory_size, uint64_t virtual_offset = 0) {
    segments_.push_back({1, physical, physical + virtual_offset,
                         std::move(bytes), memory_size});
    return *this;
  }
  ElfBuilder& AddNote(const std::string& owner, uint32_t type,
                      const std::string& contents) {
    std::string note;
    AppendLe(note, static_cast<uint32_t>(owner.size() + 1));
    AppendLe(note, static_cast<uint32_t>(contents.size()));
    AppendLe(note, type);
    note += owner + std::string(1, '\0');
    note.resize((note.size() + 3) / 4 * 4);
    note += contents;
    note.resize((note.size() + 3) / 4 * 4);
    const uint64_t size = note.size();
    segments_.push_back({4, 0, 0, std::move(note), size});
    return *this;
  }

  // The headers, then the segments' bytes in the order of addition.
  std::string Build() const {
    const uint16_t header_size = is_64_ ? 64 : 52;
    const uint16_t entry_size = is_64_ ? 56 : 32;
    std::string file(
        "\x7f"
        "ELF",
        4);
    file.push_back(is_64_ ? 2 : 1);
    file.push_back(1);  // little-endian
    file.push_back(1);  // version
    file.resize(16);
    AppendLe(file, uint16_t{2});  // ET_EXEC
    AppendLe(file, static_cast<uint16_t>(is_64_ ? 62 : 3));
    AppendLe(file, uint32_t{1});
    AppendWord(file, entry_);
    AppendWord(file, header_size);
    AppendWord(file, 0);          // no sections
    AppendLe(file, uint32_t{0});  // flags
    AppendLe(file, header_size);
    AppendLe(file, entry_size);
    AppendLe(file, static_cast<uint16_t>(segments_.size()));
    AppendLe(file, uint16_t{0});
    AppendLe(file, uint16_t{0});
    AppendLe(file, uint16_t{0});

    uint64_t offset = header_size + entry_size * segments_.size();
    for (const Segment& segment : segments_) {
      AppendLe(file, segment.type);
      if (is_64_) AppendLe(file, uint32_t{7});
      AppendWord(file, offset);
      AppendWord(file, segment.virtual_address);
      AppendWord(file, segment.physical_address);
      AppendWord(file, segment.bytes.size());
      AppendWord(file, segment.memory_size);
      if (!is_64_) AppendLe(file, uint32_t{7});
      AppendWord(file, 4);
      offset += segment.bytes.size();
    }
    for (const Segment& segment : segments_) file += segment.bytes;
    return file;
  }

 private:
  struct Segment {
    uint32_t type;
    uint64_t physical_address;
    uint64_t virtual_address;
    std::string bytes;
    uint64_t memory_size;
  };

  void AppendWord(std::string& file, uint64_t value) const {
    if (is_64_) {
      AppendLe(file, value);
    } else {
      AppendLe(file, static_cast<uint32_t>(value));
    }
  }

  bool is_64_;
  uint64_t entry_ = 0;
  std::vector<Segment> segments_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_BOOT_ELF_BUILDER_H_
