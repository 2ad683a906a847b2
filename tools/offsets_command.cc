// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr offsets: where a kernel has the fields that a view of its tasks needs.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr/linux_offsets.h"
#include "librr/machine_memory.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/file_bytes.h"
#include "tools/headers_probe.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr Option kOffsetsTable[] = {
    {"types", 0, "NAME", "of a vmlinux: btf (where there is any) or dwarf"},
    {"system-map", 0, "FILE", "adds the addresses of a System.map"},
    {"line", 0, "OFFSETS",
     "of a trace: proves these, in either form, instead of the\n"
     "kernel's own"},
};

constexpr uint64_t kMaxSystemMap = 256 << 20;

struct Answer {
  LinuxOffsets offsets;
  // Of a trace: what the offsets show there.
  std::optional<size_t> task_count;
  std::vector<std::string> left_out;
};

bool BeginsAsElf(const std::string& path) {
  std::string magic(4, '\0');
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  const size_t size = std::fread(magic.data(), 1, magic.size(), file);
  std::fclose(file);
  return size == magic.size() && magic ==
                                     "\x7f"
                                     "ELF";
}

absl::StatusOr<LinuxTypes> TypesOption(const Arguments& arguments) {
  const std::string name = arguments.Text("types").value_or("");
  if (name.empty()) return LinuxTypes::kAny;
  if (name == "btf") return LinuxTypes::kBtf;
  if (name == "dwarf") return LinuxTypes::kDwarf;
  return absl::InvalidArgumentError(
      absl::StrCat("--types: there are btf and dwarf, not '", name, "'"));
}

absl::StatusOr<Answer> FromTrace(const Arguments& arguments) {
  Answer answer;
  const std::optional<std::string> line = arguments.Text("line");
  if (line.has_value()) {
    const absl::StatusOr<LinuxOffsets> typed = LinuxOffsets::Parse(*line);
    if (!typed.ok()) return typed.status();
    answer.offsets = *typed;
  }
  const absl::StatusOr<OpenedAt> opened = OpenAtPosition(arguments);
  if (!opened.ok()) return opened.status();
  const MachineMemory memory(&opened->replayer->machine());
  // What was asked is not so here, whatever the reason.
  const auto error = [&](const absl::Status& status) {
    return absl::AbortedError(absl::StrCat(
        "at position ", opened->replayer->machine().position().value(), ": ",
        std::string(status.message())));
  };
  if (!line.has_value()) {
    const absl::StatusOr<LinuxOffsets> found = FindLinuxOffsets(memory);
    if (!found.ok()) return error(found.status());
    answer.offsets = *found;
  }
  const absl::StatusOr<std::vector<LinuxTask>> tasks =
      ReadLinuxTasks(memory, answer.offsets, &answer.left_out);
  if (!tasks.ok()) return error(tasks.status());
  answer.task_count = tasks->size();
  return answer;
}

absl::StatusOr<Answer> FromKernel(const Arguments& arguments,
                                  const std::string& path) {
  const absl::StatusOr<LinuxTypes> types = TypesOption(arguments);
  if (!types.ok()) return types.status();
  for (const char* option : {"at", "line"}) {
    if (!arguments.Has(option)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", option, " is for traces, and ", path, " is none"));
  }
  std::error_code ignored;
  absl::StatusOr<LinuxOffsets> offsets =
      std::filesystem::is_directory(path, ignored)
          ? ProbeKernelHeaders(path)
          : ReadLinuxOffsets(path, *types);
  if (!offsets.ok()) return FromInput(offsets.status());
  const std::optional<std::string> map = arguments.Text("system-map");
  if (map.has_value()) {
    const absl::StatusOr<std::string> text = ReadFileBytes(*map, kMaxSystemMap);
    if (!text.ok()) return text.status();
    const absl::Status added = AddSystemMap(*text, &*offsets);
    if (!added.ok()) {
      return FromInput(
          absl::Status(added.code(),
                       absl::StrCat(*map, ": ", std::string(added.message()))));
    }
  }
  return Answer{
      .offsets = *offsets, .task_count = std::nullopt, .left_out = {}};
}

void WriteJson(const Answer& answer) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("line").Text(answer.offsets.Line());
  json.Key("named").Text(answer.offsets.Named());
  json.Key("offsets").BeginArray();
  for (const LinuxOffsets::Description& row : LinuxOffsets::Descriptions()) {
    if (!answer.offsets.Has(row.field)) continue;
    json.BeginObject();
    json.Key("name").Text(row.name);
    json.Key("value").Number(answer.offsets.value(row.field));
    json.Key("source").Text(
        LinuxOffsets::NameOf(answer.offsets.source(row.field)));
    json.Key("required").Bool(row.is_required);
    json.EndObject();
  }
  json.EndArray();
  if (answer.task_count.has_value()) {
    json.Key("tasks").Number(*answer.task_count);
    json.Key("left_out").BeginArray();
    for (const std::string& why : answer.left_out) json.Text(why);
    json.EndArray();
  }
  json.EndObject();
}

absl::StatusOr<int> Offsets(const Arguments& arguments) {
  const std::string& path = arguments.words()[0];
  std::error_code ignored;
  const bool is_kernel =
      std::filesystem::is_directory(path, ignored) || BeginsAsElf(path);
  if (!is_kernel && (arguments.Has("types") || arguments.Has("system-map"))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--types and --system-map are for kernels, and ", path,
                     " is none (an uncompressed vmlinux is needed)"));
  }
  const absl::StatusOr<Answer> answer =
      is_kernel ? FromKernel(arguments, path) : FromTrace(arguments);
  if (!answer.ok()) return answer.status();
  for (const std::string& why : answer->left_out) Say(why);
  if (arguments.Has("json")) {
    WriteJson(*answer);
  } else {
    absl::PrintF("%s\n%s\n", answer->offsets.Line(), answer->offsets.Named());
  }
  if (answer->task_count.has_value() && !arguments.Has("json")) {
    Say(absl::StrCat("proved: the guest has ", *answer->task_count,
                     " tasks at this position"));
  }
  return kExitDone;
}

}  // namespace

const Command& OffsetsCommand() {
  static const Command command{
      .name = "offsets",
      .words = "T.vmrr|VMLINUX|TREE",
      .summary = "where a kernel has the fields of its tasks",
      .details =
          R"(Prints two lines for `monitor linuxoffsets`: VMware's, fourteen hexadecimal
numbers with 0 for what the kernel has not, and the named form, which has more.
They are read from the kernel in the memory of a trace's guest (and proved
there), from an uncompressed kernel with BTF or DWARF, or from a configured tree
of kernel headers, against which a program is compiled ($CC, or gcc).)",
      .examples = R"(  vmrr offsets boot.vmrr --at end
  vmrr offsets boot.vmrr --at end --line 0x20614,0x80,0,0x68,...
  vmrr offsets vmlinux --types dwarf --system-map System.map
  vmrr offsets /usr/src/linux-headers-6.1.0-56-cloud-amd64)",
      .min_words = 1,
      .max_words = 1,
      .options = {kAtOption, kOffsetsTable, kReplayOptions, kJsonOption,
                  kCommonOptions},
      .run = &Offsets};
  return command;
}

}  // namespace librr::tools
