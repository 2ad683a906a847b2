// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/type_offsets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/btf_types.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/kernel_file.h"
#include "linux-introspect/kernel_image.h"

namespace librr {

using OffsetField = LinuxOffsets::Field;
using Source = LinuxOffsets::Source;

namespace linux_guest {
namespace {

struct Member {
  OffsetField field;
  std::string_view aggregate;
  // Names of one thing in the order of the kernels that have them.
  std::initializer_list<std::string_view> names;
};

const Member kMembers[] = {
    {OffsetField::kMm, "task_struct", {"mm"}},
    {OffsetField::kNextTask, "task_struct", {"next_task"}},
    {OffsetField::kTasks, "task_struct", {"tasks"}},
    {OffsetField::kComm, "task_struct", {"comm"}},
    {OffsetField::kPid, "task_struct", {"pid"}},
    {OffsetField::kThread, "task_struct", {"thread"}},
    {OffsetField::kPgd, "mm_struct", {"pgd"}},
    {OffsetField::kStackTop, "thread_struct", {"rsp0", "esp0", "sp0"}},
    {OffsetField::kFs, "thread_struct", {"fs", "fsbase"}},
    {OffsetField::kGroupLead, "task_struct", {"group_leader"}},
    {OffsetField::kThreadGroup, "task_struct", {"thread_group"}},
    {OffsetField::kTgid, "task_struct", {"tgid"}},
    {OffsetField::kState, "task_struct", {"state", "__state"}},
    {OffsetField::kRealParent, "task_struct", {"real_parent"}},
    {OffsetField::kStack, "task_struct", {"stack"}},
    {OffsetField::kSavedSp, "thread_struct", {"rsp", "esp", "sp"}},
    {OffsetField::kSignal, "task_struct", {"signal"}},
    {OffsetField::kThreadNode, "task_struct", {"thread_node"}},
    {OffsetField::kThreadHead, "signal_struct", {"thread_head"}},
};

// What came with these versions.
constexpr uint64_t kThreadUnions = 0x20600;  // stacks that are configurable
constexpr uint64_t kThreadGroups = 0x20611;  // lists of a process's threads

// The first symbol that there is.
std::optional<uint64_t> AnySymbol(
    const KernelFacts& facts, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::optional<uint64_t> address = facts.symbol(name);
    if (address.has_value()) return address;
  }
  return std::nullopt;
}

void SetThreadSize(const KernelFacts& facts, LinuxOffsets* offsets) {
  constexpr uint64_t kOldSize = 0x2000;
  const auto field = OffsetField::kThreadSize;
  const std::optional<uint64_t> probed = facts.symbol(kProbedThreadSize);
  if (probed.has_value()) {
    offsets->Set(field, *probed, facts.types_source);
    return;
  }
  const absl::StatusOr<Field> stack =
      facts.types->FindField("thread_union", "stack");
  if (stack.ok() && stack->size != 0) {
    offsets->Set(field, stack->size, facts.types_source);
    return;
  }
  const std::optional<uint64_t> begin =
      AnySymbol(facts, {"__start_init_stack", "__start_init_task"});
  const std::optional<uint64_t> end =
      AnySymbol(facts, {"__end_init_stack", "__end_init_task"});
  if (begin.has_value() && end.has_value() && *begin < *end) {
    offsets->Set(field, *end - *begin, Source::kSymbols);
    return;
  }
  const uint64_t version = offsets->value(OffsetField::kVersion);
  if (version != 0 && version < kThreadUnions) {
    offsets->Set(field, kOldSize, Source::kAssumed);
  }
}

// Takes "6.1.192" off the front; all three numbers must be there.
std::optional<std::array<uint32_t, 3>> ParseVersion(std::string_view text) {
  std::array<uint32_t, 3> parts;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) {
      if (at == end || *at != '.') return std::nullopt;
      ++at;
    }
    const auto [stop, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc()) return std::nullopt;
    at = stop;
  }
  return parts;
}

}  // namespace

std::optional<uint64_t> VersionCodeOf(std::string_view banner) {
  if (!banner.starts_with(kBannerStart)) return std::nullopt;
  banner.remove_prefix(kBannerStart.size());
  std::optional<std::array<uint32_t, 3>> version = ParseVersion(banner);
  if (!version.has_value()) return std::nullopt;
  // The compiler's version is before the number, and may be alike.
  const size_t number = banner.rfind('#');
  if (number != std::string_view::npos) {
    for (const absl::string_view word :
         absl::StrSplit(AbseilView(banner.substr(number)), ' ')) {
      const auto exact = ParseVersion({word.data(), word.size()});
      if (exact.has_value() && (*exact)[0] == (*version)[0] &&
          (*exact)[1] == (*version)[1]) {
        version = exact;
      }
    }
  }
  // As KERNEL_VERSION() has it.
  const auto [major, minor, patch] = *version;
  return uint64_t{major} << 16 | std::min(minor, 255u) << 8 |
         std::min(patch, 255u);
}

