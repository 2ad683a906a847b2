// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 control: FNINIT, FNCLEX, control and status word, environment and state
// images, FFREE, FINCSTP, FDECSTP, FNOP, WAIT. SDM vol. 1, 8.3.11.
#include <cstring>

#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc {
namespace {

constexpr unsigned kRegisterImage = 8 * 10;
constexpr uint16_t kTagEmpty = 3;

void Initialize(X87State& fpu) {
  fpu.control = 0x037f;
  fpu.status = 0;
  fpu.valid = 0;
}

// The two tag bits of R_i: 0 valid, 1 zero, 2 special, 3 empty.
uint16_t Tag(const X87State& fpu, int i) {
  if (!(fpu.valid >> i & 1)) return kTagEmpty;
  const Float80& x = fpu.physical[i];
  if (x87::IsZero(x)) return 1;
  const int exponent = x87::Exponent(x);
  const bool normal = exponent != 0 && exponent != x87::kExponentMask &&
                      (x.mantissa & x87::kIntegerBit);
  return normal ? 0 : 2;
}

uint16_t TagWord(const X87State& fpu) {
  uint16_t word = 0;
  for (int i = 0; i < 8; ++i) word |= Tag(fpu, i) << (2 * i);
  return word;
}

// The environment has seven fields of 2 or 4 bytes: control, status, tag word,
// instruction pointer and selector, data pointer and selector. In 64-bit mode
// it is the 32-bit protected format. SDM vol. 1, figures 8-9 to 8-12.
unsigned FieldSize(const Insn& in) { return in.size == 2 ? 2 : 4; }
unsigned EnvironmentSize(const Insn& in) { return 7 * FieldSize(in); }

// The pointers are zero. Reserved halves of fields are stored as ones.
void PackEnvironment(const Cpu& cpu, const Insn& in, uint8_t* image) {
  const X87State& fpu = cpu.regs.x87;
  const uint16_t words[3] = {fpu.control, fpu.status, TagWord(fpu)};
  if (in.size == 2) {
    std::memset(image, 0, EnvironmentSize(in));
    std::memcpy(image, words, sizeof words);
    return;
  }
  constexpr uint32_t kReserved = 0xffff0000;
  const bool real = !cpu.protected_mode() || cpu.v86();
  const uint32_t fields[7] = {kReserved | words[0],
                              kReserved | words[1],
                              kReserved | words[2],
                              real ? kReserved : 0,
                              0,
                              real ? kReserved : 0,
                              real ? 0 : kReserved};
  std::memcpy(image, fields, sizeof fields);
}

void UnpackEnvironment(const uint8_t* image, const Insn& in, X87State& fpu) {
  uint16_t words[3];
  for (int i = 0; i < 3; ++i) {
    std::memcpy(&words[i], image + i * FieldSize(in), 2);
  }
  fpu.status = words[1];
  fpu.valid = 0;
  for (int i = 0; i < 8; ++i) {
    if ((words[2] >> (2 * i) & 3) != kTagEmpty) fpu.valid |= 1 << i;
  }
  x87::SetControl(fpu, words[0]);
}

bool OperandBytes(Cpu& cpu, const Insn& in, unsigned size, Access access,
                  uint8_t* bytes) {
  const auto segment = static_cast<SegmentIndex>(in.segment);
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, size, access, &linear));
  return access == Access::kRead ? cpu.ReadBytes(linear, bytes, size, segment)
                                 : cpu.WriteBytes(linear, bytes, size, segment);
}

constexpr unsigned kMaximumImage = 7 * 4 + kRegisterImage;

}  // namespace

namespace handlers {

Handler Fninit(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    Initialize(cpu.regs.x87);
    return true;
  };
}

Handler Fnclex(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.x87.status &= x87::kTop | x87::kConditions;
    return true;
  };
}

Handler Fldcw(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    uint16_t value;
    LIBRR_TRY(cpu.LoadOperand(in, &value));
    x87::SetControl(cpu.regs.x87, value);
    return true;
  };
}

