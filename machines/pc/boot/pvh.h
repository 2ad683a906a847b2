// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads an ELF kernel through the 32-bit entry of its PVH note (Xen:
// xen/include/public/arch-x86/hvm/start_info.h, docs/misc/pvh.pandoc), as an
// uncompressed Linux "vmlinux" has it (CONFIG_PVH).
#ifndef LIBRR_MACHINES_PC_BOOT_PVH_H_
#define LIBRR_MACHINES_PC_BOOT_PVH_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "machines/pc/boot/boot_image.h"

namespace librr::pc {

// Whether the file is a well-formed ELF file with a PVH entry note.
bool IsPvhImage(std::string_view kernel);

absl::StatusOr<BootImage> LoadPvhImage(const KernelFiles& files);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_PVH_H_
