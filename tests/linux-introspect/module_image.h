// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A kernel with a list of modules in the memory of a TaskImage, whose bytes may
// be anything.
//
//   ModuleImage image;
//   image.Put(bytes);
//   ReadModuleSymbols(image.kernel());
#ifndef LIBRR_TESTS_LINUX_INTROSPECT_MODULE_IMAGE_H_
#define LIBRR_TESTS_LINUX_INTROSPECT_MODULE_IMAGE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "linux-introspect/btf_types.h"
#include "linux-introspect/kernel.h"
#include "tests/linux-introspect/btf_builder.h"
#include "tests/linux-introspect/task_image.h"

namespace librr {

class ModuleImage {
 public:
  // Where the list begins; what is put there follows it.
  static constexpr uint64_t kPlace = 2 << 20;
  static constexpr uint64_t kModules = TaskImage::kBase64 + kPlace;

  ModuleImage() : image_(4, *LinuxOffsets::Parse(kOffsets)) {
    BtfBuilder btf;
    const uint32_t word = btf.Int("long", 8), half = btf.Int("int", 4);
    const uint32_t letter = btf.Int("char", 1);
    const uint32_t name = btf.Array(letter, half, 56);
    const uint32_t list =
        btf.Struct("list_head", 16, {{"next", word, 0}, {"prev", word, 64}});
    const uint32_t layout = btf.Struct(
        "module_layout", 24,
        {{"base", word, 0}, {"size", half, 64}, {"text_size", half, 96}});
    btf.Struct(
        "mod_kallsyms", 32,
        {{"symtab", word, 0}, {"num_symtab", half, 64}, {"strtab", word, 128}});
    const uint32_t arch = btf.Struct("mod_arch_specific", 24,
                                     {{"num_orcs", half, 0},
                                      {"orc_unwind_ip", word, 64},
                                      {"orc_unwind", word, 128}});
    btf.Struct("module", 128,
               {{"list", list, 0},
                {"name", name, 128},
                {"core_layout", layout, 576},
                {"kallsyms", word, 768},
                {"arch", arch, 832}});
    types_ = std::make_shared<linux_guest::Btf>(
        *linux_guest::Btf::Parse(btf.Bytes()));
    linux_guest::KernelDescription::Parts parts;
    parts.text = TaskImage::kBase64;
    parts.symbols.Add(kModules, 'D', "modules");
    parts.types.types = std::make_shared<linux_guest::BtfTypes>(types_.get());
    kernel_ = std::make_unique<linux_guest::Kernel>(
        &image_, image_.PagingRoots()[0], TaskImage::kBase64,
        std::make_shared<const linux_guest::KernelDescription>(
            std::move(parts)));
  }

  void Put(std::string_view bytes) {
    bytes = bytes.substr(0, TaskImage::kMemory - kPlace);
    std::copy(bytes.begin(), bytes.end(), image_.bytes().begin() + kPlace);
  }
  const linux_guest::Kernel& kernel() const { return *kernel_; }

 private:
  static constexpr const char* kOffsets =
      "mm=3d8,tasks=388,comm=5b0,pid=430,pgd=38";

  TaskImage image_;
  std::shared_ptr<linux_guest::Btf> types_;
  std::unique_ptr<linux_guest::Kernel> kernel_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_LINUX_INTROSPECT_MODULE_IMAGE_H_
