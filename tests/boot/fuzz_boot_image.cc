// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Feeds hostile kernels to the boot loaders. The first byte of the input
// chooses between arbitrary bytes and a sample kernel; the rest is the file, or
// triples that overwrite a byte of the sample: offset (2 bytes) and value.
#include <cstddef>
#include <cstdint>
#include <string>

#include "librr-core/base/check.h"
#include "machines/pc/boot/boot_image.h"
#include "machines/pc/boot/guest_layout.h"
#include "tests/boot/kernel_samples.h"

namespace librr::pc {
namespace {

std::string HostileKernel(const uint8_t* data, size_t size) {
  if (size == 0) return "";
  std::string kernel;
  switch (data[0] % 6) {
    case 0:
      return std::string(data + 1, data + size);
    case 1:
      kernel = LinuxSample(std::string(0x400, 'k'), kMiB, 0x1000);
      break;
    case 2:
      kernel = MultibootSample(/*is_64=*/false);
      break;
    case 3:
      kernel = MultibootSample(/*is_64=*/true);
      break;
    case 4:
      kernel = PvhSample(/*is_64=*/false);
      break;
    case 5:
      kernel = PvhSample(/*is_64=*/true);
      break;
  }
  for (size_t i = 1; i + 3 <= size; i += 3) {
    const size_t offset = data[i] | data[i + 1] << 8;
    kernel[offset % kernel.size()] = static_cast<char>(data[i + 2]);
  }
  return kernel;
}

}  // namespace
}  // namespace librr::pc

// The name and signature that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kMemory = 64 * librr::pc::kMiB;
  const std::string kernel = librr::pc::HostileKernel(data, size);
  const auto image = librr::pc::LoadKernel({.kernel = kernel,
                                            .initrd = "initrd",
                                            .command_line = "quiet",
                                            .memory_bytes = kMemory,
                                            .acpi_rsdp_address = 0xe0000});
  if (!image.ok()) return 0;
  for (const librr::pc::Placement& placement : image->placements) {
    LIBRR_CHECK(placement.physical <= kMemory);
    LIBRR_CHECK(placement.bytes.size() <= kMemory - placement.physical);
  }
  return 0;
}
