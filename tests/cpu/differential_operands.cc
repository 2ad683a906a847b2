// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Values: registers, flags, memory, and what single instructions need of them
// to do more than fault.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <vector>

#include "machines/pc/cpu/memory.h"
#include "tests/cpu/differential_builder.h"

namespace librr::pc {

OperandKind CaseBuilder::AnyKind() {
  if (row_.attributes & kX87) {
    static constexpr OperandKind kKinds[] = {
        OperandKind::kExtended, OperandKind::kExtended, OperandKind::kFloat,
        OperandKind::kDouble,   OperandKind::kInteger,  OperandKind::kBytes};
    for (Operand operand : row_.operands) {
      if (operand == Operand::Mf32) return OperandKind::kFloat;
      if (operand == Operand::Mf64) return OperandKind::kDouble;
    }
    return kKinds[random_.Below(std::size(kKinds))];
  }
  if (!(row_.attributes & (kSse | kMmx))) return OperandKind::kInteger;
  if (!(row_.attributes & kHost))
    return random_.Percent(70) ? OperandKind::kBytes : OperandKind::kInteger;
  const bool mostly_double =
      name_.find("pd") != name_.npos || name_.find("sd") != name_.npos;
  const uint64_t pick = random_.Below(10);
  if (pick == 0) return OperandKind::kBytes;
  if (pick == 1) return OperandKind::kInteger;
  return (pick == 2) != mostly_double ? OperandKind::kDouble
                                      : OperandKind::kFloat;
}

// Somewhere in the data window for an access of `bytes`.
uint64_t CaseBuilder::SafeDataAddress(uint64_t bytes, uint64_t alignment) {
  const uint64_t address =
      kDataWindow + 0x200 + random_.Below(kDataWritableBytes - 0x800 - bytes);
  return address & ~(alignment - 1);
}

// The same; rarely somewhere bad.
uint64_t CaseBuilder::DataAddress(uint64_t bytes, uint64_t alignment) {
  const uint64_t writable_end = kDataWindow + kDataWritableBytes;
  uint64_t address = SafeDataAddress(bytes, 1);
  if (random_.Percent(5)) {
    const uint64_t back = random_.Below(bytes + 1);
    switch (random_.Below(4)) {
      case 0:
        address = kDataWindow - back;
        break;
      case 1:
        address = kDataWindow + kPageSize - back;
        break;
      case 2:
        address = writable_end - back;
        break;
      default:
        address = kDataWindow + kDataWindowBytes - back;
    }
  }
  return address & ~(alignment - 1);
}

uint64_t CaseBuilder::LandingPad() {
  if (random_.Percent(3)) return kDataWindow + random_.Below(0x1000);
  if (bad_target_ && !shape_.code32)
    return random_.Next() | 0x0001000000000000ull;
  // Never the instruction itself, which lies in the middle.
  return kCodeWindow + 0x100 + random_.Below(0x600);
}

void CaseBuilder::Patch(uint64_t address, const void* bytes, size_t size) {
  const auto* begin = static_cast<const uint8_t*>(bytes);
  const uint64_t first = std::max(address, kDataWindow);
  const uint64_t last =
      std::min(address + size, kDataWindow + kDataWritableBytes);
  if (first >= last) return;
  test_.patches.push_back(
      {first, {begin + (first - address), begin + (last - address)}});
}

void CaseBuilder::PatchRandom(uint64_t address, size_t size, OperandKind kind) {
  std::vector<uint8_t> bytes(size);
  random_.Fill(absl::MakeSpan(bytes), kind);
  Patch(address, bytes.data(), size);
}

void CaseBuilder::ChooseX87(FxImage* fx) {
  // CVTPI2PS from memory minds pending x87 exceptions on Intel only.
  const bool unmasked = (row_.attributes & (kX87 | kMmx)) &&
                        !(name_ == "cvtpi2ps" && shape_.memory) &&
                        random_.Percent(8);
  fx->control =
      static_cast<uint16_t>(0x40 | (random_.Next() & 0x0f00) |
                            (unmasked ? random_.Next() & 0x3f : 0x3f));
  fx->status = static_cast<uint16_t>(random_.Next() & 0x7f7f);
  if (random_.Percent(60)) fx->status &= 0xffc0 & ~0x40;
  if (fx->status & ~fx->control & 0x3f) fx->status |= 0x8080;
  fx->valid = static_cast<uint8_t>(random_.Next() | random_.Next());
  if (random_.Percent(50)) fx->valid = 0xff;
  for (auto& st : fx->st) random_.Extended(&st.mantissa, &st.sign_exponent);
}

void CaseBuilder::ChooseState() {
  MachineState& input = test_.input;
  for (uint64_t& value : input.gpr) value = random_.Integer();
  input.rflags = kIf | 2 | (random_.Next() & kArithmeticFlags) |
                 (random_.Percent(20) ? kDf : 0) |
                 (random_.Percent(4) ? kTf : 0);
  test_.split = random_.Percent(30);
  gpr(kRsp) = kDataWindow + 0x1000 + 8 * random_.Below(64);
  input.fx.mxcsr = 0x1f80 | static_cast<uint32_t>(random_.Next() & 0x603f);
  if (random_.Percent(20)) input.fx.mxcsr |= 0x8000;
  if (random_.Percent(20)) input.fx.mxcsr |= 0x0040;
  if (random_.Percent(50)) input.fx.mxcsr &= ~0x603fu;
  if ((row_.attributes & kSse) && random_.Percent(12))
    input.fx.mxcsr &= ~(random_.Next() & 0x1f80);
  // An unmasked underflow of an intermediate result depends on the CPU.
  if (name_ == "dpps" || name_ == "dppd") input.fx.mxcsr |= 0x0800;
  for (auto& xmm : input.fx.xmm) {
    random_.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(xmm), 16),
                 AnyKind());
  }
  ChooseX87(&input.fx);
}

