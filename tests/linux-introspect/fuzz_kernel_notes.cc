// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The notes of a kernel, which have its build-id.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "linux-introspect/kernel_cache.h"

using librr::linux_guest::FindBuildId;
using librr::linux_guest::KernelDescription;
using librr::linux_guest::KernelImage;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kText = 0xffffffff81000000;
  const KernelImage image(
      {{kText, std::string(reinterpret_cast<const char*>(data), size)}}, 0);
  KernelDescription::Parts parts;
  parts.text = kText;
  parts.symbols.Add(kText, 'R', "__start_notes");
  parts.symbols.Add(kText + size, 'R', "__stop_notes");
  const KernelDescription description(std::move(parts));
  if (FindBuildId(image, description).size() > size) __builtin_trap();
  return 0;
}
