// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Conversions between singles, doubles and integers. SDM vol. 1, 10.4.3, 10.4.4
// and 11.4.1.6. A result that does not fit is the integer indefinite value
// (80...0) with the invalid exception.
#include "machines/pc/cpu/families/sse_float.h"

namespace librr::pc::handlers {

// XMM to XMM.
Handler Cvtps2pd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint64_t>(in,
                                                  LIBRR_FLOAT_OP("cvtps2pd"));
}
Handler Cvtss2sd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint32_t>(in,
                                                  LIBRR_FLOAT_OP("cvtss2sd"));
}
Handler Cvtpd2ps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("cvtpd2ps"));
}
Handler Cvtsd2ss(const Insn& in) {
  return FloatBinary<FloatLanes::kSingle, uint64_t>(in,
                                                    LIBRR_FLOAT_OP("cvtsd2ss"));
}
Handler Cvtdq2ps(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("cvtdq2ps"));
}
Handler Cvtps2dq(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("cvtps2dq"));
}
Handler Cvttps2dq(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("cvttps2dq"));
}
Handler Cvtpd2dq(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("cvtpd2dq"));
}
Handler Cvttpd2dq(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("cvttpd2dq"));
}
// Exact: MXCSR has no say.
Handler Cvtdq2pd(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("cvtdq2pd"));
}

// General register or memory to XMM: the low lane.
namespace {

template <typename T>
bool LoadIntegerSource(Cpu& cpu, const Insn& in, T* value) {
  if (in.is_memory()) return cpu.LoadOperand(in, value);
  *value = cpu.Reg<T>(in.src);
  return true;
}

#define LIBRR_FROM_INTEGER(T, mnemonic)                        \
  [](Cpu& cpu, const Insn& in) -> bool {                       \
    T value;                                                   \
    LIBRR_TRY(LoadIntegerSource(cpu, in, &value));             \
    HostXmm a = ToHost(cpu.regs.xmm[in.dst]);                  \
    LIBRR_TRY(RunUnderMxcsr(cpu, [&] {                         \
      asm volatile(mnemonic " %1, %0" : "+x"(a) : "r"(value)); \
    }));                                                       \
    cpu.regs.xmm[in.dst] = ToXmm(a);                           \
    return true;                                               \
  }

// XMM to general register.
#define LIBRR_TO_INTEGER(T, mnemonic)                          \
  [](Cpu& cpu, const Insn& in, HostXmm b) -> bool {            \
    T value = 0;                                               \
    LIBRR_TRY(RunUnderMxcsr(cpu, [&] {                         \
      asm volatile(mnemonic " %1, %0" : "=r"(value) : "x"(b)); \
    }));                                                       \
    cpu.SetReg<T>(in.dst, value);                              \
    return true;                                               \
  }

}  // namespace

Handler Cvtsi2ss(const Insn& in) {
  if (in.Has(kPrefixRexW)) return LIBRR_FROM_INTEGER(uint64_t, "cvtsi2ssq");
  return LIBRR_FROM_INTEGER(uint32_t, "cvtsi2ssl");
}
Handler Cvtsi2sd(const Insn& in) {
  if (in.Has(kPrefixRexW)) return LIBRR_FROM_INTEGER(uint64_t, "cvtsi2sdq");
  return LIBRR_FROM_INTEGER(uint32_t, "cvtsi2sdl");
}
Handler Cvtss2si(const Insn& in) {
  if (in.size == 8)
    return WithSource<uint32_t>(in, LIBRR_TO_INTEGER(uint64_t, "cvtss2siq"));
  return WithSource<uint32_t>(in, LIBRR_TO_INTEGER(uint32_t, "cvtss2sil"));
}
Handler Cvttss2si(const Insn& in) {
  if (in.size == 8)
    return WithSource<uint32_t>(in, LIBRR_TO_INTEGER(uint64_t, "cvttss2siq"));
  return WithSource<uint32_t>(in, LIBRR_TO_INTEGER(uint32_t, "cvttss2sil"));
}
Handler Cvtsd2si(const Insn& in) {
  if (in.size == 8)
    return WithSource<uint64_t>(in, LIBRR_TO_INTEGER(uint64_t, "cvtsd2siq"));
  return WithSource<uint64_t>(in, LIBRR_TO_INTEGER(uint32_t, "cvtsd2sil"));
}
Handler Cvttsd2si(const Insn& in) {
  if (in.size == 8)
    return WithSource<uint64_t>(in, LIBRR_TO_INTEGER(uint64_t, "cvttsd2siq"));
  return WithSource<uint64_t>(in, LIBRR_TO_INTEGER(uint32_t, "cvttsd2sil"));
}

// MMX register or memory to XMM. CVTPI2PD, which is exact, touches the x87
// state only if its source is an MMX register; CVTPI2PS always does.
Handler Cvtpi2ps(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint64_t source;
    LIBRR_TRY(x87::CheckPending(cpu));
    LIBRR_TRY(LoadMmxSource<uint64_t>(cpu, in, &source));
    HostXmm result = MakeHost(source);
    LIBRR_TRY(RunUnderMxcsr(cpu, [&] {
      asm volatile("cvtdq2ps %0, %0" : "+x"(result));
    }));
    EnterMmx(cpu);
    cpu.regs.xmm[in.dst].set_lane<uint64_t>(0, LowHalf(result));
    return true;
  };
}
Handler Cvtpi2pd(const Insn& in) {
  if (in.is_memory()) return Cvtdq2pd(in);
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    HostXmm result = MakeHost(ReadMmx(cpu, in.src));
    asm("cvtdq2pd %0, %0" : "+x"(result));
    EnterMmx(cpu);
    cpu.regs.xmm[in.dst] = ToXmm(result);
    return true;
  };
}

// XMM or memory to MMX register, by way of the XMM form.
namespace {

template <typename T, typename Op>
Handler ToMmx(const Insn&, Op) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    HostXmm source;
    if (in.is_memory()) {
      LIBRR_TRY(LoadHost<T>(cpu, in, &source));
    } else if constexpr (sizeof(T) == 16) {
      source = ToHost(cpu.regs.xmm[in.src]);
    } else {
      source = MakeHost(cpu.regs.xmm[in.src].lane<uint64_t>(0));
    }
    HostXmm result = source;
    LIBRR_TRY(RunUnderMxcsr(cpu, [&] { result = Op{}(source, source); }));
    WriteMmx(cpu, in.dst, LowHalf(result));
    return true;
  };
}

}  // namespace

Handler Cvtps2pi(const Insn& in) {
  return ToMmx<uint64_t>(in, LIBRR_FLOAT_OP("cvtps2dq"));
}
Handler Cvttps2pi(const Insn& in) {
  return ToMmx<uint64_t>(in, LIBRR_FLOAT_OP("cvttps2dq"));
}
Handler Cvtpd2pi(const Insn& in) {
  return ToMmx<Xmm>(in, LIBRR_FLOAT_OP("cvtpd2dq"));
}
Handler Cvttpd2pi(const Insn& in) {
  return ToMmx<Xmm>(in, LIBRR_FLOAT_OP("cvttpd2dq"));
}

}  // namespace librr::pc::handlers
