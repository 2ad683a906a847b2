// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "debugstub/hex.h"
#include "debugstub/monitor_handlers.h"
#include "debugstub/x86_page_walk.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"

namespace librr {
namespace {

constexpr uint64_t kMaxDump = 64 << 10;
constexpr size_t kMaxEvents = 1000;
constexpr size_t kBytesInLine = 16;

std::string Lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  return text;
}

std::string ModeName(absl::Span<const RegisterValue> registers) {
  const auto number = [&](const char* name) {
    return RegisterNumber(registers, name).value_or(0);
  };
  constexpr uint64_t kProtection = 1;
  constexpr uint64_t kVirtual8086 = uint64_t{1} << 17;
  constexpr uint64_t kLongMode = uint64_t{1} << 10;
  if ((number("cr0") & kProtection) == 0) return "real mode";
  if ((number("eflags") & kVirtual8086) != 0) return "virtual-8086 mode";
  const int bits = CodeBits(registers);
  if ((number("efer") & kLongMode) == 0) {
    return absl::StrCat("protected mode, ", bits, "-bit code");
  }
  return bits == 64 ? "64-bit mode"
                    : absl::StrCat("compatibility mode, ", bits, "-bit code");
}

std::string PageSize(uint64_t bytes) {
  if (bytes >= uint64_t{1} << 30) return absl::StrCat(bytes >> 30, " GiB");
  if (bytes >= uint64_t{1} << 20) return absl::StrCat(bytes >> 20, " MiB");
  return absl::StrCat(bytes >> 10, " KiB");
}

std::string Conclusion(const PageWalk& walk, uint64_t linear) {
  const std::string address = absl::StrCat("0x", HexNumber(linear));
  if (!walk.physical.has_value()) {
    return absl::StrCat(address, " is not mapped: ", walk.failure, "\n");
  }
  std::string text = absl::StrCat(address, " is physical 0x",
                                  HexNumber(walk.physical->value()));
  if (walk.page_bytes != 0) {
    absl::StrAppend(&text, ", ", PageSize(walk.page_bytes), " page, ",
                    walk.user ? "user" : "kernel", ", r",
                    walk.writable ? "w" : "-", walk.executable ? "x" : "-");
  }
  return absl::StrCat(text, "\n");
}

}  // namespace

absl::StatusOr<std::string> MonitorMode(StubSession& session,
                                        const MonitorArguments&) {
  const auto& registers = session.registers();
  const uint64_t cs = RegisterNumber(registers, "cs").value_or(0);
  const PageWalk walk = WalkPages(session.target(), registers, 0);
  const bool is_real = ModeName(registers) == "real mode";
  return absl::StrCat("vCPU ", session.vcpu(), ": ", ModeName(registers), ", ",
                      is_real ? "" : absl::StrCat("CPL ", cs & 3, ", "),
                      walk.mode, "; next instruction at linear address 0x",
                      HexNumber(CodeAddress(registers)), "\n");
}

absl::StatusOr<std::string> MonitorTranslate(
    StubSession& session, const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                         AddressArgument(session, arguments.words[0]));
  return Conclusion(WalkPages(session.target(), session.registers(), address),
                    address);
}

absl::StatusOr<std::string> MonitorPageWalk(StubSession& session,
                                            const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                         AddressArgument(session, arguments.words[0]));
  const PageWalk walk =
      WalkPages(session.target(), session.registers(), address);
  std::string text = absl::StrCat(walk.mode, "\n");
  for (const PageWalkStep& step : walk.steps) {
    absl::StrAppendFormat(&text, "%-4s entry at 0x%x: 0x%016x %s\n", step.table,
                          step.entry_at.value(), step.entry,
                          DescribeEntryBits(step.entry));
  }
  return text + Conclusion(walk, address);
}

absl::StatusOr<std::string> MonitorPhysical(StubSession& session,
                                            const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                         AddressArgument(session, arguments.words[0]));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t length,
                         NumberArgument(arguments.words[1], "a length"));
  if (length == 0 || length > kMaxDump) {
    return absl::InvalidArgumentError("the length is 1 byte to 64 KiB");
  }
  std::vector<uint8_t> bytes(length);
  LIBRR_RETURN_IF_ERROR(session.target().ReadPhysical(GuestPhysical(address),
                                                      absl::MakeSpan(bytes)));
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += kBytesInLine) {
    const size_t size = std::min(kBytesInLine, bytes.size() - i);
    absl::StrAppendFormat(&text, "%016x ", address + i);
    std::string printable;
    for (size_t j = i; j < i + size; ++j) {
      absl::StrAppendFormat(&text, " %02x", bytes[j]);
      printable.push_back(bytes[j] >= 0x20 && bytes[j] < 0x7f
                              ? static_cast<char>(bytes[j])
                              : '.');
    }
    text.append(3 * (kBytesInLine - size), ' ');
    absl::StrAppend(&text, "  ", printable, "\n");
  }
  return text;
}

absl::StatusOr<std::string> MonitorEvents(StubSession& session,
                                          const MonitorArguments& arguments) {
  DebugTarget& target = session.target();
  Position from = target.begin();
  Position to = target.end();
  if (!arguments.words.empty()) {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t number,
                           NumberArgument(arguments.words[0], "a position"));
    from = Position(number);
  }
  if (arguments.words.size() > 1) {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t number,
                           NumberArgument(arguments.words[1], "a position"));
    to = Position(number);
  }
  LIBRR_ASSIGN_OR_RETURN(std::vector<std::string> lines,
                         target.Events(from, to, kMaxEvents + 1));
  if (lines.empty()) return "no events there\n";
  if (lines.size() > kMaxEvents) {
    lines.resize(kMaxEvents);
    lines.push_back(absl::StrCat("these are the first ", kMaxEvents,
                                 "; `monitor events FROM TO` shows others"));
  }
  return Lines(lines);
}

absl::StatusOr<std::string> MonitorInfo(StubSession& session,
                                        const MonitorArguments&) {
  const DebugTarget& target = session.target();
  return absl::StrCat(target.vcpu_count(), " vCPU, ",
                      target.memory_bytes() >> 20, " MiB; positions ",
                      target.begin().value(), " to ", target.end().value(),
                      "\n", Lines(target.Information()));
}

absl::StatusOr<std::string> MonitorCheckpoints(StubSession& session,
                                               const MonitorArguments&) {
  return Lines(session.target().Checkpoints());
}

}  // namespace librr
