// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Loads a kernel by the Multiboot Specification 0.6.96 ("Multiboot 1"): an ELF
// file of 32 or 64 bits, or a flat image with addresses in its header. The
// kernel starts in 32-bit protected mode and finds an information structure
// with the memory map, its command line, and the initrd as a module.
#ifndef LIBRR_MACHINES_PC_BOOT_MULTIBOOT_H_
#define LIBRR_MACHINES_PC_BOOT_MULTIBOOT_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "machines/pc/boot/boot_image.h"

namespace librr::pc {

// Whether the file has a Multiboot header with a valid checksum.
bool IsMultibootImage(std::string_view kernel);

absl::StatusOr<BootImage> LoadMultibootImage(const KernelFiles& files);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_MULTIBOOT_H_