void CaseBuilder::ChooseString() {
  const uint64_t size =
      HasSize(row_, OperandSize::k1) ? 1 : static_cast<uint64_t>(shape_.size);
  // With a count of zero CPUs differ in whether ports are checked.
  const bool port = name_[0] == 'i' || name_[0] == 'o';
  uint64_t count = random_.Below(24) + (port ? 1 : 0);
  if (random_.Percent(60)) {
    repeat_ = 0xf3;
    if ((name_ == "cmps" || name_ == "scas") && random_.Percent(50))
      repeat_ = 0xf2;
    gpr(kRcx) = count;
  } else {
    count = 1;
  }
  const uint64_t source = DataAddress(size * count + 1, 1);
  uint64_t destination = DataAddress(size * count + 1, 1);
  if (random_.Percent(20)) destination = source + random_.Below(20) - 10;
  gpr(kRsi) = source;
  gpr(kRdi) = destination;
  if (name_ == "cmps" || name_ == "scas") {
    // Long equal runs: one byte value, changed in a few places.
    const auto value = static_cast<uint8_t>(random_.Next());
    for (uint64_t at : {source, destination}) {
      std::vector<uint8_t> bytes(512, value);
      if (random_.Percent(70)) bytes[random_.Below(512)] ^= 1;
      if (random_.Percent(70)) bytes[200 + random_.Below(112)] ^= 0x80;
      Patch(at - 256, bytes.data(), bytes.size());
    }
    if (random_.Percent(80)) gpr(kRax) = value * 0x0101010101010101ull;
  } else {
    PatchRandom(source - 256, 512, OperandKind::kBytes);
  }
  if (address_prefix_ || shape_.code32) {
    for (GprIndex i : {kRcx, kRsi, kRdi}) gpr(i) |= random_.Next() << 32;
  }
}

void CaseBuilder::ChooseStack() {
  const uint64_t alignment = random_.Percent(80) ? 8 : 1;
  const bool good = bad_target_ || (name_ == "call" && shape_.memory);
  const uint64_t top =
      good ? SafeDataAddress(64, alignment) : DataAddress(64, alignment);
  gpr(kRsp) = top;
  reserved_ |= 1u << kRsp;
  PatchRandom(top - 64, 192, OperandKind::kInteger);
  if (name_ == "ret") {
    const uint64_t target = LandingPad();
    Patch(top, &target, 8);
  } else if (name_ == "popf") {
    const uint64_t flags =
        random_.Next() & (random_.Percent(90) ? ~kTf : ~0ull);
    Patch(top, &flags, 8);
  } else if (name_ == "enter" || name_ == "leave") {
    gpr(kRbp) = DataAddress(64, 8);
    PatchRandom(gpr(kRbp) - 256, 288, OperandKind::kInteger);
  }
}

