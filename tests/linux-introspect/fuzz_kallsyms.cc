// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a kernel's image: a symbol table is found in it or not, and one
// that is found has names and ascending addresses.
#include <cstddef>
#include <cstdint>
#include <string>

#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using librr::linux_guest::Kallsyms;
  const librr::linux_guest::KernelImage image(
      {{0xffffffff81000000,
        std::string(reinterpret_cast<const char*>(data), size)}},
      0);
  const absl::StatusOr<Kallsyms> kallsyms = Kallsyms::Find(image);
  if (!kallsyms.ok()) return 0;
  uint64_t before = 0;
  for (const Kallsyms::Symbol& symbol : kallsyms->symbols()) {
    if (symbol.address < before) __builtin_trap();
    before = symbol.address;
    (void)kallsyms->name(symbol).size();
  }
  return 0;
}
