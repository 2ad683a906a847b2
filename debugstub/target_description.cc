// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/target_description.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "librr-core/base/abseil_view.h"

namespace librr {
namespace {

// A row stands for `count` registers: with more than one, numbers from `first`
// on are appended to both names.
struct Row {
  const char* name;
  const char* source;
  int bits;
  const char* type;
  int count = 1;
  int first = 0;
};

struct Feature {
  const char* name;
  const char* types;  // XML
  absl::Span<const Row> rows;
  bool only_if_present = false;
};

// Names of the bits: Intel SDM vol. 1, 3.4.3.
constexpr const char* kFlagTypes =
    R"(<flags id="i386_eflags" size="4">)"
    R"(<field name="CF" start="0" end="0"/><field name="" start="1" end="1"/>)"
    R"(<field name="PF" start="2" end="2"/><field name="AF" start="4" end="4"/>)"
    R"(<field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/>)"
    R"(<field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/>)"
    R"(<field name="DF" start="10" end="10"/><field name="OF" start="11" end="11"/>)"
    R"(<field name="NT" start="14" end="14"/><field name="RF" start="16" end="16"/>)"
    R"(<field name="VM" start="17" end="17"/><field name="AC" start="18" end="18"/>)"
    R"(<field name="VIF" start="19" end="19"/><field name="VIP" start="20" end="20"/>)"
    R"(<field name="ID" start="21" end="21"/></flags>)";

// Intel SDM vol. 1, 10.2.3.
constexpr const char* kSseTypes =
    R"(<vector id="v4f" type="ieee_single" count="4"/>)"
    R"(<vector id="v2d" type="ieee_double" count="2"/>)"
    R"(<vector id="v16i8" type="int8" count="16"/>)"
    R"(<vector id="v8i16" type="int16" count="8"/>)"
    R"(<vector id="v4i32" type="int32" count="4"/>)"
    R"(<vector id="v2i64" type="int64" count="2"/>)"
    R"(<union id="vec128">)"
    R"(<field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>)"
    R"(<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/>)"
    R"(<field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/>)"
    R"(<field name="uint128" type="uint128"/></union>)"
    R"(<flags id="i386_mxcsr" size="4">)"
    R"(<field name="IE" start="0" end="0"/><field name="DE" start="1" end="1"/>)"
    R"(<field name="ZE" start="2" end="2"/><field name="OE" start="3" end="3"/>)"
    R"(<field name="UE" start="4" end="4"/><field name="PE" start="5" end="5"/>)"
    R"(<field name="DAZ" start="6" end="6"/><field name="IM" start="7" end="7"/>)"
    R"(<field name="DM" start="8" end="8"/><field name="ZM" start="9" end="9"/>)"
    R"(<field name="OM" start="10" end="10"/><field name="UM" start="11" end="11"/>)"
    R"(<field name="PM" start="12" end="12"/><field name="FZ" start="15" end="15"/>)"
    R"(</flags>)";

// Intel SDM vol. 3, 2.5 (control registers) and 2.2.1 (EFER).
constexpr const char* kSystemTypes32 =
    R"(<flags id="i386_cr0" size="4">)"
    R"(<field name="PE" start="0" end="0"/><field name="MP" start="1" end="1"/>)"
    R"(<field name="EM" start="2" end="2"/><field name="TS" start="3" end="3"/>)"
    R"(<field name="ET" start="4" end="4"/><field name="NE" start="5" end="5"/>)"
    R"(<field name="WP" start="16" end="16"/><field name="AM" start="18" end="18"/>)"
    R"(<field name="NW" start="29" end="29"/><field name="CD" start="30" end="30"/>)"
    R"(<field name="PG" start="31" end="31"/></flags>)"
    R"(<flags id="i386_cr4" size="4">)"
    R"(<field name="VME" start="0" end="0"/><field name="PVI" start="1" end="1"/>)"
    R"(<field name="TSD" start="2" end="2"/><field name="DE" start="3" end="3"/>)"
    R"(<field name="PSE" start="4" end="4"/><field name="PAE" start="5" end="5"/>)"
    R"(<field name="MCE" start="6" end="6"/><field name="PGE" start="7" end="7"/>)"
    R"(<field name="PCE" start="8" end="8"/><field name="OSFXSR" start="9" end="9"/>)"
    R"(<field name="OSXMMEXCPT" start="10" end="10"/><field name="UMIP" start="11" end="11"/>)"
    R"(<field name="LA57" start="12" end="12"/><field name="FSGSBASE" start="16" end="16"/>)"
    R"(<field name="PCIDE" start="17" end="17"/><field name="OSXSAVE" start="18" end="18"/>)"
    R"(<field name="SMEP" start="20" end="20"/><field name="SMAP" start="21" end="21"/>)"
    R"(<field name="PKE" start="22" end="22"/></flags>)"
    R"(<flags id="i386_efer" size="8">)"
    R"(<field name="SCE" start="0" end="0"/><field name="LME" start="8" end="8"/>)"
    R"(<field name="LMA" start="10" end="10"/><field name="NXE" start="11" end="11"/>)"
    R"(</flags>)";

constexpr Row kFpuRows[] = {
    {"st", "st", 80, "i387_ext", 8}, {"fctrl", "fctrl", 32, "int"},
    {"fstat", "fstat", 32, "int"},   {"ftag", "ftag", 32, "int"},
    {"fiseg", "fiseg", 32, "int"},   {"fioff", "fioff", 32, "int"},
    {"foseg", "foseg", 32, "int"},   {"fooff", "fooff", 32, "int"},
    {"fop", "fop", 32, "int"},
};

constexpr Row kAmd64Rows[] = {
    {"rax", "rax", 64, "int64"},
    {"rbx", "rbx", 64, "int64"},
    {"rcx", "rcx", 64, "int64"},
    {"rdx", "rdx", 64, "int64"},
    {"rsi", "rsi", 64, "int64"},
    {"rdi", "rdi", 64, "int64"},
    {"rbp", "rbp", 64, "data_ptr"},
    {"rsp", "rsp", 64, "data_ptr"},
    {"r", "r", 64, "int64", 8, 8},
    {"rip", "rip", 64, "code_ptr"},
    {"eflags", "eflags", 32, "i386_eflags"},
    {"cs", "cs", 32, "int32"},
    {"ss", "ss", 32, "int32"},
    {"ds", "ds", 32, "int32"},
    {"es", "es", 32, "int32"},
    {"fs", "fs", 32, "int32"},
    {"gs", "gs", 32, "int32"},
};
constexpr Row kAmd64SseRows[] = {{"xmm", "xmm", 128, "vec128", 16},
                                 {"mxcsr", "mxcsr", 32, "i386_mxcsr"}};
// gdb's name for the number of the system call that was interrupted: a matter
// of Linux's own bookkeeping, which no CPU has.
constexpr Row kAmd64LinuxRows[] = {{"orig_rax", "", 64, "int"}};
constexpr Row kAmd64SegmentRows[] = {{"fs_base", "fs_base", 64, "int"},
                                     {"gs_base", "gs_base", 64, "int"}};
constexpr Row kAmd64SystemRows[] = {
    {"k_gs_base", "k_gs_base", 64, "int64"},
    {"cs_base", "cs_base", 64, "int64"},
    {"ss_base", "ss_base", 64, "int64"},
    {"ds_base", "ds_base", 64, "int64"},
    {"es_base", "es_base", 64, "int64"},
    {"gdt_base", "gdt_base", 64, "int64"},
    {"gdt_limit", "gdt_limit", 32, "int32"},
    {"idt_base", "idt_base", 64, "int64"},
    {"idt_limit", "idt_limit", 32, "int32"},
    {"ldtr", "ldtr", 32, "int32"},
    {"tr", "tr", 32, "int32"},
    {"tr_base", "tr_base", 64, "int64"},
    {"cr0", "cr0", 32, "i386_cr0"},
    {"cr2", "cr2", 64, "int64"},
    {"cr3", "cr3", 64, "int64"},
    {"cr4", "cr4", 32, "i386_cr4"},
    {"cr8", "cr8", 64, "int64"},
    {"efer", "efer", 64, "i386_efer"},
};

constexpr Row kI386Rows[] = {
    {"eax", "rax", 32, "int32"},    {"ecx", "rcx", 32, "int32"},
    {"edx", "rdx", 32, "int32"},    {"ebx", "rbx", 32, "int32"},
    {"esp", "rsp", 32, "data_ptr"}, {"ebp", "rbp", 32, "data_ptr"},
    {"esi", "rsi", 32, "int32"},    {"edi", "rdi", 32, "int32"},
    {"eip", "rip", 32, "code_ptr"}, {"eflags", "eflags", 32, "i386_eflags"},
    {"cs", "cs", 32, "int32"},      {"ss", "ss", 32, "int32"},
    {"ds", "ds", 32, "int32"},      {"es", "es", 32, "int32"},
    {"fs", "fs", 32, "int32"},      {"gs", "gs", 32, "int32"},
};
constexpr Row kI386SseRows[] = {{"xmm", "xmm", 128, "vec128", 8},
                                {"mxcsr", "mxcsr", 32, "i386_mxcsr"}};
constexpr Row kI386LinuxRows[] = {{"orig_eax", "", 32, "int"}};
// gdb knows segment bases of amd64 only; here they are a machine's own.
constexpr Row kI386SystemRows[] = {
    {"fs_base", "fs_base", 32, "int32"},
    {"gs_base", "gs_base", 32, "int32"},
    {"cs_base", "cs_base", 32, "int32"},
    {"ss_base", "ss_base", 32, "int32"},
    {"ds_base", "ds_base", 32, "int32"},
    {"es_base", "es_base", 32, "int32"},
    {"gdt_base", "gdt_base", 32, "int32"},
    {"gdt_limit", "gdt_limit", 32, "int32"},
    {"idt_base", "idt_base", 32, "int32"},
    {"idt_limit", "idt_limit", 32, "int32"},
    {"ldtr", "ldtr", 32, "int32"},
    {"tr", "tr", 32, "int32"},
    {"tr_base", "tr_base", 32, "int32"},
    {"cr0", "cr0", 32, "i386_cr0"},
    {"cr2", "cr2", 32, "int32"},
    {"cr3", "cr3", 32, "int32"},
    {"cr4", "cr4", 32, "i386_cr4"},
    {"efer", "efer", 64, "i386_efer"},
};

// The order of features fixes the registers' numbers. The two spans of a core
// feature belong to one XML element.
struct Layout {
  const char* architecture;
  absl::Span<const Row> general;
  absl::Span<const Row> sse;
  absl::Span<const Row> linux_rows;
  absl::Span<const Row> segments;
  absl::Span<const Row> system;
  const char* pc;
  const char* sp;
  const char* fp;
};

constexpr Layout kAmd64Layout = {"i386:x86-64",
                                 kAmd64Rows,
                                 kAmd64SseRows,
                                 kAmd64LinuxRows,
                                 kAmd64SegmentRows,
                                 kAmd64SystemRows,
                                 "rip",
                                 "rsp",
                                 "rbp"};
constexpr Layout kI386Layout = {"i386",         kI386Rows, kI386SseRows,
                                kI386LinuxRows, {},        kI386SystemRows,
                                "eip",          "esp",     "ebp"};

const RegisterValue* FindValue(absl::Span<const RegisterValue> values,
                               std::string_view name) {
  for (const RegisterValue& value : values) {
    if (value.name == name) return &value;
  }
  return nullptr;
}

class Builder {
 public:
  Builder(const char* architecture, absl::Span<const RegisterValue> present)
      : present_(present) {
    absl::StrAppend(
        &description_.xml,
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
        "<target version=\"1.0\"><architecture>",
        architecture, "</architecture><osabi>GNU/Linux</osabi>");
  }

