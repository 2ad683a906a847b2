// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// FXSAVE and FXRSTOR: x87, MMX and SSE state as one image of 512 bytes. SDM
// vol. 1, 10.5. With and without REX.W the image is the same, because the x87
// instruction and data pointers and the opcode are always zero here. CR4.OSFXSR
// makes no difference (the SDM leaves that open).
#include <cstring>

#include "machines/pc/cpu/families/sse_float.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc::handlers {
namespace {

constexpr unsigned kImageBytes = 512;
// SDM vol. 1, table 10-2.
constexpr int kControlAt = 0, kStatusAt = 2, kTagAt = 4, kMxcsrAt = 24,
              kMxcsrMaskAt = 28, kStackAt = 32, kXmmAt = 160;

template <typename T>
T Get(const uint8_t* image, int at) {
  T value;
  std::memcpy(&value, image + at, sizeof(T));
  return value;
}
template <typename T>
void Put(uint8_t* image, int at, T value) {
  std::memcpy(image + at, &value, sizeof(T));
}

bool ImageAddress(Cpu& cpu, const Insn& in, Access access, uint64_t* linear) {
  LIBRR_TRY(cpu.OperandAddress(in, kImageBytes, access, linear));
  if (*linear & 15) return cpu.RaiseGp();
  return true;
}

int XmmCount(const Cpu& cpu) { return cpu.code64() ? 16 : 8; }

}  // namespace

// What lies behind the last XMM register is left as it was.
Handler Fxsave(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    const auto segment = static_cast<SegmentIndex>(in.segment);
    uint64_t linear;
    LIBRR_TRY(ImageAddress(cpu, in, Access::kWrite, &linear));
    LIBRR_TRY(cpu.CheckWrite(linear, kImageBytes, segment));

    uint8_t image[kImageBytes] = {};
    const X87State& fpu = cpu.regs.x87;
    Put<uint16_t>(image, kControlAt, fpu.control);
    Put<uint16_t>(image, kStatusAt, fpu.status);
    Put<uint8_t>(image, kTagAt, fpu.valid);  // by R register, not by ST
    Put<uint32_t>(image, kMxcsrAt, cpu.regs.mxcsr);
    Put<uint32_t>(image, kMxcsrMaskAt, kMxcsrValid);
    for (int i = 0; i < 8; ++i) {
      const Float80& st = fpu.physical[(fpu.top() + i) & 7];
      Put<uint64_t>(image, kStackAt + 16 * i, st.mantissa);
      Put<uint16_t>(image, kStackAt + 16 * i + 8, st.sign_exponent);
    }
    const int xmm_count = XmmCount(cpu);
    for (int i = 0; i < xmm_count; ++i)
      std::memcpy(image + kXmmAt + 16 * i, cpu.regs.xmm[i].bytes, 16);
    return cpu.WriteBytes(
        linear, image, static_cast<unsigned>(kXmmAt + 16 * xmm_count), segment);
  };
}

Handler Fxrstor(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint64_t linear;
    uint8_t image[kImageBytes];
    LIBRR_TRY(ImageAddress(cpu, in, Access::kRead, &linear));
    LIBRR_TRY(cpu.ReadBytes(linear, image, kImageBytes,
                            static_cast<SegmentIndex>(in.segment)));
    const uint32_t mxcsr = Get<uint32_t>(image, kMxcsrAt);
    if (mxcsr & ~kMxcsrValid) return cpu.RaiseGp();

    cpu.regs.mxcsr = mxcsr;
    X87State& fpu = cpu.regs.x87;
    fpu.status = Get<uint16_t>(image, kStatusAt);
    x87::SetControl(fpu, Get<uint16_t>(image, kControlAt));  // and ES, B
    fpu.valid = Get<uint8_t>(image, kTagAt);
    for (int i = 0; i < 8; ++i) {
      Float80& st = fpu.physical[(fpu.top() + i) & 7];
      st.mantissa = Get<uint64_t>(image, kStackAt + 16 * i);
      st.sign_exponent = Get<uint16_t>(image, kStackAt + 16 * i + 8);
    }
    const int xmm_count = XmmCount(cpu);
    for (int i = 0; i < xmm_count; ++i)
      std::memcpy(cpu.regs.xmm[i].bytes, image + kXmmAt + 16 * i, 16);
    return true;
  };
}

}  // namespace librr::pc::handlers
