// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The operand codes of the instruction table, as in SDM vol. 2, appendix A.2.
//
// Upper case: where it is encoded (E: ModRM r/m, G: ModRM reg, I: immediate,
// J: relative branch, O: moffs, Z: opcode bits 2:0, M: memory only, R: register
// only; V/W/U for XMM and P/Q/N for MMX registers, S, C, D for segment, control
// and debug registers; X, Y: string operands; A: far pointer in the code).
// Lower case: its size.
#ifndef LIBRR_MACHINES_PC_CPU_OPERAND_H_
#define LIBRR_MACHINES_PC_CPU_OPERAND_H_

#include <cstdint>

namespace librr::pc {

enum class Operand : uint8_t {
  _,
  // General registers and memory: b byte, w word, d doubleword, q quadword,
  // v operand size, y doubleword or (REX.W) quadword.
  Eb,
  Ew,
  Ed,
  Eq,
  Ev,
  Ey,
  Gb,
  Gw,
  Gd,
  Gv,
  Gy,
  Rw,
  Rv,
  Ry,
  Zb,
  Zv,
  // Memory only. M: no size (LEA, INVLPG, FXSAVE); Mp: far pointer.
  M,
  Mb,
  Mw,
  Md,
  Mq,
  Mv,
  My,
  Mp,
  Ms,
  Mdq,
  Mf32,
  Mf64,
  Mf80,
  // Register or memory where a register is 32 bits and memory narrower.
  RdMb,
  RdMw,
  RvMw,
  // Immediates. Ibs: byte, sign-extended; Iz: word or doubleword, sign-extended
  // to 64 bits; Iv: up to 64 bits.
  Ib,
  Ibs,
  Iw,
  Iz,
  Iv,
  One,
  Jb,
  Jz,
  Ap,
  Ob,
  Ov,
  // Implicit.
  AL,
  rAX,
  AX,
  CL,
  DX,
  eAX,
  // String operands.
  Xb,
  Xv,
  Yb,
  Yv,
  // Segment, control, debug registers.
  Sw,
  Cy,
  Dy,
  // XMM: register in ModRM.reg; register or memory of 2, 4, 8, 16 bytes;
  // register only; implicit XMM0.
  Vx,
  Ww,
  Wd,
  Wq,
  Wx,
  Ux,
  Xmm0,
  // MMX: register in ModRM.reg; register or memory; register only.
  Pq,
  Qd,
  Qq,
  Nq,
  // x87.
  ST0,
  STi,
  kCount,
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_OPERAND_H_
