// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One x87 instruction of the host on 80-bit operands, under the guest's control
// word: the result and the status word that it left.
//
//   const HostResult sum = x87::Add(a, b, x87::HostControl(fpu));   // a + b
//   const HostStore<uint32_t> f = x87::StoreFloat(a, control);
//
// The guest's masks are loaded too: an unmasked exception then gives the
// architectural response (operands kept, or a bias-adjusted result), and only
// the status word tells; it is cleared before any waiting instruction, so the
// host never sees #MF. The host's control word is restored and its register
// stack left empty; the compiled code around uses SSE, and never MMX.
// A binary operation is `a op b` in ST(0), ST(1): one fixed operand order.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_X87_HOST_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_X87_HOST_H_

#include <cstdint>

#include "machines/pc/cpu/families/x87_state.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc::x87 {

struct HostResult {
  Float80 value;
  uint16_t status;  // exceptions and C0 to C3 of this instruction alone
};

template <typename T>
struct HostStore {
  T value;
  uint16_t status;
};

struct HostPair {
  Float80 first, second;
  uint16_t status;
};

// Packed BCD: 18 digits and the sign, as in memory.
struct Decimal80 {
  uint64_t low = 0;
  uint16_t high = 0;
};

// The guest's control word for the host. The reserved precision 01 means 64
// bits, as on Intel CPUs.
inline uint16_t HostControl(const X87State& fpu) {
  return (fpu.control & 0x0300) == 0x0100 ? fpu.control | 0x0300 : fpu.control;
}

#define LIBRR_X87_CLOBBERS \
  "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc"
// Outputs are early-clobbered: AX and the saved control word are written before
// the last operand's address is used.
//
// After loading the operands: no flag is set and the guest's control word
// rules.
#define LIBRR_X87_BEGIN "fnstcw %[saved]\n\tfnclex\n\tfldcw %[control]\n\t"
// Status to AX; FLDCW waits, so nothing may be pending.
#define LIBRR_X87_END                                             \
  "\n\tfnstsw %%ax\n\ttestb $0x80, %%al\n\tjz 1f\n\tfnclex\n1:\t" \
  "fldcw %[saved]\n\t"

// a = op(a).
#define LIBRR_X87_UNARY(Name, instruction)                                 \
  inline HostResult Name(const Float80& a, uint16_t control) {             \
    HostResult result;                                                     \
    uint16_t saved;                                                        \
    asm volatile("fldt %[a]\n\t" LIBRR_X87_BEGIN instruction LIBRR_X87_END \
                 "fstpt %[value]"                                          \
                 : [value] "=m"(result.value),                             \
                   "=&a"(result.status), [saved] "=&m"(saved)              \
                 : [a] "m"(a), [control] "m"(control)                      \
                 : LIBRR_X87_CLOBBERS);                                    \
    return result;                                                         \
  }

// a = a op b, b in ST(1).
#define LIBRR_X87_BINARY(Name, instruction)                                    \
  inline HostResult Name(const Float80& a, const Float80& b,                   \
                         uint16_t control) {                                   \
    HostResult result;                                                         \
    uint16_t saved;                                                            \
    asm volatile(                                                              \
        "fldt %[b]\n\tfldt %[a]\n\t" LIBRR_X87_BEGIN instruction LIBRR_X87_END \
        "fstpt %[value]\n\tfstp %%st(0)"                                       \
        : [value] "=m"(result.value),                                          \
          "=&a"(result.status), [saved] "=&m"(saved)                           \
        : [a] "m"(a), [b] "m"(b), [control] "m"(control)                       \
        : LIBRR_X87_CLOBBERS);                                                 \
    return result;                                                             \
  }

// a = a op b, b of type T in memory.
#define LIBRR_X87_BINARY_MEMORY(Name, T, instruction)                      \
  inline HostResult Name(const Float80& a, const T& b, uint16_t control) { \
    HostResult result;                                                     \
    uint16_t saved;                                                        \
    asm volatile("fldt %[a]\n\t" LIBRR_X87_BEGIN instruction               \
                 " %[b]" LIBRR_X87_END "fstpt %[value]"                    \
                 : [value] "=m"(result.value),                             \
                   "=&a"(result.status), [saved] "=&m"(saved)              \
                 : [a] "m"(a), [b] "m"(b), [control] "m"(control)          \
                 : LIBRR_X87_CLOBBERS);                                    \
    return result;                                                         \
  }