LinuxOffsets OffsetsFromTypes(const KernelFacts& facts) {
  LinuxOffsets offsets;
  const std::optional<uint64_t> probed = facts.symbol(kProbedVersion);
  const std::optional<uint64_t> version = VersionCodeOf(facts.banner);
  if (probed.has_value()) {
    offsets.Set(OffsetField::kVersion, *probed, facts.types_source);
  } else if (version.has_value()) {
    offsets.Set(OffsetField::kVersion, *version, Source::kSymbols);
  }
  for (const Member& member : kMembers) {
    for (const std::string_view name : member.names) {
      const absl::StatusOr<Field> field =
          facts.types->FindField(member.aggregate, name);
      if (!field.ok()) continue;
      offsets.Set(member.field, field->offset, facts.types_source);
      if (member.field == OffsetField::kComm && field->size != 0) {
        offsets.Set(OffsetField::kCommSize, field->size, facts.types_source);
      }
      break;
    }
  }
  // Kernels before had one of the two, and no such list.
  const uint64_t code = offsets.value(OffsetField::kVersion);
  if (code != 0 && code < kThreadGroups) {
    offsets.Clear(OffsetField::kGroupLead);
    offsets.Clear(OffsetField::kThreadGroup);
  }
  SetThreadSize(facts, &offsets);
  const std::optional<uint64_t> init_task = facts.symbol("init_task");
  const std::optional<uint64_t> text = AnySymbol(facts, {"_text", "_stext"});
  if (init_task.has_value()) {
    offsets.Set(OffsetField::kInitTask, *init_task, Source::kSymbols);
  }
  if (text.has_value()) {
    offsets.Set(OffsetField::kText, *text, Source::kSymbols);
  }
  return offsets;
}

LinuxOffsets OffsetsOf(const Kernel& kernel) {
  return OffsetsFromTypes(
      {.types = &kernel.types(),
       .types_source = kernel.description().parts().types.source,
       .symbol = [&](std::string_view name) -> std::optional<uint64_t> {
         const absl::StatusOr<uint64_t> address = kernel.Symbol(name);
         if (!address.ok()) return std::nullopt;
         return *address;
       },
       .banner = kernel.banner()});
}

}  // namespace linux_guest

absl::StatusOr<LinuxOffsets> FindLinuxOffsets(const MemoryReader& memory) {
  const absl::StatusOr<linux_guest::Kernel> kernel =
      linux_guest::Kernel::Find(&memory);
  if (!kernel.ok()) {
    return absl::Status(
        kernel.status().code(),
        absl::StrCat(std::string(kernel.status().message()),
                     "; `vmrr offsets` makes a line from the kernel's vmlinux "
                     "or headers, to be typed"));
  }
  const LinuxOffsets offsets = linux_guest::OffsetsOf(*kernel);
  LIBRR_RETURN_IF_ERROR(offsets.CheckRequired());
  return offsets;
}

absl::StatusOr<LinuxOffsets> ReadLinuxOffsets(const std::string& path,
                                              LinuxTypes types) {
  LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<linux_guest::KernelFile> file,
                         linux_guest::KernelFile::Open(path));
  const absl::StatusOr<const linux_guest::TypeSource*> source =
      file->OpenTypes(types);
  if (!source.ok()) {
    return absl::Status(
        source.status().code(),
        absl::StrCat(path, ": ", std::string(source.status().message())));
  }
  const bool is_probe = file->Symbol(linux_guest::kProbedVersion).has_value();
  const LinuxOffsets offsets = linux_guest::OffsetsFromTypes(
      {.types = *source,
       .types_source = is_probe            ? Source::kHeaders
                       : file->has_dwarf() ? Source::kDwarf
                                           : Source::kFileBtf,
       .symbol = [&](std::string_view name) { return file->Symbol(name); },
       .banner = file->Banner()});
  const absl::Status complete = offsets.CheckRequired();
  if (complete.ok()) return offsets;
  return absl::NotFoundError(
      absl::StrCat(path, ": ", std::string(complete.message())));
}

absl::Status AddSystemMap(std::string_view text, LinuxOffsets* offsets) {
  constexpr size_t kMaxLines = 10'000'000;
  bool has_any = false;
  size_t lines = 0;
  for (const absl::string_view line : absl::StrSplit(AbseilView(text), '\n')) {
    if (++lines > kMaxLines) break;
    // "ffffffff82a1aa40 D init_task"
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() != 3 || (words[2] != "init_task" && words[2] != "_text")) {
      continue;
    }
    uint64_t address = 0;
    const char* const end = words[0].data() + words[0].size();
    const auto [stop, error] =
        std::from_chars(words[0].data(), end, address, 16);
    // A copy of /proc/kallsyms that has been made without root has only zeros.
    if (error != std::errc() || stop != end || address == 0) continue;
    offsets->Set(
        words[2] == "init_task" ? OffsetField::kInitTask : OffsetField::kText,
        address, Source::kSymbols);
    has_any = true;
  }
  if (has_any) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "no line has the address of init_task or _text, as a System.map has");
}

}  // namespace librr
