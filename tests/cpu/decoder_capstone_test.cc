// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The decoder against Capstone: lengths and memory operands of real code and of
// random bytes.
#include <capstone/capstone.h>
#include <elf.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "machines/pc/cpu/decoder.h"
#include "machines/pc/cpu/instruction_table.h"

namespace librr::pc {
namespace {

class Capstone {
 public:
  explicit Capstone(cs_mode mode) {
    EXPECT_EQ(cs_open(CS_ARCH_X86, mode, &handle_), CS_ERR_OK);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    insn_ = cs_malloc(handle_);
  }
  ~Capstone() {
    cs_free(insn_, 1);
    cs_close(&handle_);
  }
  // nullptr if it is no instruction.
  const cs_insn* Decode(const uint8_t* bytes, size_t size) {
    uint64_t address = 0;
    return cs_disasm_iter(handle_, &bytes, &size, &address, insn_) ? insn_
                                                                   : nullptr;
  }

 private:
  csh handle_;
  cs_insn* insn_;
};

bool IsRelativeBranch(const cs_insn& insn) {
  for (int i = 0; i < insn.detail->groups_count; ++i)
    if (insn.detail->groups[i] == X86_GRP_BRANCH_RELATIVE) return true;
  return false;
}

// Instructions that CPUID hides, or that Capstone 4 knows and the model lacks.
bool IsExcluded(const cs_insn& insn, bool is64) {
  static const std::set<std::string> kHiddenMnemonics = {
      "xgetbv",     "xsetbv",    "invpcid",   "rdpid",     "rdpkru",
      "wrpkru",     "movbe",     "adcx",      "adox",      "clwb",
      "clflushopt", "xtest",     "xbegin",    "xabort",    "xend",
      "encls",      "enclu",     "rdfsbase",  "wrfsbase",  "rdgsbase",
      "wrgsbase",   "monitor",   "mwait",     "monitorx",  "mwaitx",
      "skinit",     "stgi",      "clgi",      "clzero",    "rsm",
      "getsec",     "pclmulqdq", "femms",     "montmul",   "xcryptecb",
      "salc",       "extrq",     "insertq",   "movntss",   "movntsd",
      "rdpru",      "cldemote",  "ptwrite",   "endbr32x",  "invept",
      "invvpid",    "xstore",    "xcryptcbc", "xcryptctr", "xcryptcfb",
      "xcryptofb",  "xsha1",     "xsha256",   "data16",    "ffreep"};
  for (int i = 0; i < insn.detail->groups_count; ++i) {
    switch (insn.detail->groups[i]) {
      case X86_GRP_VM:
      case X86_GRP_3DNOW:
      case X86_GRP_AES:
      case X86_GRP_ADX:
      case X86_GRP_AVX:
      case X86_GRP_AVX2:
      case X86_GRP_AVX512:
      case X86_GRP_BMI:
      case X86_GRP_BMI2:
      case X86_GRP_F16C:
      case X86_GRP_FMA:
      case X86_GRP_FMA4:
      case X86_GRP_FSGSBASE:
      case X86_GRP_HLE:
      case X86_GRP_PCLMUL:
      case X86_GRP_RTM:
      case X86_GRP_SHA:
      case X86_GRP_SSE4A:
      case X86_GRP_TBM:
      case X86_GRP_XOP:
        return true;
      default:
        break;
    }
  }
  const std::string mnemonic = insn.mnemonic;
  // UD0 and UD1 have a ModRM byte on Intel CPUs; Capstone gives them none.
  if (mnemonic == "ud0" || mnemonic == "ud2b") return true;
  // Intel ignores 66 on near branches in 64-bit mode (SDM vol. 2, CALL), AMD
  // and Capstone do not.
  if (is64 && insn.detail->x86.prefix[2] == 0x66 && IsRelativeBranch(insn))
    return true;
  if (mnemonic[0] == 'v' && mnemonic != "verr" && mnemonic != "verw")
    return true;
  if (mnemonic.rfind("xsave", 0) == 0 || mnemonic.rfind("xrstor", 0) == 0 ||
      mnemonic.rfind("bnd", 0) == 0)
    return true;
  return kHiddenMnemonics.count(mnemonic) != 0;
}

struct Comparison {
  uint64_t compared = 0;
  uint64_t excluded = 0;
  std::map<std::string, uint64_t> unknown;     // Capstone has it, we do not
  std::map<std::string, uint64_t> mismatched;  // lengths or operands differ
};

std::string Hex(const uint8_t* bytes, size_t size) {
  std::ostringstream out;
  for (size_t i = 0; i < size; ++i) {
    char text[4];
    std::snprintf(text, sizeof(text), "%02x ", bytes[i]);
    out << text;
  }
  return out.str();
}

// The displacement and scale of a memory operand agree.
bool SameMemoryOperand(const Insn& in, const cs_insn& theirs) {
  const cs_x86& x86 = theirs.detail->x86;
  for (int i = 0; i < x86.op_count; ++i) {
    const cs_x86_op& op = x86.operands[i];
    if (op.type != X86_OP_MEM) continue;
    if (op.mem.index != X86_REG_INVALID && op.mem.index != X86_REG_RIZ &&
        op.mem.index != X86_REG_EIZ && op.mem.scale != (1 << in.scale) &&
        in.address_size != 2)
      return false;
    return static_cast<int32_t>(op.mem.disp) == in.disp;
  }
  return true;
}

void CompareAt(Capstone& capstone, const uint8_t* bytes, size_t size,
               uint32_t mode, Comparison* result, size_t* length) {
  const cs_insn* theirs = capstone.Decode(bytes, size);
  if (!theirs) {
    *length = 1;
    return;
  }
  *length = theirs->size;
  if (IsExcluded(*theirs, mode == kDecode64)) {
    ++result->excluded;
    return;
  }
  ++result->compared;
  Insn ours;
  const DecodeResult decoded =
      Decode(bytes, static_cast<unsigned>(size), mode, &ours);
  const std::string text = std::string(theirs->mnemonic) + " " +
                           theirs->op_str + " | " + Hex(bytes, theirs->size);
  if (decoded == DecodeResult::kDone && ours.row == kNoRow) {
    ++result->unknown[text];
  } else if (decoded != DecodeResult::kDone || ours.length != theirs->size) {
    ++result->mismatched[text + " ours: " + std::to_string(ours.length)];
  } else if (ours.is_memory() && ours.imm == 0 &&
             !SameMemoryOperand(ours, *theirs)) {
    ++result->mismatched[text + " memory operand"];
  }
}

void Report(const std::string& name, const Comparison& result) {
  uint64_t unknown = 0, mismatched = 0;
  for (const auto& [text, count] : result.unknown) unknown += count;
  for (const auto& [text, count] : result.mismatched) mismatched += count;
  std::cout << name << ": " << result.compared << " compared, "
            << result.excluded << " excluded, " << unknown << " unknown to us, "
            << mismatched << " different\n";
  int shown = 0;
  for (const auto& [text, count] : result.mismatched)
    if (++shown <= 20) std::cout << "  different: " << text << "\n";
  shown = 0;
  for (const auto& [text, count] : result.unknown)
    if (++shown <= 20) std::cout << "  unknown: " << text << "\n";
}

// The executable sections of a 64-bit ELF file.
std::vector<std::vector<uint8_t>> TextSections(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream buffer;
  buffer << file.rdbuf();
  const std::string bytes = buffer.str();
  std::vector<std::vector<uint8_t>> sections;
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header)) return sections;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (int i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    const uint64_t at =
        header.e_shoff + static_cast<uint64_t>(i) * header.e_shentsize;
    if (at + sizeof(section) > bytes.size()) break;
    std::memcpy(&section, bytes.data() + at, sizeof(section));
    if (section.sh_type != SHT_PROGBITS ||
        !(section.sh_flags & SHF_EXECINSTR) ||
        section.sh_offset + section.sh_size > bytes.size())
      continue;
    const auto* begin =
        reinterpret_cast<const uint8_t*>(bytes.data()) + section.sh_offset;
    sections.emplace_back(begin, begin + section.sh_size);
  }
  return sections;
}

