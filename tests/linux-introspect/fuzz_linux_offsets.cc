// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Any text as offsets; and a kernel's memory, damaged as the input says, looked
// at with right ones: an answer or an error, and every walk ends.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "librr/linux_offsets.h"
#include "tests/linux-introspect/task_image.h"

namespace {

using librr::LinuxOffsets;
using librr::TaskImage;

constexpr const char* kKernels[] = {
    "0x20407,0x2c,0x48,0,0x236,0x6c,0x260,0xc,0,0xc,0x2000,0x0,0x0,0x10",
    "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,0x28,0x2000,0xc4,0xec,0x10",
    ("mm=3d8,tasks=388,comm=5b0,pid=430,pgd=38,grouplead=470,tgid=434,"
     "signal=600,thread_node=4c0,thread_head=10,real_parent=440,state=18"),
};

TaskImage MakeImage(int levels, const LinuxOffsets& offsets) {
  TaskImage image(levels, offsets);
  image.AddProcess(1, "init", true);
  image.AddThread(1, 2, "worker");
  image.AddProcess(3, "bash", true);
  image.Link();
  image.Run(1);
  return image;
}

}  // namespace

// The first byte chooses the kernel; then four bytes each: a place, a byte.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t kernel = data[0] % 8;
  if (kernel >= std::size(kKernels)) {
    const auto typed = LinuxOffsets::Parse(
        std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
    if (!typed.ok()) return 0;
    const auto again = LinuxOffsets::Parse(typed->Named());
    if (!again.ok() || again->Line() != typed->Line()) __builtin_trap();
    static const TaskImage image =
        MakeImage(2, *LinuxOffsets::Parse(kKernels[1]));
    (void)librr::ReadLinuxTasks(image, *typed);
    return 0;
  }
  const LinuxOffsets offsets = *LinuxOffsets::Parse(kKernels[kernel]);
  TaskImage image = MakeImage(kernel == 2 ? 4 : 2, offsets);
  constexpr size_t kBegin = 1 << 20, kLength = 1 << 17;
  for (size_t at = 1; at + 4 <= size; at += 4) {
    const size_t place = data[at] | data[at + 1] << 8 | data[at + 2] << 16;
    image.bytes()[kBegin + place % kLength] = static_cast<char>(data[at + 3]);
  }
  const auto tasks = librr::ReadLinuxTasks(image, offsets);
  if (tasks.ok() && tasks->empty()) __builtin_trap();
  return 0;
}
