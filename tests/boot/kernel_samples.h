// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Small files that are kernels as far as a boot loader can tell.
#ifndef LIBRR_TESTS_BOOT_KERNEL_SAMPLES_H_
#define LIBRR_TESTS_BOOT_KERNEL_SAMPLES_H_

#include <cstdint>
#include <string>

#include "machines/pc/boot/little_endian.h"
#include "tests/boot/elf_builder.h"

namespace librr::pc {

// A bzImage with one setup sector beyond the boot sector. `body` is the
// protected-mode part.
inline std::string LinuxSample(const std::string& body,
                               uint64_t preferred = 0x1000000,
                               uint32_t init_size = 0x200000) {
  std::string file(1024, '\0');
  PutLe(file, 0x1f1, uint8_t{1});
  PutLe(file, 0x1f4, static_cast<uint32_t>((body.size() + 15) / 16));
  PutLe(file, 0x1fe, uint16_t{0xaa55});
  PutLe(file, 0x200, uint16_t{0x66eb});  // jump over the header
  file.replace(0x202, 4, "HdrS");
  PutLe(file, 0x206, uint16_t{0x020f});
  PutLe(file, 0x20e, uint16_t{0x0100});
  PutLe(file, 0x211, uint8_t{1});
  PutLe(file, 0x22c, uint32_t{0x7fffffff});
  PutLe(file, 0x236, uint16_t{1});
  PutLe(file, 0x238, uint32_t{2047});
  PutLe(file, 0x258, preferred);
  PutLe(file, 0x260, init_size);
  const std::string version = "6.1.0-test (builder@host)";
  file.replace(0x300, version.size(), version);
  return file + body;
}

// `flags` are those of the Multiboot header, which fills the first 32 bytes;
// the five addresses are zero.
inline std::string MultibootHeader(uint32_t flags) {
  const uint32_t magic = 0x1badb002;
  std::string header;
  AppendLe(header, magic);
  AppendLe(header, flags);
  AppendLe(header, static_cast<uint32_t>(0u - magic - flags));
  header.resize(32);
  return header;
}

inline std::string MultibootSample(bool is_64) {
  return ElfBuilder(is_64)
      .set_entry(0x100020)
      .AddLoad(0x100000, MultibootHeader(0x3) + "code", 0x3000)
      .AddLoad(0x200000, "data", 4)
      .Build();
}

inline std::string PvhSample(bool is_64, uint32_t entry = 0x1000010) {
  std::string contents;
  AppendLe(contents, entry);
  if (is_64) AppendLe(contents, uint32_t{0});
  return ElfBuilder(is_64)
      .set_entry(0x1000000)
      .AddLoad(0x1000000, std::string(64, 'k'), 0x2000)
      .AddNote("Other", 18, "no")
      .AddNote("Xen", 6, "guest os")
      .AddNote("Xen", 18, contents)
      .Build();
}

}  // namespace librr::pc

#endif  // LIBRR_TESTS_BOOT_KERNEL_SAMPLES_H_