// The six operations with a register, float, double, int16 or int32 source.
#define LIBRR_X87_OPERATION(Name, stem)                         \
  LIBRR_X87_BINARY(Name, "f" stem " %%st(1), %%st")             \
  LIBRR_X87_BINARY_MEMORY(Name##Float, uint32_t, "f" stem "s")  \
  LIBRR_X87_BINARY_MEMORY(Name##Double, uint64_t, "f" stem "l") \
  LIBRR_X87_BINARY_MEMORY(Name##Int16, uint16_t, "fi" stem "s") \
  LIBRR_X87_BINARY_MEMORY(Name##Int32, uint32_t, "fi" stem "l")

LIBRR_X87_OPERATION(Add, "add")
LIBRR_X87_OPERATION(Multiply, "mul")
LIBRR_X87_OPERATION(Subtract, "sub")
LIBRR_X87_OPERATION(SubtractReversed, "subr")
LIBRR_X87_OPERATION(Divide, "div")
LIBRR_X87_OPERATION(DivideReversed, "divr")
// Only the status counts: C0, C2, C3 say how a compares with b.
LIBRR_X87_BINARY(Compare, "fcom %%st(1)")
LIBRR_X87_BINARY_MEMORY(CompareFloat, uint32_t, "fcoms")
LIBRR_X87_BINARY_MEMORY(CompareDouble, uint64_t, "fcoml")
LIBRR_X87_BINARY_MEMORY(CompareInt16, uint16_t, "ficoms")
LIBRR_X87_BINARY_MEMORY(CompareInt32, uint32_t, "ficoml")
LIBRR_X87_BINARY(CompareUnordered, "fucom %%st(1)")
LIBRR_X87_UNARY(CompareZero, "ftst")
LIBRR_X87_UNARY(SquareRoot, "fsqrt")
LIBRR_X87_UNARY(RoundToInteger, "frndint")
LIBRR_X87_BINARY(Scale, "fscale")

// Widening loads; exact, but SNaN and denormal operands are reported.
#define LIBRR_X87_LOAD(Name, T, instruction)                              \
  inline HostResult Name(const T& a, uint16_t control) {                  \
    HostResult result;                                                    \
    uint16_t saved;                                                       \
    /* ES: nothing was pushed. */                                         \
    asm volatile(LIBRR_X87_BEGIN instruction                              \
                 " %[a]\n\tfnstsw %%ax\n\ttestb $0x80, %%al\n\tjz 1f\n\t" \
                 "fninit\n\tfldz\n1:\tfldcw %[saved]\n\tfstpt %[value]"   \
                 : [value] "=m"(result.value),                            \
                   "=&a"(result.status), [saved] "=&m"(saved)             \
                 : [a] "m"(a), [control] "m"(control)                     \
                 : LIBRR_X87_CLOBBERS);                                   \
    return result;                                                        \
  }
LIBRR_X87_LOAD(LoadFloat, uint32_t, "flds")
LIBRR_X87_LOAD(LoadDouble, uint64_t, "fldl")
LIBRR_X87_LOAD(LoadInt16, uint16_t, "filds")
LIBRR_X87_LOAD(LoadInt32, uint32_t, "fildl")
LIBRR_X87_LOAD(LoadInt64, uint64_t, "fildll")

// Narrowing stores. An unmasked exception but PE leaves `value` zero.
#define LIBRR_X87_STORE(Name, T, instruction)                                 \
  inline HostStore<T> Name(const Float80& a, uint16_t control) {              \
    HostStore<T> result{};                                                    \
    uint16_t saved;                                                           \
    /* ES: it may not have been popped. */                                    \
    asm volatile("fldt %[a]\n\t" LIBRR_X87_BEGIN instruction                  \
                 " %[value]\n\tfnstsw %%ax\n\ttestb $0x80, %%al\n\tjz 1f\n\t" \
                 "fninit\n1:\tfldcw %[saved]"                                 \
                 : [value] "+m"(result.value),                                \
                   "=&a"(result.status), [saved] "=&m"(saved)                 \
                 : [a] "m"(a), [control] "m"(control)                         \
                 : LIBRR_X87_CLOBBERS);                                       \
    return result;                                                            \
  }
LIBRR_X87_STORE(StoreFloat, uint32_t, "fstps")
LIBRR_X87_STORE(StoreDouble, uint64_t, "fstpl")
LIBRR_X87_STORE(StoreInt16, uint16_t, "fistps")
LIBRR_X87_STORE(StoreInt32, uint32_t, "fistpl")
LIBRR_X87_STORE(StoreInt64, uint64_t, "fistpll")
LIBRR_X87_STORE(StoreDecimal, Decimal80, "fbstp")

// FXTRACT: first the exponent, second the significand.
inline HostPair Extract(const Float80& a, uint16_t control) {
  HostPair result;
  uint16_t saved;
  // ES: nothing was pushed; the value is not used then.
  asm volatile("fldt %[a]\n\t" LIBRR_X87_BEGIN
               "fxtract\n\tfnstsw %%ax\n\ttestb $0x80, %%al\n\tjz 1f\n\t"
               "fninit\n\tfldz\n\tfldz\n1:\tfldcw %[saved]\n\t"
               "fstpt %[second]\n\tfstpt %[first]"
               : [first] "=m"(result.first), [second] "=m"(result.second),
                 "=&a"(result.status), [saved] "=&m"(saved)
               : [a] "m"(a), [control] "m"(control)
               : LIBRR_X87_CLOBBERS);
  return result;
}

#undef LIBRR_X87_LOAD
#undef LIBRR_X87_STORE
#undef LIBRR_X87_OPERATION
#undef LIBRR_X87_BINARY_MEMORY
#undef LIBRR_X87_BINARY
#undef LIBRR_X87_UNARY
#undef LIBRR_X87_END
#undef LIBRR_X87_BEGIN
#undef LIBRR_X87_CLOBBERS

}  // namespace librr::pc::x87

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_X87_HOST_H_
