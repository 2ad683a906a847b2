// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/elf_image.h"

#include <elf.h>

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "machines/pc/boot/guest_layout.h"
#include "machines/pc/boot/little_endian.h"

namespace librr::pc {
namespace {

// Real kernels have fewer than ten; this bounds the work on a hostile file.
constexpr size_t kMaxSegments = 64;

absl::Status Damaged(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ELF kernel is damaged: ", what));
}

// Reads fields whose offsets and widths differ between ELF32 and ELF64.
class FieldReader {
 public:
  FieldReader(std::string_view file, bool is_64) : file_(file), is_64_(is_64) {}

  uint64_t U16(uint64_t offset) { return Read<uint16_t>(offset); }
  uint64_t U32(uint64_t offset) { return Read<uint32_t>(offset); }
  // An address or an offset.
  uint64_t Word(uint64_t offset) {
    return is_64_ ? Read<uint64_t>(offset) : Read<uint32_t>(offset);
  }
  // False once a field was beyond the end of the file; it reads as 0.
  bool ok() const { return ok_; }

 private:
  template <typename T>
  uint64_t Read(uint64_t offset) {
    T value = 0;
    if (!ReadLe(file_, offset, &value)) ok_ = false;
    return value;
  }

  std::string_view file_;
  bool is_64_;
  bool ok_ = true;
};

ElfSegment ReadSegment(FieldReader& reader, bool is_64, uint64_t at) {
  ElfSegment segment;
  segment.type = static_cast<uint32_t>(reader.U32(at));
  if (is_64) {
    segment.offset = reader.Word(at + offsetof(Elf64_Phdr, p_offset));
    segment.virtual_address = reader.Word(at + offsetof(Elf64_Phdr, p_vaddr));
    segment.physical_address = reader.Word(at + offsetof(Elf64_Phdr, p_paddr));
    segment.file_size = reader.Word(at + offsetof(Elf64_Phdr, p_filesz));
    segment.memory_size = reader.Word(at + offsetof(Elf64_Phdr, p_memsz));
    segment.alignment = reader.Word(at + offsetof(Elf64_Phdr, p_align));
  } else {
    segment.offset = reader.Word(at + offsetof(Elf32_Phdr, p_offset));
    segment.virtual_address = reader.Word(at + offsetof(Elf32_Phdr, p_vaddr));
    segment.physical_address = reader.Word(at + offsetof(Elf32_Phdr, p_paddr));
    segment.file_size = reader.Word(at + offsetof(Elf32_Phdr, p_filesz));
    segment.memory_size = reader.Word(at + offsetof(Elf32_Phdr, p_memsz));
    segment.alignment = reader.Word(at + offsetof(Elf32_Phdr, p_align));
  }
  return segment;
}

// A segment that is placed must be whole, at 1 MiB or above, and below 4 GiB
// so that sums of its fields cannot overflow.
absl::Status CheckLoadable(const ElfSegment& segment) {
  if (segment.file_size > segment.memory_size) {
    return Damaged("a segment is larger in the file than in memory");
  }
  if (segment.memory_size != 0 && segment.physical_address < kHighMemory) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ELF kernel has a segment at 0x",
                     absl::Hex(segment.physical_address),
                     ", where boot data lies: link it to 0x100000 or above"));
  }
  if (segment.physical_address > kHighRamBase ||
      segment.memory_size > kHighRamBase - segment.physical_address) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ELF kernel has a segment of ", segment.memory_size,
                     " bytes at physical address 0x",
                     absl::Hex(segment.physical_address), ", beyond 4 GiB"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsElf(std::string_view file) {
  return file.substr(0, SELFMAG) == std::string_view(ELFMAG, SELFMAG);
}

