// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr lastwrite: who wrote to memory.
#include <cstdio>
#include <optional>

#include "absl/strings/str_format.h"
#include "librr/inspection.h"
#include "tools/commands.h"
#include "tools/debug_session.h"
#include "tools/exit_code.h"
#include "tools/guest_address.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/stop_signals.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr uint64_t kDefaultLength = 8;
constexpr uint64_t kMaxLength = uint64_t{1} << 30;
constexpr size_t kMaxWrites = 10'000;

constexpr Option kLastWriteTable[] = {
    {"before", 0, "P", "look at what is before position P (default: `end`)"},
    {"all", 0, "",
     "list all writes, in order of position (the last 10,000, if\n"
     "there are more)"},
    {"physical", 'p', "", "ADDR is physical (default: virtual)"},
};

// A write, and, where it was looked at, the instruction that did it.
struct Write {
  StopHit hit;
  std::string instruction;  // "0x401136: mov dword ptr [rax], 1"
};

std::string_view CauseName(StopHit::Cause cause) {
  switch (cause) {
    case StopHit::Cause::kInstruction:
      return "cpu";
    case StopHit::Cause::kPageWalker:
      return "page walker";
    case StopHit::Cause::kDevice:
      return "device";
  }
  return "";
}

std::string Hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    absl::StrAppendFormat(&text, "%02x", static_cast<uint8_t>(byte));
  }
  return text;
}

void PrintWrite(const Write& write) {
  const StopHit& hit = write.hit;
  absl::PrintF("%14d  %#018x  %s -> %s", hit.position.value(), hit.address,
               Hex(hit.old_bytes), Hex(hit.new_bytes));
  if (hit.cause != StopHit::Cause::kInstruction) {
    absl::PrintF("  (%s)", View(CauseName(hit.cause)));
  } else if (!write.instruction.empty()) {
    absl::PrintF("  %s", write.instruction);
  }
  absl::PrintF("\n");
}

void WriteJson(const Watchpoint& range, Position before,
               const std::vector<Write>& writes) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("address").Number(range.address);
  json.Key("length").Number(range.length);
  json.Key("physical").Bool(range.physical);
  json.Key("before").Number(before.value());
  json.Key("writes").BeginArray();
  for (const Write& write : writes) {
    const StopHit& hit = write.hit;
    json.BeginObject();
    json.Key("position").Number(hit.position.value());
    json.Key("cpu").Number(static_cast<uint64_t>(hit.vcpu));
    json.Key("cause").Text(CauseName(hit.cause));
    json.Key("address").Number(hit.address);
    json.Key("physical_address").Number(hit.physical.value());
    json.Key("length").Number(hit.length);
    json.Key("old").Text(Hex(hit.old_bytes));
    json.Key("new").Text(Hex(hit.new_bytes));
    if (!write.instruction.empty()) {
      json.Key("instruction").Text(write.instruction);
    }
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

absl::StatusOr<Watchpoint> RangeFrom(const Arguments& arguments,
                                     const Machine& machine) {
  const absl::StatusOr<int> vcpu = VcpuOption(arguments, machine);
  if (!vcpu.ok()) return vcpu.status();
  const std::vector<std::string>& words = arguments.words();
  const absl::StatusOr<uint64_t> address =
      ParseAddress(words[1], machine, *vcpu);
  if (!address.ok()) return address.status();
  Watchpoint range;
  range.kind = WatchKind::kAnyWrite;
  range.address = *address;
  range.length = kDefaultLength;
  if (words.size() > 2) {
    const absl::StatusOr<uint64_t> length = ParseNumber(words[2], "length");
    if (!length.ok()) return length.status();
    range.length = *length;
  }
  if (range.length == 0 || range.length > kMaxLength) {
    return absl::InvalidArgumentError(absl::StrCat(
        "length: ", range.length, " is impossible; give 1 byte to 1 GiB"));
  }
  range.physical = arguments.Has("physical");
  if (!range.physical) range.address_space = PageTableRoot(machine, *vcpu);
  return range;
}

absl::StatusOr<std::vector<Write>> FindWrites(DebugSession* session,
                                              const Watchpoint& range,
                                              size_t max) {
  Timeline* const timeline = &session->timeline();
  const StopSignals signals([timeline] { timeline->RequestStop(); });
  StopConditions conditions;
  conditions.watchpoints.push_back(range);
  session->progress().Show("searching");
  const absl::StatusOr<std::vector<StopHit>> hits =
      timeline->FindHits(conditions, Position(0), timeline->position(), max);
  session->progress().Hide();
  if (!hits.ok()) return hits.status();
  std::vector<Write> writes;
  for (const StopHit& hit : *hits) writes.push_back({hit, ""});
  // One is looked at closely; of many the positions will do.
  if (max == 1 && !writes.empty()) {
    const StopHit& hit = writes.back().hit;
    if (absl::Status status = timeline->Seek(hit.position); !status.ok()) {
      return status;
    }
    writes.back().instruction =
        DescribeNextInstruction(timeline->machine(), hit.vcpu);
  }
  return writes;
}

absl::StatusOr<int> LastWrite(const Arguments& arguments) {
  auto session = DebugSession::Open(arguments, "before");
  if (!session.ok()) return session.status();
  // Its threads have been made; it makes no others.
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
    return status;
  }
  Timeline& timeline = (*session)->timeline();
  const Position before = timeline.position();
  const absl::StatusOr<Watchpoint> range =
      RangeFrom(arguments, timeline.machine());
  if (!range.ok()) return range.status();
  const size_t max = arguments.Has("all") ? kMaxWrites : 1;
  const absl::StatusOr<std::vector<Write>> writes =
      FindWrites(session->get(), *range, max);
  if (!writes.ok()) return ReplayError(writes.status(), (*session)->trace());
  if (arguments.Has("json")) {
    WriteJson(*range, before, *writes);
  } else {
    for (const Write& write : *writes) PrintWrite(write);
  }
  std::fflush(stdout);
  if (writes->empty()) {
    Say(absl::StrCat("nothing has written to 0x", absl::Hex(range->address),
                     " before position ", before.value()));
    return kExitFalse;
  }
  Say(absl::StrCat("next: vmrr gdb ",
                   ShellWord((*session)->trace().info().path), " --at ",
                   writes->back().hit.position.value()));
  return kExitDone;
}

}  // namespace

const Command& LastWriteCommand() {
  static const Command command{
      .name = "lastwrite",
      .words = "T.vmrr ADDR [LEN]",
      .summary = "who wrote to memory last",
      .details =
          R"(Looks backwards for the step that wrote to one of LEN bytes (8 unless given)
and shows its position, what was written, and the instruction. ADDR is a number
or a register, such as rsp; virtual addresses mean what they mean at the position
where the search begins, and writes through other mappings of the same memory
count too. Exit code 1 if nothing wrote there.)",
      .examples = R"(  vmrr lastwrite boot.vmrr 0xffffffff82a1b0c8
  vmrr lastwrite boot.vmrr rsp 16 --before 1000000 --all)",
      .min_words = 2,
      .max_words = 3,
      .options = {kLastWriteTable, kCpuOption, kTimelineOptions, kJsonOption,
                  kCommonOptions},
      .run = &LastWrite};
  return command;
}

}  // namespace librr::tools
