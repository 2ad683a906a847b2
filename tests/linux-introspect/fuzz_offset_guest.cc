// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A guest by typed offsets, whose memory and registers are anything.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "librr/linux_sources.h"
#include "tests/linux-introspect/task_image.h"

namespace {

using librr::LinuxOffsets;
using librr::TaskImage;
using librr::VcpuContext;

constexpr const char* kKernels[] = {
    "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,0x28,0x2000,0xc4,0xec,0x10",
    ("version=60c00,mm=3d8,tasks=388,comm=5b0,pid=430,pgd=38,grouplead=470,"
     "thread=800,fs=28,tgid=434,signal=600,thread_node=4c0,thread_head=10"),
};

class AnyImage final : public librr::MemoryReader {
 public:
  AnyImage(int levels, const LinuxOffsets& offsets) : image(levels, offsets) {
    image.AddProcess(1, "init", true);
    image.AddThread(1, 2, "worker");
    image.AddProcess(3, "kthreadd", false);
    image.AddProcess(4, "bash", true);
    image.Link();
    image.Run(4);
  }
  absl::Status ReadPhysical(librr::GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    return image.ReadPhysical(address, out);
  }
  std::vector<librr::PagingRoot> PagingRoots() const override {
    return image.PagingRoots();
  }
  std::vector<VcpuContext> Vcpus() const override { return {vcpu}; }

  TaskImage image;
  VcpuContext vcpu;
};

}  // namespace

// The first byte chooses the kernel, the second and third the stack pointer;
// then four bytes each: a place, a byte.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const size_t kernel = data[0] % 2;
  const LinuxOffsets offsets = *LinuxOffsets::Parse(kKernels[kernel]);
  AnyImage memory(kernel == 0 ? 2 : 4, offsets);
  memory.vcpu.root = memory.PagingRoots()[0];
  memory.vcpu.in_user_code = (data[0] & 2) != 0;
  memory.vcpu.stack_pointer =
      memory.image.base() + (1 << 20) + 8 * (data[1] | data[2] << 8);
  constexpr size_t kBegin = 1 << 20, kLength = 1 << 17;
  for (size_t at = 3; at + 4 <= size; at += 4) {
    const size_t place = data[at] | data[at + 1] << 8 | data[at + 2] << 16;
    memory.image.bytes()[kBegin + place % kLength] =
        static_cast<char>(data[at + 3]);
  }
  const auto guest = FindLinuxGuest(&memory, librr::LinuxSources(offsets));
  if (!guest.ok()) return 0;
  (void)(*guest)->CurrentTask(0);
  const auto tasks = (*guest)->Tasks();
  if (!tasks.ok()) return 0;
  for (const librr::LinuxTask& task : *tasks) {
    (void)(*guest)->UserRegisters(task);
    (void)(*guest)->KernelRegisters(task);
    (void)(*guest)->UserPageTable(task);
  }
  return 0;
}