  void BeginFeature(const char* name, const char* types) {
    absl::StrAppend(&description_.xml, "<feature name=\"", name, "\">", types);
  }
  void EndFeature() { absl::StrAppend(&description_.xml, "</feature>"); }

  void Add(absl::Span<const Row> rows, bool only_if_present) {
    for (const Row& row : rows) {
      for (int i = 0; i < row.count; ++i) {
        const std::string suffix =
            row.count > 1 ? absl::StrCat(row.first + i) : "";
        AddOne(row, suffix, only_if_present);
      }
    }
  }

  TargetDescription Take(const Layout& layout) {
    description_.xml += "</target>";
    description_.pc = Number(layout.pc);
    description_.sp = Number(layout.sp);
    description_.fp = Number(layout.fp);
    return std::move(description_);
  }

 private:
  void AddOne(const Row& row, const std::string& suffix, bool only_if_present) {
    const std::string source =
        row.source[0] == '\0' ? "" : absl::StrCat(row.source, suffix);
    if (only_if_present && FindValue(present_, source) == nullptr) return;
    const std::string name = absl::StrCat(row.name, suffix);
    absl::StrAppend(&description_.xml, "<reg name=\"", name, "\" bitsize=\"",
                    row.bits, "\" type=\"", row.type, "\" regnum=\"",
                    description_.registers.size(), "\"/>");
    description_.registers.push_back(
        {name, source, static_cast<size_t>(row.bits / 8)});
  }