void CaseBuilder::ChooseImplicitOperands() {
  if ((row_.attributes & kString)) ChooseString();
  if (UsesStack(name_)) ChooseStack();
  if (name_ == "div" || name_ == "idiv") {
    // Quotients that fit, mostly.
    if (random_.Percent(80)) {
      const bool negative = name_ == "idiv" && random_.Percent(50);
      gpr(kRdx) = negative ? 0 - random_.Below(3) : random_.Below(3);
      if (HasSize(row_, OperandSize::k1)) {
        gpr(kRax) = (gpr(kRax) & ~0xff00ull) | (gpr(kRdx) & 0xff) << 8;
      }
    }
  } else if (HasOperand(row_, Operand::CL)) {
    if (random_.Percent(70)) gpr(kRcx) = random_.Below(80);
    reserved_ |= 1u << kRcx;
  } else if (name_ == "xlat") {
    test_.operand = DataAddress(1, 1);
    gpr(kRbx) = test_.operand - (gpr(kRax) & 0xff);
    PatchRandom(test_.operand - 8, 16, OperandKind::kBytes);
    if (address_prefix_) gpr(kRbx) |= random_.Next() << 32;
  } else if (name_ == "maskmovq" || name_ == "maskmovdqu") {
    // Whether bytes that are not selected can fault depends on the CPU.
    if (segment_ == 0x2e) segment_ = 0;
    gpr(kRdi) = SafeDataAddress(16, 1);
    PatchRandom(gpr(kRdi), 16, OperandKind::kBytes);
    if (address_prefix_) gpr(kRdi) |= random_.Next() << 32;
  } else if (name_.substr(0, 4) == "loop" || name_ == "jrcxz") {
    if (random_.Percent(70)) gpr(kRcx) = random_.Below(3);
    if (random_.Percent(20)) gpr(kRcx) |= random_.Next() << 32;
  } else if (name_.substr(0, 7) == "pcmpest") {
    if (random_.Percent(80)) {
      gpr(kRax) = random_.Below(40) - 20;
      gpr(kRdx) = random_.Below(40) - 20;
    }
  }
  if (name_.substr(0, 2) == "bt" && row_.ext.reg < 0 && shape_.memory) {
    // The bit offset reaches around the operand.
    const uint64_t mask = shape_.size == 2   ? 0xffffull
                          : shape_.size == 4 ? 0xffffffffull
                                             : ~0ull;
    uint64_t& offset = test_.input.gpr[reg_];
    offset = (offset & ~mask) | ((random_.Below(1024) - 512) & mask);
    reserved_ |= 1u << reg_;
  }
}

void CaseBuilder::FillMemoryOperand() {
  const unsigned bytes = AccessBytes();
  const uint64_t at = test_.operand;
  if (name_ == "fxrstor") {
    FxImage image;
    ChooseX87(&image);
    image.mxcsr = static_cast<uint32_t>(random_.Next() & 0xffff);
    if (random_.Percent(5)) image.mxcsr |= 0x10000u << (2 * random_.Below(8));
    for (auto& xmm : image.xmm)
      random_.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(xmm), 16),
                   OperandKind::kInteger);
    Patch(at, &image, sizeof(image));
    return;
  }
  if (name_ == "ldmxcsr") {
    auto value = static_cast<uint32_t>(random_.Next() & 0xffff);
    if (random_.Percent(10)) value |= 0x10000u << (2 * random_.Below(8));
    Patch(at, &value, sizeof(value));
    return;
  }
  if (name_ == "fldenv" || name_ == "frstor") {
    FxImage state;
    ChooseX87(&state);
    const bool narrow = operand_prefix_;
    std::vector<uint8_t> image(108);
    random_.Fill(absl::MakeSpan(image), OperandKind::kExtended);
    const size_t stride = narrow ? 2 : 4;
    const auto tags = static_cast<uint16_t>(random_.Next());
    std::memcpy(&image[0], &state.control, 2);
    std::memcpy(&image[stride], &state.status, 2);
    std::memcpy(&image[2 * stride], &tags, 2);
    Patch(at, image.data(), image.size());
    return;
  }
  if (name_ == "fbld" && random_.Percent(80)) {
    uint8_t digits[10];
    for (uint8_t& digit : digits)
      digit = static_cast<uint8_t>(random_.Below(10) << 4 | random_.Below(10));
    digits[9] = random_.Percent(50) ? 0x80 : 0;
    Patch(at, digits, sizeof(digits));
    return;
  }
  if ((name_ == "call" || name_ == "jmp") && row_.ext.reg >= 0) {
    const uint64_t target = LandingPad();
    Patch(at, &target, 8);
    return;
  }
  PatchRandom(at - 16, bytes + 32, AnyKind());
  if (name_.substr(0, 2) == "bt")
    PatchRandom(at - 80, 176, OperandKind::kBytes);
  if (name_ == "cmpxchg" && random_.Percent(50)) {
    Patch(at, &gpr(kRax), 8);
  } else if (name_ == "cmpxchg8b" && random_.Percent(50)) {
    const size_t half = shape_.size == 8 ? 8 : 4;
    Patch(at, &gpr(kRax), half);
    Patch(at + half, &gpr(kRdx), half);
  }
}

void CaseBuilder::ChooseExplicitOperands() {
  if (shape_.memory) {
    ChooseAddress();
    FillMemoryOperand();
    return;
  }
  if (name_ == "cmpxchg" && random_.Percent(50))
    test_.input.gpr[rm_] = gpr(kRax);
  if ((name_ == "call" || name_ == "jmp") && row_.ext.reg >= 0) {
    if (!(reserved_ & (1u << rm_))) test_.input.gpr[rm_] = LandingPad();
  }
}

}  // namespace librr::pc