absl::StatusOr<ElfImage> ParseElf(std::string_view file) {
  if (!IsElf(file) || file.size() < EI_NIDENT) {
    return Damaged("its header is cut off");
  }
  const uint8_t elf_class = static_cast<uint8_t>(file[EI_CLASS]);
  if ((elf_class != ELFCLASS32 && elf_class != ELFCLASS64) ||
      static_cast<uint8_t>(file[EI_DATA]) != ELFDATA2LSB) {
    return absl::InvalidArgumentError(
        "the ELF kernel is not a little-endian file of 32 or 64 bits");
  }

  ElfImage elf;
  elf.is_64 = elf_class == ELFCLASS64;
  FieldReader reader(file, elf.is_64);
  const uint64_t type = reader.U16(offsetof(Elf64_Ehdr, e_type));
  const uint64_t machine = reader.U16(offsetof(Elf64_Ehdr, e_machine));
  elf.entry = reader.Word(offsetof(Elf64_Ehdr, e_entry));
  const uint64_t headers =
      reader.Word(elf.is_64 ? offsetof(Elf64_Ehdr, e_phoff)
                            : offsetof(Elf32_Ehdr, e_phoff));
  const uint64_t header_size =
      reader.U16(elf.is_64 ? offsetof(Elf64_Ehdr, e_phentsize)
                           : offsetof(Elf32_Ehdr, e_phentsize));
  const uint64_t count = reader.U16(elf.is_64 ? offsetof(Elf64_Ehdr, e_phnum)
                                              : offsetof(Elf32_Ehdr, e_phnum));
  if (!reader.ok()) return Damaged("its header is cut off");
  if (type != ET_EXEC || (machine != EM_386 && machine != EM_X86_64)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ELF kernel is not an x86 executable (type ", type,
                     ", machine ", machine, ")"));
  }
  if (header_size < (elf.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) ||
      !Contains(file, headers, count * header_size)) {
    return Damaged("its program headers are beyond the end of the file");
  }

  for (uint64_t i = 0; i < count; ++i) {
    const ElfSegment segment =
        ReadSegment(reader, elf.is_64, headers + i * header_size);
    if (segment.type != PT_LOAD && segment.type != PT_NOTE) continue;
    if (elf.segments.size() == kMaxSegments) {
      return Damaged(absl::StrCat("it has more than ", kMaxSegments,
                                  " loadable segments and notes"));
    }
    if (!Contains(file, segment.offset, segment.file_size)) {
      return Damaged("a segment is beyond the end of the file");
    }
    if (segment.type == PT_LOAD) {
      LIBRR_RETURN_IF_ERROR(CheckLoadable(segment));
    }
    elf.segments.push_back(segment);
  }
  return elf;
}

absl::StatusOr<LoadedElf> PlaceSegments(const ElfImage& elf,
                                        std::string_view file) {
  std::vector<const ElfSegment*> loadable;
  uint64_t file_bytes = 0;
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != PT_LOAD || segment.memory_size == 0) continue;
    loadable.push_back(&segment);
    file_bytes += segment.file_size;
  }
  if (loadable.empty()) return Damaged("it has no loadable segment");
  // Segments that share bytes could blow up a small file: real ones do not.
  if (file_bytes > file.size()) return Damaged("its segments share bytes");
  std::sort(loadable.begin(), loadable.end(),
            [](const ElfSegment* a, const ElfSegment* b) {
              return a->physical_address < b->physical_address;
            });

  LoadedElf loaded;
  loaded.entry = elf.entry;
  for (const ElfSegment* segment : loadable) {
    if (segment->physical_address < loaded.end) {
      return Damaged(absl::StrCat("two segments overlap at 0x",
                                  absl::Hex(segment->physical_address)));
    }
    loaded.end = segment->physical_address + segment->memory_size;
    // Some link scripts give the entry as a virtual address.
    if (elf.entry >= segment->virtual_address &&
        elf.entry - segment->virtual_address < segment->memory_size) {
      loaded.entry =
          elf.entry - segment->virtual_address + segment->physical_address;
    }
    if (segment->file_size == 0) continue;
    loaded.placements.push_back(
        {segment->physical_address,
         std::string(file.substr(segment->offset, segment->file_size))});
  }
  if (loaded.entry >= loaded.end) {
    return Damaged(absl::StrCat("its entry 0x", absl::Hex(elf.entry),
                                " is in no segment"));
  }
  return loaded;
}

std::optional<std::string_view> FindNote(const ElfImage& elf,
                                         std::string_view file,
                                         std::string_view owner,
                                         uint32_t type) {
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != PT_NOTE) continue;
    const std::string_view notes =
        file.substr(segment.offset, segment.file_size);
    const uint64_t unit = segment.alignment == 8 ? 8 : 4;
    const auto round_up = [unit](uint64_t size) {
      return (size + unit - 1) / unit * unit;
    };
    uint64_t at = 0;
    uint32_t name_size = 0;
    uint32_t contents_size = 0;
    uint32_t note_type = 0;
    while (ReadLe(notes, at, &name_size) &&
           ReadLe(notes, at + 4, &contents_size) &&
           ReadLe(notes, at + 8, &note_type)) {
      const uint64_t name = at + sizeof(Elf64_Nhdr);
      const uint64_t contents = at + round_up(sizeof(Elf64_Nhdr) + name_size);
      if (!Contains(notes, name, name_size) ||
          !Contains(notes, contents, contents_size)) {
        break;
      }
      std::string_view note_owner = notes.substr(name, name_size);
      if (note_owner.ends_with('\0')) note_owner.remove_suffix(1);
      if (note_type == type && note_owner == owner) {
        return notes.substr(contents, contents_size);
      }
      at = contents + round_up(contents_size);
    }
  }
  return std::nullopt;
}

}  // namespace librr::pc
