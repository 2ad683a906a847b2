// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/boot_image.h"

#include "absl/status/status.h"
#include "machines/pc/boot/linux_bzimage.h"
#include "machines/pc/boot/multiboot.h"
#include "machines/pc/boot/pvh.h"

namespace librr::pc {

absl::StatusOr<BootImage> LoadKernel(const KernelFiles& files) {
  if (IsLinuxImage(files.kernel)) return LoadLinuxImage(files);
  if (IsMultibootImage(files.kernel)) return LoadMultibootImage(files);
  if (IsPvhImage(files.kernel)) return LoadPvhImage(files);
  return absl::InvalidArgumentError(
      "not a kernel: expected a Linux bzImage, a Multiboot 1 ELF or a PVH ELF");
}

}  // namespace librr::pc