Handler Fnstcw(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    return cpu.StoreOperand(in, cpu.regs.x87.control);
  };
}

Handler Fnstsw(const Insn& in) {
  if (in.is_memory()) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      return cpu.StoreOperand(in, cpu.regs.x87.status);
    };
  }
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.SetReg<uint16_t>(kRax * 8, cpu.regs.x87.status);
    return true;
  };
}

// Masks all exceptions after storing.
Handler Fnstenv(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint8_t image[kMaximumImage];
    PackEnvironment(cpu, in, image);
    LIBRR_TRY(
        OperandBytes(cpu, in, EnvironmentSize(in), Access::kWrite, image));
    X87State& fpu = cpu.regs.x87;
    x87::SetControl(fpu, fpu.control | x87::kExceptions);
    return true;
  };
}

Handler Fldenv(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    uint8_t image[kMaximumImage];
    LIBRR_TRY(OperandBytes(cpu, in, EnvironmentSize(in), Access::kRead, image));
    UnpackEnvironment(image, in, cpu.regs.x87);
    return true;
  };
}

// The registers follow the environment in stack order.
Handler Fnsave(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint8_t image[kMaximumImage];
    PackEnvironment(cpu, in, image);
    X87State& fpu = cpu.regs.x87;
    uint8_t* at = image + EnvironmentSize(in);
    for (int i = 0; i < 8; ++i, at += 10) {
      const Float80& value = x87::St(fpu, i);
      std::memcpy(at, &value.mantissa, 8);
      std::memcpy(at + 8, &value.sign_exponent, 2);
    }
    LIBRR_TRY(OperandBytes(cpu, in, EnvironmentSize(in) + kRegisterImage,
                           Access::kWrite, image));
    Initialize(fpu);
    return true;
  };
}

Handler Frstor(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    uint8_t image[kMaximumImage];
    LIBRR_TRY(OperandBytes(cpu, in, EnvironmentSize(in) + kRegisterImage,
                           Access::kRead, image));
    X87State& fpu = cpu.regs.x87;
    UnpackEnvironment(image, in, fpu);
    const uint8_t* at = image + EnvironmentSize(in);
    for (int i = 0; i < 8; ++i, at += 10) {
      Float80& value = fpu.physical[x87::Physical(fpu, i)];
      std::memcpy(&value.mantissa, at, 8);
      std::memcpy(&value.sign_exponent, at + 8, 2);
    }
    return true;
  };
}

Handler Ffree(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    x87::Free(fpu, in.dst);
    x87::SetConditions(fpu, x87::kC1, 0);
    return true;
  };
}

// DF C0+i, outside the SDM: FFREE and a pop.
Handler Ffreep(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    x87::Free(fpu, in.dst);
    x87::Pop(fpu);
    x87::SetConditions(fpu, x87::kC1, 0);
    return true;
  };
}

// These two move TOP and leave the tags alone.
Handler Fincstp(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    fpu.set_top(fpu.top() + 1);
    x87::SetConditions(fpu, x87::kC1, 0);
    return true;
  };
}

Handler Fdecstp(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    fpu.set_top(fpu.top() - 1);
    x87::SetConditions(fpu, x87::kC1, 0);
    return true;
  };
}

Handler Fnop(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool { return x87::CheckPending(cpu); };
}

// FENI, FDISI (8087) and FSETPM (287): nothing since the 387.
Handler FnopObsolete(const Insn&) {
  return [](Cpu&, const Insn&) -> bool { return true; };
}

// Not an x87 opcode: CR0.TS alone does not stop it, and CR0.EM never does.
Handler Wait(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    constexpr uint64_t kTrap = kCr0Mp | kCr0Ts;
    if ((cpu.regs.cr0 & kTrap) == kTrap) {
      return cpu.Raise(kDeviceNotAvailable);
    }
    return x87::CheckPending(cpu);
  };
}

}  // namespace handlers
}  // namespace librr::pc
