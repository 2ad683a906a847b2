// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_offsets.h"

#include <charconv>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/check.h"

namespace librr {
namespace {

using Field = LinuxOffsets::Field;
using Source = LinuxOffsets::Source;

// In the order of the fields.
constexpr LinuxOffsets::Description kDescriptions[] = {
    {Field::kVersion, "version", false, "LINUX_VERSION_CODE"},
    {Field::kMm, "mm", true, "task_struct.mm"},
    {Field::kNextTask, "next_task", false, "task_struct.next_task"},
    {Field::kTasks, "tasks", false, "task_struct.tasks"},
    {Field::kComm, "comm", true, "task_struct.comm"},
    {Field::kPid, "pid", true, "task_struct.pid"},
    {Field::kThread, "thread", false, "task_struct.thread"},
    {Field::kPgd, "pgd", true, "mm_struct.pgd"},
    {Field::kStackTop, "sp0", false, "thread_struct.rsp0, esp0 or sp0"},
    {Field::kFs, "fs", false, "thread_struct.fs or fsbase"},
    {Field::kThreadSize, "threadsize", false, "THREAD_SIZE"},
    {Field::kGroupLead, "grouplead", false, "task_struct.group_leader"},
    {Field::kThreadGroup, "threadgroup", false, "task_struct.thread_group"},
    {Field::kCommSize, "commsize", false, "sizeof task_struct.comm"},
    {Field::kTgid, "tgid", false, "task_struct.tgid"},
    {Field::kState, "state", false, "task_struct.state or __state"},
    {Field::kRealParent, "real_parent", false, "task_struct.real_parent"},
    {Field::kStack, "stack", false, "task_struct.stack"},
    {Field::kSavedSp, "sp", false, "thread_struct.rsp, esp or sp"},
    {Field::kSignal, "signal", false, "task_struct.signal"},
    {Field::kThreadNode, "thread_node", false, "task_struct.thread_node"},
    {Field::kThreadHead, "thread_head", false, "signal_struct.thread_head"},
    {Field::kInitTask, "init_task", false, "address of init_task"},
    {Field::kText, "text", false, "address of _text"},
};
static_assert(std::size(kDescriptions) == LinuxOffsets::kFields);

// Larger ones are mistakes: task_struct has some 10000 bytes.
constexpr uint64_t kMaxOffset = 1 << 20;
constexpr size_t kMaxTyped = 4096;
// The first versions without these fields; before, 0 is where they are.
constexpr uint64_t kVersion3 = 0x30000;

constexpr bool IsAddress(Field field) {
  return field == Field::kInitTask || field == Field::kText;
}

absl::StatusOr<uint64_t> ParseHexadecimal(absl::string_view text) {
  absl::string_view digits = text;
  if (digits.size() > 2 && digits[0] == '0' &&
      (digits[1] == 'x' || digits[1] == 'X')) {
    digits.remove_prefix(2);
  }
  uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
  if (error != std::errc() || stop != end) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a hexadecimal number"));
  }
  return value;
}

absl::StatusOr<uint64_t> ParseValue(const LinuxOffsets::Description& row,
                                    absl::string_view text) {
  absl::StatusOr<uint64_t> value = ParseHexadecimal(text);
  const bool is_offset = !IsAddress(row.field) && row.field != Field::kVersion;
  if (value.ok() && is_offset && *value > kMaxOffset) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s=%#x is too large for an offset", row.name, *value));
  }
  return value;
}

absl::Status ParseLine(absl::Span<const absl::string_view> words,
                       LinuxOffsets* offsets) {
  if (words.size() != LinuxOffsets::kLineFields) {
    return absl::InvalidArgumentError(
        absl::StrCat("the line has ", words.size(), " fields; it must have ",
                     LinuxOffsets::kLineFields));
  }
  for (size_t i = 0; i < words.size(); ++i) {
    const absl::StatusOr<uint64_t> value =
        ParseValue(kDescriptions[i], words[i]);
    if (!value.ok()) return value.status();
    if (*value != 0) {
      offsets->Set(kDescriptions[i].field, *value, Source::kTyped);
    }
  }
  const uint64_t version = offsets->value(Field::kVersion);
  if (!offsets->Has(Field::kStackTop) && version != 0 && version < kVersion3) {
    offsets->Set(Field::kStackTop, 0, Source::kTyped);
  }
  return absl::OkStatus();
}

