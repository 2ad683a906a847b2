// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Turns bytes into an `Insn`, driven by the instruction table alone.
//
//   Insn insn;
//   switch (Decode(bytes, available, mode, &insn)) { ... }
//
// Decoding never fails: what is no instruction decodes to one that raises #UD
// (or #GP past 15 bytes). It may need more bytes than are available.
#ifndef LIBRR_MACHINES_PC_CPU_DECODER_H_
#define LIBRR_MACHINES_PC_CPU_DECODER_H_

#include <cstdint>

#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// What decoding depends on besides the bytes.
enum DecodeMode : uint32_t {
  kDecode16 = 0,  // default operand and address size
  kDecode32 = 1,
  kDecode64 = 2,
  kDecodeSizeMask = 3,
  kDecodeUser = 4,    // CPL is not 0: privileged instructions raise #GP(0)
  kDecodeX87Nm = 8,   // CR0.EM or CR0.TS: x87 instructions raise #NM
  kDecodeMmxUd = 16,  // CR0.EM: MMX instructions raise #UD
  kDecodeSseUd = 32,  // CR0.EM or not CR4.OSFXSR: SSE instructions raise #UD
  kDecodeTaskSwitched = 64,  // CR0.TS: MMX and SSE instructions raise #NM
};

inline constexpr unsigned kMaxInsnBytes = 15;
// Insn::row of bytes that match no row.
inline constexpr uint16_t kNoRow = 0xffff;

enum class DecodeResult : uint8_t { kDone, kNeedsMoreBytes };

// True if control may go elsewhere after the instruction, or what decoding,
// translation or interrupts depend on may change.
bool EndsBlock(const Insn& insn);

DecodeResult Decode(const uint8_t* bytes, unsigned available, uint32_t mode,
                    Insn* insn);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_DECODER_H_
