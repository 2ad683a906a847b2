// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A list of modules with symbols and unwind rows, which is anything.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "linux-introspect/module_symbols.h"
#include "linux-introspect/symbol_file.h"
#include "tests/linux-introspect/module_image.h"

using librr::ModuleImage;
using librr::linux_guest::BuildSymbolFile;
using librr::linux_guest::ModulePart;
using librr::linux_guest::ModuleSymbols;
using librr::linux_guest::ReadModuleSymbols;

// The bytes from the head of the list on.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ModuleImage image;
  image.Put({reinterpret_cast<const char*>(data), size});
  const std::vector<ModuleSymbols> modules = ReadModuleSymbols(image.kernel());
  uint64_t end = 0;
  for (const ModuleSymbols& module : modules) {
    if (module.parts.empty()) __builtin_trap();
    for (const ModulePart& part : module.parts) {
      if (part.begin < end || part.begin >= part.end) __builtin_trap();
      end = part.end;
    }
  }
  (void)BuildSymbolFile(image.kernel().description().symbols(),
                        librr::TaskImage::kBase64, modules, "");
  return 0;
}
