// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/differential_case.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

#include "machines/pc/cpu/decoder.h"
#include "machines/pc/cpu/memory.h"
#include "machines/pc/cpu/operand_traits.h"
#include "tests/cpu/differential_random.h"

namespace librr::pc {
namespace {

using std::string_view;

template <size_t n>
bool IsOneOf(string_view name, const string_view (&names)[n]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool UsesStack(string_view name) {
  static constexpr string_view kNames[] = {
      "push",  "pop",  "call", "ret",  "enter",   "leave",   "pushf",  "popf",
      "pusha", "popa", "push fs", "push gs", "push es", "push cs", "push ss",
      "push ds"};
  return IsOneOf(name, kNames);
}

bool HasPlace(const InstructionRow& row, OperandPlace place) {
  return std::any_of(
      std::begin(row.operands), std::end(row.operands),
      [place](Operand operand) { return TraitsOf(operand).place == place; });
}

bool HasSize(const InstructionRow& row, OperandSize size) {
  return std::any_of(
      std::begin(row.operands), std::end(row.operands),
      [size](Operand operand) { return TraitsOf(operand).size == size; });
}

bool UsesModRm(const InstructionRow& row) {
  return row.ext.reg >= 0 || row.ext.mod != 0 ||
         HasPlace(row, OperandPlace::kModRmRm) ||
         HasPlace(row, OperandPlace::kModRmMemory) ||
         HasPlace(row, OperandPlace::kModRmRmReg) ||
         HasPlace(row, OperandPlace::kModRmAlwaysReg) ||
         HasPlace(row, OperandPlace::kModRmReg);
}

// The builder of one case.
class Builder {
 public:
  Builder(const Shape& shape, uint64_t seed)
      : shape_(shape), row_(shape.table_row()), name_(row_.mnemonic),
        random_(seed) {
    test_.shape = shape;
  }
  std::optional<TestCase> Build();

 private:
  uint64_t& gpr(GprIndex i) { return test_.input.gpr[i]; }
  uint64_t AddressMask() const {
    return shape_.code32 || address_prefix_ ? 0xffffffffull : ~0ull;
  }
  unsigned AnyRegister() {
    return static_cast<unsigned>(random_.Below(shape_.code32 ? 8 : 16));
  }
  OperandKind AnyKind();
  uint64_t SafeDataAddress(uint64_t bytes, uint64_t alignment);
  uint64_t DataAddress(uint64_t bytes, uint64_t alignment);
  uint64_t LandingPad();
  void Patch(uint64_t address, const void* bytes, size_t size);
  void PatchRandom(uint64_t address, size_t size, OperandKind kind);

  void ChooseState();
  void ChooseX87(FxImage* fx);
  void ChoosePrefixes();
  void ChooseRegisters();
  void ChooseImplicitOperands();
  void ChooseString();
  void ChooseStack();
  void ChooseAddress();
  void ChooseExplicitOperands();
  void FillMemoryOperand();
  unsigned AccessBytes() const;
  uint64_t AccessAlignment();

  void Emit(uint64_t value, unsigned bytes);
  void EmitPrefixes();
  void EmitModRm();
  void EmitImmediates();

  const Shape shape_;
  const InstructionRow& row_;
  const string_view name_;
  Random random_;
  TestCase test_;

  // Prefixes.
  bool operand_prefix_ = false;
  bool address_prefix_ = false;
  bool lock_ = false;
  uint8_t repeat_ = 0;
  uint8_t segment_ = 0;
  bool rex_w_ = false;
  bool force_rex_ = false;
  // Operands. Numbers include REX extensions.
  unsigned reg_ = 0, rm_ = 0, opcode_register_ = 0;
  uint32_t reserved_ = 0;  // registers that an address may not be built from
  // A branch goes to an address that is not canonical. The stack is good then:
  // which fault comes first is not architectural.
  bool bad_target_ = false;
  bool free_address_ = false;  // LEA: any address will do
  // The addressing form.
  unsigned mod_ = 3, base_ = 0, index_ = 4, scale_ = 0;
  bool sib_ = false, rip_relative_ = false;
  int64_t displacement_ = 0;
  unsigned displacement_bytes_ = 0;
  size_t rip_relative_at_ = 0;
};

OperandKind Builder::AnyKind() {
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
uint64_t Builder::SafeDataAddress(uint64_t bytes, uint64_t alignment) {
  const uint64_t address = kDataWindow + 0x200 +
                           random_.Below(kDataWritableBytes - 0x800 - bytes);
  return address & ~(alignment - 1);
}

// The same; rarely somewhere bad.
uint64_t Builder::DataAddress(uint64_t bytes, uint64_t alignment) {
  const uint64_t writable_end = kDataWindow + kDataWritableBytes;
  uint64_t address = SafeDataAddress(bytes, 1);
  if (random_.Percent(5)) {
    const uint64_t back = random_.Below(bytes + 1);
    switch (random_.Below(4)) {
      case 0: address = kDataWindow - back; break;
      case 1: address = kDataWindow + kPageSize - back; break;
      case 2: address = writable_end - back; break;
      default: address = kDataWindow + kDataWindowBytes - back;
    }
  }
  return address & ~(alignment - 1);
}

uint64_t Builder::LandingPad() {
  if (random_.Percent(3)) return kDataWindow + random_.Below(0x1000);
  if (bad_target_ && !shape_.code32)
    return random_.Next() | 0x0001000000000000ull;
  // Never the instruction itself, which lies in the middle.
  return kCodeWindow + 0x100 + random_.Below(0x600);
}

void Builder::Patch(uint64_t address, const void* bytes, size_t size) {
  const auto* begin = static_cast<const uint8_t*>(bytes);
  const uint64_t first = std::max(address, kDataWindow);
  const uint64_t last =
      std::min(address + size, kDataWindow + kDataWritableBytes);
  if (first >= last) return;
  test_.patches.push_back(
      {first, {begin + (first - address), begin + (last - address)}});
}

void Builder::PatchRandom(uint64_t address, size_t size, OperandKind kind) {
  std::vector<uint8_t> bytes(size);
  random_.Fill(absl::MakeSpan(bytes), kind);
  Patch(address, bytes.data(), size);
}

void Builder::ChooseX87(FxImage* fx) {
  // CVTPI2PS from memory minds pending x87 exceptions on Intel only.
  const bool unmasked = (row_.attributes & (kX87 | kMmx)) &&
                        !(name_ == "cvtpi2ps" && shape_.memory) &&
                        random_.Percent(8);
  fx->control = static_cast<uint16_t>(0x40 | (random_.Next() & 0x0f00) |
                                      (unmasked ? random_.Next() & 0x3f : 0x3f));
  fx->status = static_cast<uint16_t>(random_.Next() & 0x7f7f);
  if (random_.Percent(60)) fx->status &= 0xffc0 & ~0x40;
  if (fx->status & ~fx->control & 0x3f) fx->status |= 0x8080;
  fx->valid = static_cast<uint8_t>(random_.Next() | random_.Next());
  if (random_.Percent(50)) fx->valid = 0xff;
  for (auto& st : fx->st) random_.Extended(&st.mantissa, &st.sign_exponent);
}

void Builder::ChooseState() {
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
  for (auto& xmm : input.fx.xmm) {
    random_.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(xmm), 16),
                 AnyKind());
  }
  ChooseX87(&input.fx);
}

void Builder::ChoosePrefixes() {
  switch (row_.prefix) {
    case Prefix::P66: operand_prefix_ = true; break;
    case Prefix::F2: repeat_ = 0xf2; break;
    case Prefix::F3: repeat_ = 0xf3; break;
    case Prefix::Any:
    case Prefix::NP:
    case Prefix::NoRep: break;
  }
  const bool force64 = row_.attributes & kForce64;
  if (shape_.size == 8) {
    rex_w_ = !force64 &&
             (!(row_.attributes & kDefault64) || random_.Percent(10));
  } else if (shape_.size == 2) {
    operand_prefix_ = true;
  }
  if (!shape_.code32 && random_.Percent(5)) force_rex_ = true;
  if (!force64 && random_.Percent(6)) {
    static constexpr uint8_t kSegments[] = {0x26, 0x2e, 0x36, 0x3e, 0x65};
    segment_ = kSegments[random_.Below(shape_.code32 ? 4 : 5)];
  }
  if (!shape_.code32 && random_.Percent(6)) address_prefix_ = true;
  // Ignored repeat prefixes. (Some CPUs let them select LOOPE or LOOPNE.)
  if (row_.map == OpcodeMap::k1B && row_.prefix == Prefix::Any &&
      !(row_.attributes & kString) && row_.opcode != 0x90 &&
      name_.substr(0, 4) != "loop" &&
      random_.Percent(3))
    repeat_ = random_.Percent(50) ? 0xf2 : 0xf3;
  if ((row_.attributes & kLockable) && shape_.memory) {
    lock_ = random_.Percent(15);
  } else {
    lock_ = random_.Percent(1);
  }
}

void Builder::ChooseRegisters() {
  reg_ = row_.ext.reg >= 0 ? static_cast<unsigned>(row_.ext.reg) : AnyRegister();
  rm_ = row_.ext.rm >= 0 ? static_cast<unsigned>(row_.ext.rm) : AnyRegister();
  opcode_register_ = AnyRegister();
  for (Operand operand : row_.operands) {
    if (operand == Operand::Sw) reg_ %= 6;
    if (operand == Operand::Dy) reg_ &= 7;
    if (operand == Operand::Cy) {
      // Whether the others are #UD or #GP for the user depends on the CPU.
      static constexpr unsigned kRegisters[] = {0, 2, 3, 4};
      reg_ = kRegisters[random_.Below(std::size(kRegisters))];
    }
    if (operand == Operand::STi) rm_ &= 7;
    if (operand == Operand::Pq) reg_ &= 7;
    if (operand == Operand::Nq || operand == Operand::Qq ||
        operand == Operand::Qd)
      rm_ &= 7;
  }
}

unsigned Builder::AccessBytes() const {
  if (name_ == "fxsave" || name_ == "fxrstor") return 512;
  if (name_ == "fnsave" || name_ == "frstor") return 108;
  if (name_ == "fnstenv" || name_ == "fldenv") return 28;
  if (name_ == "clflush") return 1;
  for (Operand operand : row_.operands) {
    const OperandTraits& traits = TraitsOf(operand);
    if (traits.place != OperandPlace::kModRmRm &&
        traits.place != OperandPlace::kModRmMemory &&
        traits.place != OperandPlace::kMoffs)
      continue;
    switch (traits.size) {
      case OperandSize::k1:
      case OperandSize::k1OrReg4: return 1;
      case OperandSize::k2:
      case OperandSize::k2OrReg4:
      case OperandSize::k2OrRegV: return 2;
      case OperandSize::k4: return 4;
      case OperandSize::k8: return 8;
      case OperandSize::k10: return 10;
      case OperandSize::k16: return 16;
      default: return name_ == "cmpxchg8b" ? 2 * static_cast<unsigned>(shape_.size)
                                           : static_cast<unsigned>(shape_.size);
    }
  }
  return 16;
}

uint64_t Builder::AccessAlignment() {
  const unsigned bytes = AccessBytes();
  // A locked access across cache lines is slow or forbidden on some hosts.
  if (lock_ || name_ == "xchg") return bytes == 16 ? 16 : bytes;
  // AMD reads 4 bytes even if the operand size is 16 bits, Intel 2.
  if (name_ == "movsxd") return 4;
  if (bytes == 512) return random_.Percent(90) ? 16 : 1;
  if (bytes == 16) return random_.Percent(85) ? 16 : random_.Percent(50) ? 8 : 1;
  return 1;
}

void Builder::ChooseString() {
  const uint64_t size =
      name_.empty() || HasSize(row_, OperandSize::k1) ? 1 : static_cast<uint64_t>(shape_.size);
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

void Builder::ChooseStack() {
  const uint64_t alignment = random_.Percent(80) ? 8 : 1;
  const uint64_t top = bad_target_ ? SafeDataAddress(64, alignment)
                                   : DataAddress(64, alignment);
  gpr(kRsp) = top;
  reserved_ |= 1u << kRsp;
  PatchRandom(top - 64, 192, OperandKind::kInteger);
  if (name_ == "ret") {
    const uint64_t target = LandingPad();
    Patch(top, &target, 8);
  } else if (name_ == "popf") {
    const uint64_t flags = random_.Next() & (random_.Percent(90) ? ~kTf : ~0ull);
    Patch(top, &flags, 8);
  } else if (name_ == "enter" || name_ == "leave") {
    gpr(kRbp) = DataAddress(64, 8);
    PatchRandom(gpr(kRbp) - 256, 288, OperandKind::kInteger);
  }
}

void Builder::ChooseImplicitOperands() {
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
  } else if (HasPlace(row_, OperandPlace::kImplicit) &&
             std::find(std::begin(row_.operands), std::end(row_.operands),
                       Operand::CL) != std::end(row_.operands)) {
    if (random_.Percent(70)) gpr(kRcx) = random_.Below(80);
    reserved_ |= 1u << kRcx;
  } else if (name_ == "xlat") {
    test_.operand = DataAddress(1, 1);
    gpr(kRbx) = test_.operand - (gpr(kRax) & 0xff);
    PatchRandom(test_.operand - 8, 16, OperandKind::kBytes);
    if (address_prefix_) gpr(kRbx) |= random_.Next() << 32;
  } else if (name_ == "maskmovq" || name_ == "maskmovdqu") {
    // Whether bytes that are not selected can fault depends on the CPU.
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

void Builder::ChooseAddress() {
  if (HasPlace(row_, OperandPlace::kMoffs)) {
    test_.operand = DataAddress(8, 1);
    return;
  }
  free_address_ = name_ == "lea" && random_.Percent(70);
  uint64_t target = DataAddress(AccessBytes(), AccessAlignment());
  if (!shape_.code32 && !address_prefix_ && random_.Percent(1))
    target |= 0x0000900000000000ull;
  const auto pick = [this] {
    unsigned r;
    do {
      r = AnyRegister();
    } while (reserved_ & (1u << r));
    return r;
  };
  const uint64_t mask = AddressMask();
  const uint64_t form = random_.Below(20);
  mod_ = 0;
  if (form == 0 && !shape_.code32) {  // RIP-relative
    rip_relative_ = true;
    displacement_bytes_ = 4;
    test_.operand = target;
    return;
  }
  static constexpr unsigned kDisplacementBytes[] = {0, 1, 4};
  displacement_bytes_ = kDisplacementBytes[random_.Below(3)];
  displacement_ = displacement_bytes_ == 0   ? 0
                  : displacement_bytes_ == 1 ? static_cast<int8_t>(random_.Next())
                                             : static_cast<int32_t>(random_.Next());
  const bool has_base = form >= 4;
  const bool has_index = form <= 3 ? form >= 2 : form >= 12;
  if (!has_base) displacement_bytes_ = 4;
  uint64_t rest = target;
  if (has_index) {
    do {
      index_ = pick();
    } while (index_ == 4);
    scale_ = static_cast<unsigned>(random_.Below(4));
    sib_ = true;
    if (!free_address_) {
      uint64_t& value = test_.input.gpr[index_];
      if (!has_base) value = random_.Below(0x100000);
      if ((mask >> 32) == 0 && random_.Percent(50)) value ^= random_.Next() << 32;
      rest -= value << scale_;
    }
  }
  if (has_base) {
    do {
      base_ = pick();
    } while (has_index && base_ == index_);
    // The stack pointer as a base keeps its value.
    const bool based_on_stack = UsesStack(name_) && random_.Percent(10);
    if (based_on_stack) base_ = kRsp;
    if ((base_ & 7) == 4) sib_ = true;
    if (random_.Percent(5)) sib_ = true;
    if ((base_ & 7) == 5 && displacement_bytes_ == 0) {
      displacement_bytes_ = 1;
      displacement_ = 0;
    }
    mod_ = displacement_bytes_ == 0 ? 0 : displacement_bytes_ == 1 ? 1 : 2;
    if (based_on_stack) {
      displacement_ = static_cast<int8_t>(displacement_);
      if (has_index) test_.input.gpr[index_] = random_.Below(8);
      target = gpr(kRsp) + static_cast<uint64_t>(displacement_) +
               (has_index ? test_.input.gpr[index_] << scale_ : 0);
    } else if (!free_address_) {
      uint64_t value = rest - static_cast<uint64_t>(displacement_);
      if ((mask >> 32) == 0)
        value = (value & mask) | (random_.Percent(50) ? random_.Next() << 32 : 0);
      test_.input.gpr[base_] = value;
    }
  } else {
    sib_ = sib_ || !shape_.code32;
    base_ = 5;
    if (!free_address_) {
      displacement_ = static_cast<int32_t>(rest);
      if (static_cast<uint64_t>(displacement_) != rest && (mask >> 32) != 0) {
        // Out of reach of the displacement: the index alone decides.
        target = (has_index ? test_.input.gpr[index_] << scale_ : 0) +
                 static_cast<uint64_t>(displacement_);
      }
    }
  }
  if (shape_.code32 && segment_ == 0x2e && random_.Percent(50)) segment_ = 0;
  test_.operand = target & mask;
}

void Builder::FillMemoryOperand() {
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

void Builder::ChooseExplicitOperands() {
  if (shape_.memory) {
    ChooseAddress();
    FillMemoryOperand();
    return;
  }
  if (name_ == "cmpxchg" && random_.Percent(50)) test_.input.gpr[rm_] = gpr(kRax);
  if ((name_ == "call" || name_ == "jmp") && row_.ext.reg >= 0) {
    if (!(reserved_ & (1u << rm_))) test_.input.gpr[rm_] = LandingPad();
  }
}

void Builder::Emit(uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i)
    test_.bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void Builder::EmitPrefixes() {
  std::vector<uint8_t> prefixes;
  if (operand_prefix_) prefixes.push_back(0x66);
  if (address_prefix_) prefixes.push_back(0x67);
  if (repeat_) prefixes.push_back(repeat_);
  if (segment_) prefixes.push_back(segment_);
  if (lock_) prefixes.push_back(0xf0);
  for (size_t i = prefixes.size(); i > 1; --i)
    std::swap(prefixes[i - 1], prefixes[random_.Below(i)]);
  for (uint8_t prefix : prefixes) Emit(prefix, 1);
  unsigned rex = 0;
  if (rex_w_) rex |= 8;
  if (UsesModRm(row_) && (reg_ & 8)) rex |= 4;
  if (shape_.memory) {
    if (sib_ && (index_ & 8)) rex |= 2;
    if (!rip_relative_ && (base_ & 8)) rex |= 1;
  } else if (UsesModRm(row_)) {
    if (rm_ & 8) rex |= 1;
  } else if (HasPlace(row_, OperandPlace::kOpcode) && (opcode_register_ & 8)) {
    rex |= 1;
  }
  if (rex || force_rex_) Emit(0x40 | rex, 1);
}

void Builder::EmitModRm() {
  const unsigned reg = (reg_ & 7) << 3;
  if (!shape_.memory) {
    Emit(0xc0 | reg | (rm_ & 7), 1);
    return;
  }
  if (rip_relative_) {
    Emit(reg | 5, 1);
    rip_relative_at_ = test_.bytes.size();
    Emit(0, 4);
    return;
  }
  if (sib_) {
    Emit(mod_ << 6 | reg | 4, 1);
    Emit(scale_ << 6 | (index_ & 7) << 3 | (base_ & 7), 1);
  } else {
    Emit(mod_ << 6 | reg | (base_ & 7), 1);
  }
  Emit(static_cast<uint64_t>(displacement_), displacement_bytes_);
}

void Builder::EmitImmediates() {
  for (Operand operand : row_.operands) {
    switch (operand) {
      case Operand::Ib:
      case Operand::Ibs: {
        uint64_t value = random_.Percent(50) ? random_.Next() : random_.Below(40);
        if (name_ == "enter") value = random_.Below(40);
        test_.shift_count = static_cast<uint8_t>(value);
        Emit(value, 1);
        break;
      }
      case Operand::Iw:
        Emit(random_.Percent(80) ? random_.Below(128) : random_.Next(), 2);
        break;
      case Operand::Iz:
        Emit(random_.Integer(), shape_.size == 2 ? 2 : 4);
        break;
      case Operand::Iv:
        Emit(random_.Integer(), static_cast<unsigned>(shape_.size));
        break;
      case Operand::Jb: {
        const auto before = -static_cast<int>(test_.bytes.size()) - 1;
        int displacement;
        do {
          displacement = static_cast<int8_t>(random_.Next());
        } while (displacement < 0 && displacement >= before);
        Emit(static_cast<uint64_t>(displacement), 1);
        break;
      }
      case Operand::Jz: {
        int64_t displacement = 0x40 + static_cast<int64_t>(random_.Below(0x600));
        if (random_.Percent(50)) displacement = -displacement;
        if (random_.Percent(5)) displacement = 0x40000;
        Emit(static_cast<uint64_t>(displacement), 4);
        break;
      }
      case Operand::Ob:
      case Operand::Ov:
        Emit(test_.operand, shape_.code32 || address_prefix_ ? 4 : 8);
        PatchRandom(test_.operand, 8, OperandKind::kInteger);
        break;
      default: break;
    }
  }
}

std::optional<TestCase> Builder::Build() {
  bad_target_ = random_.Percent(3);
  ChooseState();
  ChoosePrefixes();
  ChooseRegisters();
  ChooseImplicitOperands();
  ChooseExplicitOperands();
  if (shape_.code32)
    for (size_t i = 0; i < 8; ++i) test_.input.gpr[i] &= 0xffffffff;

  EmitPrefixes();
  if (row_.map != OpcodeMap::k1B) Emit(0x0f, 1);
  if (row_.map == OpcodeMap::k38) Emit(0x38, 1);
  if (row_.map == OpcodeMap::k3A) Emit(0x3a, 1);
  uint8_t opcode = row_.opcode;
  if (HasPlace(row_, OperandPlace::kOpcode)) opcode |= opcode_register_ & 7;
  Emit(opcode, 1);
  if (UsesModRm(row_)) EmitModRm();
  EmitImmediates();
  if (test_.bytes.size() > kMaxInsnBytes) return std::nullopt;

  test_.address = kCodeWindow + 0x800 + random_.Below(16);
  if (random_.Percent(4))
    test_.address = kCodeWindow + kPageSize - random_.Below(test_.bytes.size() + 1);
  test_.input.rip = test_.address;
  if (rip_relative_) {
    const auto displacement = static_cast<uint32_t>(
        test_.operand - test_.address - test_.bytes.size());
    std::memcpy(&test_.bytes[rip_relative_at_], &displacement, 4);
    test_.operand = test_.address + test_.bytes.size() +
                    static_cast<uint64_t>(static_cast<int32_t>(displacement));
  }
  for (Operand operand : row_.operands) {
    if (operand == Operand::CL)
      test_.shift_count = static_cast<uint8_t>(gpr(kRcx));
    if (operand == Operand::One) test_.shift_count = 1;
  }

  uint8_t padded[2 * kMaxInsnBytes];
  std::memset(padded, kPadding, sizeof(padded));
  std::memcpy(padded, test_.bytes.data(), test_.bytes.size());
  Insn insn;
  Decode(padded, sizeof(padded),
         (shape_.code32 ? kDecode32 : kDecode64) | kDecodeUser, &insn);
  if (insn.row != shape_.row || insn.length != test_.bytes.size())
    return std::nullopt;
  return std::move(test_);
}

}  // namespace

std::string Shape::Name() const {
  return std::string(table_row().mnemonic) + (memory ? " memory" : " register") +
         " " + std::to_string(8 * size) + (code32 ? " in 32-bit code" : "");
}

std::vector<Shape> ShapesOf(size_t index, bool code32) {
  const InstructionRow& row = InstructionTable()[index];
  std::vector<bool> forms;
  if (HasPlace(row, OperandPlace::kModRmRm)) {
    // AMD has no register form of PREFETCHW.
    if (row.ext.mod != 1 && row.mnemonic != string_view("prefetchw"))
      forms.push_back(false);
    if (row.ext.mod != 2) forms.push_back(true);
  } else {
    forms.push_back(row.ext.mod == 1 || HasPlace(row, OperandPlace::kModRmMemory) ||
                    HasPlace(row, OperandPlace::kMoffs));
  }
  const bool no_operands = row.operands[0] == Operand::_;
  std::vector<int> sizes;
  if (row.attributes & kForce64) {
    sizes = {code32 ? 4 : 8};
  } else if (row.attributes & kDefault64) {
    sizes = code32 ? std::vector<int>{2, 4} : std::vector<int>{2, 8};
  } else if (row.prefix == Prefix::NP || row.prefix == Prefix::P66) {
    sizes = {4};
    if (!code32 && (HasSize(row, OperandSize::kY) || HasSize(row, OperandSize::kV)))
      sizes.push_back(8);
  } else if (HasSize(row, OperandSize::kV) || HasSize(row, OperandSize::kZ) ||
             HasSize(row, OperandSize::k2OrRegV) || no_operands ||
             HasPlace(row, OperandPlace::kModRmMemory)) {
    sizes = code32 ? std::vector<int>{2, 4} : std::vector<int>{2, 4, 8};
  } else if (HasSize(row, OperandSize::kY)) {
    sizes = code32 ? std::vector<int>{4} : std::vector<int>{4, 8};
  } else {
    sizes = {4};
  }
  std::vector<Shape> shapes;
  for (bool memory : forms)
    for (int size : sizes) shapes.push_back({index, memory, size, code32});
  return shapes;
}

std::optional<TestCase> BuildCase(const Shape& shape, uint64_t seed) {
  return Builder(shape, seed).Build();
}

}  // namespace librr::pc
