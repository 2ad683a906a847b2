// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What each operand code means for the decoder: one table.
#ifndef LIBRR_MACHINES_PC_CPU_OPERAND_TRAITS_H_
#define LIBRR_MACHINES_PC_CPU_OPERAND_TRAITS_H_

#include <array>
#include <cstdint>

#include "machines/pc/cpu/operand.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc {

enum class OperandPlace : uint8_t {
  kNone,
  kModRmRm,         // register or memory
  kModRmMemory,     // memory only: #UD for a register
  kModRmRmReg,      // register only: #UD for memory
  kModRmAlwaysReg,  // MOV CRn, DRn: the mod field is ignored
  kModRmReg,
  kOpcode,  // opcode bits 2:0
  kImmediate,
  kMoffs,
  kImplicit,  // `implicit` is its register
  kString,    // addressed by RSI or RDI: the handler knows
};

enum class OperandSize : uint8_t {
  kNone,
  k1,
  k2,
  k4,
  k8,
  k10,
  k16,
  kV,        // 2, 4 or 8 by operand size
  kZ,        // 2 or 4
  kY,        // 4, or 8 with REX.W
  kNative,   // 8 in 64-bit mode, else 4
  k1OrReg4,  // memory of 1 byte, register of 4
  k2OrReg4,  // memory of 2 bytes, register of 4
  k2OrRegV,  // memory of 2 bytes, register of operand size
};

enum class RegisterClass : uint8_t { kGeneral, kNumber };

struct OperandTraits {
  OperandPlace place = OperandPlace::kNone;
  OperandSize size = OperandSize::kNone;
  RegisterClass registers = RegisterClass::kGeneral;
  uint8_t implicit = 0;
};

inline constexpr auto kOperandTraits = [] {
  using P = OperandPlace;
  using S = OperandSize;
  using R = RegisterClass;
  std::array<OperandTraits, static_cast<int>(Operand::kCount)> t{};
  const auto set = [&t](Operand operand, OperandTraits traits) {
    t[static_cast<int>(operand)] = traits;
  };
  using enum Operand;
  // clang-format off
  set(Eb, {P::kModRmRm, S::k1});  set(Ew, {P::kModRmRm, S::k2});
  set(Ed, {P::kModRmRm, S::k4});  set(Eq, {P::kModRmRm, S::k8});
  set(Ev, {P::kModRmRm, S::kV});  set(Ey, {P::kModRmRm, S::kY});
  set(Gb, {P::kModRmReg, S::k1}); set(Gw, {P::kModRmReg, S::k2});
  set(Gd, {P::kModRmReg, S::k4}); set(Gv, {P::kModRmReg, S::kV});
  set(Gy, {P::kModRmReg, S::kY});
  set(Rw, {P::kModRmRmReg, S::k2}); set(Rv, {P::kModRmRmReg, S::kV});
  set(Ry, {P::kModRmAlwaysReg, S::kNative});
  set(Zb, {P::kOpcode, S::k1});   set(Zv, {P::kOpcode, S::kV});
  set(M, {P::kModRmMemory, S::kNone}); set(Mb, {P::kModRmMemory, S::k1});
  set(Mw, {P::kModRmMemory, S::k2});   set(Md, {P::kModRmMemory, S::k4});
  set(Mq, {P::kModRmMemory, S::k8});   set(Mv, {P::kModRmMemory, S::kV});
  set(My, {P::kModRmMemory, S::kY});   set(Mp, {P::kModRmMemory, S::kNone});
  set(Ms, {P::kModRmMemory, S::kNone}); set(Mdq, {P::kModRmMemory, S::k16});
  set(Mf32, {P::kModRmMemory, S::k4}); set(Mf64, {P::kModRmMemory, S::k8});
  set(Mf80, {P::kModRmMemory, S::k10});
  set(RdMb, {P::kModRmRm, S::k1OrReg4}); set(RdMw, {P::kModRmRm, S::k2OrReg4});
  set(RvMw, {P::kModRmRm, S::k2OrRegV});
  set(Ib, {P::kImmediate, S::k1});  set(Ibs, {P::kImmediate, S::k1});
  set(Iw, {P::kImmediate, S::k2});  set(Iz, {P::kImmediate, S::kZ});
  set(Iv, {P::kImmediate, S::kV});  set(One, {P::kImmediate, S::kNone});
  set(Jb, {P::kImmediate, S::k1});  set(Jz, {P::kImmediate, S::kZ});
  set(Ap, {P::kImmediate, S::kZ});
  set(Ob, {P::kMoffs, S::k1});      set(Ov, {P::kMoffs, S::kV});
  set(AL, {P::kImplicit, S::k1, R::kGeneral, kRax * 8});
  set(rAX, {P::kImplicit, S::kV, R::kGeneral, kRax * 8});
  set(AX, {P::kImplicit, S::k2, R::kGeneral, kRax * 8});
  set(eAX, {P::kImplicit, S::kZ, R::kGeneral, kRax * 8});
  set(CL, {P::kImplicit, S::kNone, R::kGeneral, kRcx * 8});
  set(DX, {P::kImplicit, S::kNone, R::kGeneral, kRdx * 8});
  set(Xb, {P::kString, S::k1});     set(Xv, {P::kString, S::kV});
  set(Yb, {P::kString, S::k1});     set(Yv, {P::kString, S::kV});
  set(Sw, {P::kModRmReg, S::k2, R::kNumber});
  set(Cy, {P::kModRmReg, S::kNative, R::kNumber});
  set(Dy, {P::kModRmReg, S::kNative, R::kNumber});
  set(Vx, {P::kModRmReg, S::k16, R::kNumber});
  set(Ww, {P::kModRmRm, S::k2, R::kNumber}); set(Wd, {P::kModRmRm, S::k4, R::kNumber});
  set(Wq, {P::kModRmRm, S::k8, R::kNumber}); set(Wx, {P::kModRmRm, S::k16, R::kNumber});
  set(Ux, {P::kModRmRmReg, S::k16, R::kNumber});
  set(Xmm0, {P::kImplicit, S::kNone, R::kNumber, 0});
  set(Pq, {P::kModRmReg, S::k8, R::kNumber});
  set(Qd, {P::kModRmRm, S::k4, R::kNumber}); set(Qq, {P::kModRmRm, S::k8, R::kNumber});
  set(Nq, {P::kModRmRmReg, S::k8, R::kNumber});
  set(ST0, {P::kImplicit, S::kNone, R::kNumber, 0});
  set(STi, {P::kModRmRm, S::kNone, R::kNumber});
  // clang-format on
  return t;
}();

inline constexpr const OperandTraits& TraitsOf(Operand operand) {
  return kOperandTraits[static_cast<int>(operand)];
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_OPERAND_TRAITS_H_
