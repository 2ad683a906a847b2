// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads a Linux bzImage through its 64-bit entry point, as
// Documentation/arch/x86/boot.rst (in Linux 6.1: Documentation/x86/boot.rst)
// asks for: boot protocol 2.12 or later, XLF_KERNEL_64.
#ifndef LIBRR_MACHINES_PC_BOOT_LINUX_BZIMAGE_H_
#define LIBRR_MACHINES_PC_BOOT_LINUX_BZIMAGE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "machines/pc/boot/boot_image.h"

namespace librr::pc {

// Whether the file claims to be a bzImage or zImage.
bool IsLinuxImage(std::string_view kernel);

absl::StatusOr<BootImage> LoadLinuxImage(const KernelFiles& files);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_LINUX_BZIMAGE_H_