absl::Status ParseNamed(absl::Span<const absl::string_view> words,
                        LinuxOffsets* offsets) {
  for (const absl::string_view word : words) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    const LinuxOffsets::Description* row = nullptr;
    for (const LinuxOffsets::Description& it : kDescriptions) {
      if (pair.first == it.name) row = &it;
    }
    if (row == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no field '", pair.first, "'; the fields are ",
                       absl::StrJoin(kDescriptions, " ",
                                     [](std::string* out, const auto& it) {
                                       absl::StrAppend(out, it.name);
                                     })));
    }
    if (offsets->Has(row->field)) {
      return absl::InvalidArgumentError(
          absl::StrCat(row->name, " is there twice"));
    }
    const absl::StatusOr<uint64_t> value = ParseValue(*row, pair.second);
    if (!value.ok()) return value.status();
    offsets->Set(row->field, *value, Source::kTyped);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Span<const LinuxOffsets::Description> LinuxOffsets::Descriptions() {
  return kDescriptions;
}

const LinuxOffsets::Description& LinuxOffsets::Describe(Field field) {
  const Description& row = kDescriptions[static_cast<size_t>(field)];
  LIBRR_CHECK(row.field == field);
  return row;
}

const char* LinuxOffsets::NameOf(Source source) {
  switch (source) {
    case Source::kAbsent:
      return "absent";
    case Source::kTyped:
      return "typed";
    case Source::kGuestBtf:
      return "BTF in the guest";
    case Source::kFileBtf:
      return "BTF";
    case Source::kDwarf:
      return "DWARF";
    case Source::kHeaders:
      return "headers";
    case Source::kSymbols:
      return "symbols";
    case Source::kSearched:
      return "searched";
    case Source::kAssumed:
      return "assumed";
  }
  return "?";
}

absl::StatusOr<LinuxOffsets> LinuxOffsets::Parse(std::string_view typed) {
  if (typed.size() > kMaxTyped) {
    return absl::InvalidArgumentError("the line is too long");
  }
  const std::vector<absl::string_view> all = absl::StrSplit(
      AbseilView(typed), absl::ByAnyChar(", \t\r\n\\"), absl::SkipEmpty());
  absl::Span<const absl::string_view> words = all;
  LinuxOffsets offsets;
  if (!words.empty() && words[0] == "-l") {
    offsets.is_long_ = true;
    words.remove_prefix(1);
  }
  if (words.empty()) {
    return absl::InvalidArgumentError("there are no offsets");
  }
  const bool is_named = words[0].find('=') != absl::string_view::npos;
  const absl::Status status =
      is_named ? ParseNamed(words, &offsets) : ParseLine(words, &offsets);
  if (!status.ok()) return status;
  const absl::Status complete = offsets.CheckRequired();
  if (!complete.ok()) return complete;
  return offsets;
}

void LinuxOffsets::Set(Field field, uint64_t value, Source source) {
  values_[static_cast<size_t>(field)] = {value, source};
}

absl::Status LinuxOffsets::CheckRequired() const {
  for (const Description& row : kDescriptions) {
    if (row.is_required && !Has(row.field)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the offset ", row.name, " (", row.meaning,
                       ") is missing, and nothing can be shown without it"));
    }
  }
  if (!Has(Field::kTasks) && !Has(Field::kNextTask)) {
    return absl::InvalidArgumentError(
        "one of the offsets tasks and next_task must be there: without it the "
        "list of tasks cannot be walked");
  }
  return absl::OkStatus();
}

std::string LinuxOffsets::Line() const {
  return absl::StrJoin(Descriptions().subspan(0, kLineFields), ",",
                       [this](std::string* out, const Description& row) {
                         absl::StrAppendFormat(out, "%#x", value(row.field));
                       });
}

std::string LinuxOffsets::Named() const {
  std::vector<std::string> words;
  for (const Description& row : kDescriptions) {
    if (!Has(row.field)) continue;
    words.push_back(absl::StrFormat("%s=%#x", row.name, value(row.field)));
  }
  return absl::StrJoin(words, ",");
}

}  // namespace librr
