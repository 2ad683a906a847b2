// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the memory of a process and as its auxiliary vector.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "linux-introspect/process_program.h"
#include "tests/linux-introspect/program_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // reinterpret_cast: libFuzzer gives unsigned bytes.
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  librr::ProgramImage image;
  const bool has_vector = !bytes.empty() && (bytes[0] & 1) != 0;
  const std::string_view auxv = bytes.substr(0, has_vector ? 96 : 0);
  bytes.remove_prefix(auxv.size());
  constexpr uint64_t kFrom = 0x1000;
  image.SetBytes(kFrom,
                 bytes.substr(0, librr::ProgramImage::kPages * 4096 - kFrom));
  (void)librr::linux_guest::ReadSharedObjects(image.space(),
                                              has_vector ? auxv : image.auxv());
  return 0;
}