  size_t Number(std::string_view name) const {
    const auto& registers = description_.registers;
    const auto found =
        std::find_if(registers.begin(), registers.end(),
                     [&](const auto& r) { return r.name == name; });
    return static_cast<size_t>(found - registers.begin());
  }

  absl::Span<const RegisterValue> present_;
  TargetDescription description_;
};

}  // namespace

TargetDescription DescribeTarget(DebugArchitecture architecture,
                                 absl::Span<const RegisterValue> present) {
  const Layout& layout =
      architecture == DebugArchitecture::kAmd64 ? kAmd64Layout : kI386Layout;
  Builder builder(layout.architecture, present);
  builder.BeginFeature("org.gnu.gdb.i386.core", kFlagTypes);
  builder.Add(layout.general, false);
  builder.Add(kFpuRows, false);
  builder.EndFeature();
  builder.BeginFeature("org.gnu.gdb.i386.sse", kSseTypes);
  builder.Add(layout.sse, false);
  builder.EndFeature();
  // Without this one gdb knows neither Linux's signal frames nor its
  // thread-local storage.
  builder.BeginFeature("org.gnu.gdb.i386.linux", "");
  builder.Add(layout.linux_rows, false);
  builder.EndFeature();
  if (!layout.segments.empty()) {
    builder.BeginFeature("org.gnu.gdb.i386.segments", "");
    builder.Add(layout.segments, false);
    builder.EndFeature();
  }
  builder.BeginFeature("org.librr.x86.system", kSystemTypes32);
  builder.Add(layout.system, true);
  builder.EndFeature();
  return builder.Take(layout);
}

std::string RegisterText(const DescribedRegister& described,
                         absl::Span<const RegisterValue> values) {
  const RegisterValue* value =
      described.source.empty() ? nullptr : FindValue(values, described.source);
  if (value == nullptr) return std::string(2 * described.bytes, 'x');
  std::vector<uint8_t> bytes = value->bytes;
  bytes.resize(described.bytes);
  return HexBytes(bytes);
}

}  // namespace librr
