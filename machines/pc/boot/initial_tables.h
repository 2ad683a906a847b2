// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The descriptor and page tables with which a guest starts, and the CPU state
// that goes with them.
//
//   BootImage image;
//   StartInLongMode(entry, image);        // or StartInProtectedMode
//   image.cpu.rsi = kBootParamsAddress;
#ifndef LIBRR_MACHINES_PC_BOOT_INITIAL_TABLES_H_
#define LIBRR_MACHINES_PC_BOOT_INITIAL_TABLES_H_

#include <cstdint>

#include "machines/pc/boot/boot_image.h"

namespace librr::pc {

inline constexpr uint16_t kBootCodeSelector = 0x10;
inline constexpr uint16_t kBootDataSelector = 0x18;
inline constexpr uint16_t kBootTaskSelector = 0x20;

// Places a GDT, a TSS and page tables that map the low 4 GiB one to one with
// 2 MiB pages, and sets `image.cpu` to 64-bit mode at `rip`.
void StartInLongMode(uint64_t rip, BootImage& image);

// Places a GDT and a TSS, and sets `image.cpu` to flat 32-bit protected mode
// at `eip`.
void StartInProtectedMode(uint32_t eip, BootImage& image);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_INITIAL_TABLES_H_
