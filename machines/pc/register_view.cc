// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/register_view.h"

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace librr::pc {
namespace {

class View {
 public:
  template <typename T>
  void Add(std::string name, T value) {
    std::vector<uint8_t> bytes(sizeof(T));
    std::memcpy(bytes.data(), &value, sizeof(T));
    values_.push_back({std::move(name), std::move(bytes)});
  }
  void AddBytes(std::string name, const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    values_.push_back({std::move(name), {bytes, bytes + size}});
  }
  std::vector<RegisterValue> Take() { return std::move(values_); }

 private:
  std::vector<RegisterValue> values_;
};

// The x87 tag word: 0 valid, 1 zero, 2 special, 3 empty. SDM vol. 1, 8.1.7.
uint16_t TagWord(const X87State& x87) {
  uint16_t word = 0;
  for (size_t i = 0; i < 8; ++i) {
    const Float80& value = x87.physical[i];
    const unsigned exponent = value.sign_exponent & 0x7fff;
    unsigned tag = 0;
    if (!(x87.valid >> i & 1)) {
      tag = 3;
    } else if (exponent == 0 && value.mantissa == 0) {
      tag = 1;
    } else if (exponent == 0x7fff || !(value.mantissa >> 63)) {
      tag = 2;
    }
    word = static_cast<uint16_t>(word | tag << (2 * i));
  }
  return word;
}

}  // namespace

std::vector<RegisterValue> ViewRegisters(const Cpu& cpu, uint8_t cr8) {
  const Registers& regs = cpu.regs;
  View view;
  // gdb's order, which is not the encoding's.
  static constexpr struct {
    const char* name;
    GprIndex index;
  } kGprNames[] = {{"rax", kRax}, {"rbx", kRbx}, {"rcx", kRcx}, {"rdx", kRdx},
                   {"rsi", kRsi}, {"rdi", kRdi}, {"rbp", kRbp}, {"rsp", kRsp},
                   {"r8", kR8},   {"r9", kR9},   {"r10", kR10}, {"r11", kR11},
                   {"r12", kR12}, {"r13", kR13}, {"r14", kR14}, {"r15", kR15},
                   {"rip", kRip}};
  for (const auto& [name, index] : kGprNames) view.Add(name, regs.gpr[index]);
  view.Add("eflags", static_cast<uint32_t>(cpu.Rflags()));
  static constexpr struct {
    const char* name;
    SegmentIndex index;
  } kSegmentNames[] = {{"cs", kCs}, {"ss", kSs}, {"ds", kDs},
                       {"es", kEs}, {"fs", kFs}, {"gs", kGs}};
  for (const auto& [name, index] : kSegmentNames)
    view.Add(name, static_cast<uint32_t>(regs.segments[index].selector));
  view.Add("fs_base", regs.segments[kFs].base);
  view.Add("gs_base", regs.segments[kGs].base);
  view.Add("k_gs_base", regs.kernel_gs_base);
  view.Add("cr0", regs.cr0);
  view.Add("cr2", regs.cr2);
  view.Add("cr3", regs.cr3);
  view.Add("cr4", regs.cr4);
  view.Add("cr8", uint64_t{cr8});
  view.Add("efer", regs.efer);
  for (int i = 0; i < 8; ++i) {
    const Float80& st =
        regs.x87.physical[static_cast<size_t>((regs.x87.top() + i) & 7)];
    uint8_t bytes[10];
    std::memcpy(bytes, &st.mantissa, 8);
    std::memcpy(bytes + 8, &st.sign_exponent, 2);
    view.AddBytes(absl::StrCat("st", i), bytes, sizeof(bytes));
  }
  view.Add("fctrl", uint32_t{regs.x87.control});
  view.Add("fstat", uint32_t{regs.x87.status});
  view.Add("ftag", uint32_t{TagWord(regs.x87)});
  for (const char* name : {"fiseg", "fioff", "foseg", "fooff", "fop"})
    view.Add(name, uint32_t{0});
  for (size_t i = 0; i < regs.xmm.size(); ++i)
    view.AddBytes(absl::StrCat("xmm", i), regs.xmm[i].bytes, 16);
  view.Add("mxcsr", regs.mxcsr);
  return view.Take();
}

}  // namespace librr::pc
