// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/differential_harness.h"

#include <capstone/capstone.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>
#include <string_view>

#include "tests/cpu/differential_exclusions.h"

namespace librr::pc {
namespace {

constexpr int kShownPerShape = 2;
constexpr size_t kShownInAll = 60;

std::string Listing(const TestCase& test) {
  csh handle;
  std::ostringstream out;
  for (uint8_t byte : test.bytes) {
    char text[4];
    std::snprintf(text, sizeof(text), "%02x ", byte);
    out << text;
  }
  if (cs_open(CS_ARCH_X86, test.shape.code32 ? CS_MODE_32 : CS_MODE_64,
              &handle) != CS_ERR_OK)
    return out.str();
  cs_insn* insn;
  if (cs_disasm(handle, test.bytes.data(), test.bytes.size(), test.address, 1,
                &insn) == 1) {
    out << "  " << insn->mnemonic << " " << insn->op_str;
    cs_free(insn, 1);
  }
  cs_close(&handle);
  return out.str();
}

constexpr const char* kGprNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                     "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                     "r12", "r13", "r14", "r15"};

void CompareX87(const FxImage& before, const FxImage& host, const FxImage& ours,
                StateTable* table) {
  table->Add("fsw", before.status, host.status, ours.status);
  table->Add("ftw", before.valid, host.valid, ours.valid);
  for (size_t i = 0; i < 8; ++i) {
    const std::string name = "st" + std::to_string(i);
    table->Add(name, before.st[i].mantissa, host.st[i].mantissa,
               ours.st[i].mantissa);
    table->Add(name + ".se", before.st[i].sign_exponent,
               host.st[i].sign_exponent, ours.st[i].sign_exponent);
  }
}

}  // namespace

void DifferentialHarness::Load(const TestCase& test) {
  native_.WriteCode(test.address, test.bytes);
  interpreted_.WriteCode(test.address, test.bytes);
  // A case depends on its seed alone, not on those before it.
  std::memset(native_.data(kDataWindow), kDataFill, kDataWritableBytes);
  std::memset(interpreted_.data(kDataWindow), kDataFill, kDataWritableBytes);
  for (const DataPatch& patch : test.patches) {
    std::memcpy(native_.data(patch.address), patch.bytes.data(),
                patch.bytes.size());
    std::memcpy(interpreted_.data(patch.address), patch.bytes.data(),
                patch.bytes.size());
  }
  std::memcpy(before_.data(), native_.data(kDataWindow), kDataWindowBytes);
}

// The second operand of BSF and BSR.
uint64_t DifferentialHarness::SourceOf(const TestCase& test) const {
  if (!test.shape.memory) {
    const uint8_t modrm = test.bytes.back();
    bool rex_b = false;
    for (uint8_t byte : test.bytes) {
      if (byte == 0x0f) break;
      if (!test.shape.code32 && (byte & 0xf0) == 0x40) rex_b = byte & 1;
    }
    return test.input.gpr[(modrm & 7) | (rex_b ? 8 : 0)];
  }
  uint64_t value = 1;
  const auto size = static_cast<size_t>(test.shape.size);
  if (test.operand >= kDataWindow &&
      test.operand + size <= kDataWindow + kDataWindowBytes) {
    value = 0;
    std::memcpy(&value, before_.data() + (test.operand - kDataWindow), size);
  }
  return value;
}

void DifferentialHarness::CompareRegisters(const TestCase& test,
                                           const Outcome& host,
                                           const Outcome& ours,
                                           StateTable* table) const {
  const MachineState& before = test.input;
  const MachineState& h = host.state;
  const MachineState& o = ours.state;
  table->Add("vector", ~0ull, static_cast<uint64_t>(host.vector),
             static_cast<uint64_t>(ours.vector));
  const bool faulted = host.faulted();
  if (host.vector == kPageFault && ours.vector == kPageFault) {
    const bool undefined_address = HasUndefinedFaultAddress(test);
    table->Add("cr2", 0, host.cr2, ours.cr2, undefined_address ? 0 : ~0ull);
    // Low memory holds the interpreter's tables: present, but not the user's.
    // So may the host's kernel, in the upper half.
    const bool present =
        undefined_address || host.cr2 < kPageTables + 0x20000 || host.cr2 >> 63;
    table->Add("error", 0, host.error, ours.error, present ? ~1ull : ~0ull);
  } else if (faulted) {
    table->Add("error", 0, host.error, ours.error);
  }
  table->Add("rip", before.rip, h.rip, o.rip);
  const bool undefined = !faulted && HasUndefinedResult(test, SourceOf(test));
  const bool undefined_registers =
      undefined || HasUndefinedRegisters(test, faulted);
  uint64_t flags = ~0ull;
  if (!faulted) flags &= ~UndefinedFlags(test);
  if (undefined) {
    const std::string_view name = test.shape.table_row().mnemonic;
    if (name != "bsf" && name != "bsr") flags &= ~kArithmeticFlags;
  }
  // Between two iterations of REP, Intel CPUs push RF as 1 (SDM vol. 3,
  // 17.3.1.1), AMD's as it is: the pushed RF is not compared.
  if (host.vector == kDebug &&
      (test.shape.table_row().attributes & kString) != 0) {
    flags &= ~uint64_t{kRf};
  }
  table->Add("rflags", before.rflags, h.rflags, o.rflags, flags);
  for (size_t i = 0; i < 16; ++i) {
    table->Add(kGprNames[i], before.gpr[i], h.gpr[i], o.gpr[i],
               undefined_registers ? 0 : ~0ull);
  }
  const FxImage& b = before.fx;
  table->Add("fcw", b.control, h.fx.control, o.fx.control);
  if (!HasUndefinedMmxState(test, faulted)) CompareX87(b, h.fx, o.fx, table);
  table->Add("mxcsr", b.mxcsr, h.fx.mxcsr, o.fx.mxcsr,
             ~UndefinedMxcsrFlags(test, host));
  for (size_t i = 0; i < 16; ++i) {
    for (size_t half = 0; half < 2; ++half) {
      table->Add("xmm" + std::to_string(i) + (half ? ".hi" : ".lo"),
                 b.xmm[i][half], h.fx.xmm[i][half], o.fx.xmm[i][half]);
    }
  }
}

void DifferentialHarness::CompareMemory(const TestCase& test, bool faulted,
                                        StateTable* table) {
  uint8_t* host = native_.data(kDataWindow);
  uint8_t* ours = interpreted_.data(kDataWindow);
  for (const MemoryRange& range : UncomparedMemory(test, faulted)) {
    if (range.address < kDataWindow ||
        range.address + range.bytes > kDataWindow + kDataWritableBytes)
      continue;
    const uint64_t at = range.address - kDataWindow;
    std::memcpy(ours + at, host + at, range.bytes);
  }
  if (std::memcmp(host, ours, kDataWindowBytes) != 0) {
    for (uint64_t at = 0; at < kDataWindowBytes; at += 8) {
      uint64_t words[3];
      std::memcpy(&words[0], before_.data() + at, 8);
      std::memcpy(&words[1], host + at, 8);
      std::memcpy(&words[2], ours + at, 8);
      char name[32];
      std::snprintf(name, sizeof(name), "[%llx]",
                    static_cast<unsigned long long>(kDataWindow + at));
      table->Add(name, words[0], words[1], words[2]);
    }
    std::memcpy(ours, host, kDataWindowBytes);
  }
}

bool DifferentialHarness::RunCase(const TestCase& test, Coverage* coverage,
                                  std::string* report) {
  Load(test);
  const Outcome host = native_.Run(test.input, test.shape.code32);
  const Outcome ours =
      interpreted_.Run(test.input, test.shape.code32, test.split);
  ++coverage->cases;
  if (host.faulted()) ++coverage->faults;
  // Back to padding.
  const std::vector<uint8_t> padding(test.bytes.size(), kPadding);
  native_.WriteCode(test.address, padding);
  interpreted_.WriteCode(test.address, padding);

  StateTable table;
  CompareRegisters(test, host, ours, &table);
  CompareMemory(test, host.faulted(), &table);
  if (!table.any()) return true;
  ++coverage->differences;
  *report = Listing(test) + "\n" + table.text() + ours.detail;
  return false;
}

Coverage DifferentialHarness::RunShape(const Shape& shape, uint64_t seed,
                                       uint64_t cases) {
  Coverage coverage;
  int shown = 0;
  for (uint64_t i = 0; i < cases; ++i) {
    const uint64_t case_seed =
        (seed * 1'000'003 + shape.row) * 0x100000001b3ull +
        (i << 8 | static_cast<uint64_t>(shape.size) << 2 |
         (shape.memory ? 2u : 0u) | (shape.code32 ? 1u : 0u));
    const std::optional<TestCase> test = BuildCase(shape, case_seed);
    if (!test) continue;
    std::string report;
    if (RunCase(*test, &coverage, &report)) continue;
    // The first ones tell; the rest are counted.
    if (++shown > kShownPerShape || reports_.size() == kShownInAll) continue;
    reports_.push_back(shape.Name() + ", seed " + std::to_string(seed) +
                       ", case " + std::to_string(i) + "\n" + report);
  }
  return coverage;
}

}  // namespace librr::pc
