// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// An image with a symbol table of a known form, damaged as the input says, or
// any bytes at all: a table is found in it or not, and one that is found has
// ascending addresses.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_image.h"
#include "tests/linux-introspect/kallsyms_builder.h"

namespace {

using librr::linux_guest::Kallsyms;
using librr::linux_guest::KallsymsBuilder;
using librr::linux_guest::KernelImage;

std::vector<std::string> MakeImages() {
  std::vector<std::string> images;
  for (const auto& format : librr::linux_guest::KnownFormats()) {
    KallsymsBuilder builder(format);
    builder.AddKernel(300);
    images.push_back(builder.ImageBytes());
  }
  return images;
}

// The first byte chooses the form; then four bytes each: a place, a byte.
std::string MakeInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> images = MakeImages();
  if (size == 0) return "";
  if (data[0] >= images.size()) {
    return std::string(reinterpret_cast<const char*>(data), size);
  }
  std::string image = images[data[0]];
  const size_t tables = image.size() - KallsymsBuilder::kTables;
  for (size_t at = 1; at + 4 <= size; at += 4) {
    const size_t place = data[at] | data[at + 1] << 8 | data[at + 2] << 16;
    image[KallsymsBuilder::kTables + place % tables] =
        static_cast<char>(data[at + 3]);
  }
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const KernelImage image({{KallsymsBuilder::kText, MakeInput(data, size)}}, 0);
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