class DecoderOnFiles : public testing::TestWithParam<const char*> {};

TEST_P(DecoderOnFiles, AgreesWithCapstoneOnEveryInstruction) {
  const auto sections = TextSections(GetParam());
  if (sections.empty()) GTEST_SKIP() << GetParam() << " is not on this host";
  Capstone capstone(CS_MODE_64);
  Comparison result;
  for (const std::vector<uint8_t>& section : sections) {
    for (size_t at = 0; at < section.size();) {
      size_t length;
      CompareAt(capstone, section.data() + at, section.size() - at, kDecode64,
                &result, &length);
      at += length;
    }
  }
  Report(GetParam(), result);
  EXPECT_GT(result.compared, 1000u);
  EXPECT_TRUE(result.mismatched.empty());
  uint64_t unknown = 0;
  for (const auto& [text, count] : result.unknown) unknown += count;
  EXPECT_LE(unknown * 1000, result.compared);
}

INSTANTIATE_TEST_SUITE_P(DebianFiles, DecoderOnFiles,
                         testing::Values("/lib/x86_64-linux-gnu/libc.so.6",
                                         "/lib/x86_64-linux-gnu/libm.so.6",
                                         "/bin/bash"));

// Random bytes: where both know an instruction, the lengths agree.
TEST(DecoderOnRandomBytes, AgreesWithCapstoneOnLengths) {
  std::mt19937_64 random(20240611);
  for (const auto& [cs, mode] :
       std::vector<std::pair<cs_mode, uint32_t>>{{CS_MODE_64, kDecode64},
                                                 {CS_MODE_32, kDecode32},
                                                 {CS_MODE_16, kDecode16}}) {
    Capstone capstone(cs);
    Comparison result;
    for (int i = 0; i < 200'000; ++i) {
      uint8_t bytes[16];
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
      size_t length;
      CompareAt(capstone, bytes, sizeof(bytes), mode, &result, &length);
    }
    Report(mode == kDecode64   ? "random 64"
           : mode == kDecode32 ? "random 32"
                               : "random 16",
           result);
    EXPECT_GT(result.compared, 10'000u);
    EXPECT_TRUE(result.mismatched.empty());
  }
}

}  // namespace
}  // namespace librr::pc
