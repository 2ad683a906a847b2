// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/packet_table.h"

#include <optional>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_arguments.h"
#include "debugstub/packet_decoder.h"
#include "debugstub/packet_handlers.h"
#include "librr-core/base/abseil_view.h"

namespace librr {
namespace {

struct PacketRow {
  std::string_view name;        // with the separator before its arguments
  std::string_view capability;  // in qSupported; empty: needs no announcement
  bool is_whole;                // takes no arguments: nothing may follow
  Reply (*handle)(StubSession& session, std::string_view name,
                  std::string_view arguments);
};

// Parses and, if that succeeds, acts.
template <auto kParse, auto kHandle>
Reply Run(StubSession& session, std::string_view name,
          std::string_view arguments) {
  const auto parsed = kParse(arguments);
  if (!parsed.has_value()) {
    return Reply::Error(ErrorCode::kArguments,
                        absl::StrCat("the packet '", AbseilView(name),
                                     "' has impossible arguments"));
  }
  return kHandle(session, *parsed);
}

template <auto kParse, auto kHandle>
constexpr PacketRow Row(std::string_view name, std::string_view capability) {
  using Parsed = decltype(kParse(std::string_view()));
  return {name, capability, std::is_same_v<Parsed, std::optional<NoArguments>>,
          &Run<kParse, kHandle>};
}

// The first row whose name begins the packet counts.
// GDB manual, "E.2 Packets", "E.4 General Query Packets"; QEMU's own packets:
// QEMU manual, "GDB usage".
constexpr PacketRow kPackets[] = {
    // parser, handler, the packet's name, what qSupported announces
    Row<ParseText, HandleSupported>("qSupported", ""),
    Row<ParseNoArguments, HandleNoAckMode>("QStartNoAckMode",
                                           "QStartNoAckMode+"),
    Row<ParseNoArguments, HandleStopReason>("?", ""),
    Row<ParseText, HandleAttached>("qAttached", ""),
    Row<ParseNoArguments, HandleExtendedMode>("!", ""),
    Row<ParseProcess, HandleAttach>("vAttach;", ""),
    Row<ParseText, HandleDetach>("D", ""),
    Row<ParseNoArguments, HandleKill>("k", ""),
    Row<ParseProcess, HandleKillProcess>("vKill;", ""),

    Row<ParseThreadSelection, HandleThreadSelection>("H", ""),
    Row<ParseThread, HandleThreadAlive>("T", ""),
    Row<ParseNoArguments, HandleCurrentThread>("qC", ""),
    Row<ParseNoArguments, HandleFirstThreads>("qfThreadInfo", ""),
    Row<ParseNoArguments, HandleMoreThreads>("qsThreadInfo", ""),
    Row<ParseThread, HandleThreadExtraInfo>("qThreadExtraInfo,", ""),

    Row<ParseNoArguments, HandleReadRegisters>("g", ""),
    Row<ParseRegisterNumber, HandleReadRegister>("p", ""),
    Row<ParseBytes, HandleWriteRegisters>("G", ""),
    Row<ParseRegisterWrite, HandleWriteRegister>("P", ""),
    Row<ParseMemoryRange, HandleReadMemory>("m", ""),
    Row<ParseMemoryWrite, HandleWriteMemory>("M", ""),
    Row<ParseBinaryWrite, HandleWriteMemory>("X", ""),

    Row<ParseNoArguments, HandleResumeQuery>("vCont?", "vContSupported+"),
    Row<ParseResumeActions, HandleResume>("vCont;", ""),
    Row<ParseNoArguments, HandleContinue>("c", ""),
    Row<ParseNoArguments, HandleStep>("s", ""),
    Row<ParseNoArguments, HandleReverseContinue>("bc", "ReverseContinue+"),
    Row<ParseNoArguments, HandleReverseStep>("bs", "ReverseStep+"),
    Row<ParseStopPoint, HandleInsert>("Z", "swbreak+;hwbreak+"),
    Row<ParseStopPoint, HandleRemove>("z", ""),

    Row<ParseTransferRange, HandleReadFeatures>("qXfer:features:read:",
                                                "qXfer:features:read+"),
    Row<ParseTransferRange, HandleReadMemoryMap>("qXfer:memory-map:read:",
                                                 "qXfer:memory-map:read+"),
    Row<ParseTransferRange, HandleReadThreads>("qXfer:threads:read:",
                                               "qXfer:threads:read+"),
    Row<ParseTransferRange, HandleReadAuxv>("qXfer:auxv:read:",
                                            "qXfer:auxv:read+"),
    Row<ParseTransferRange, HandleReadExecutable>("qXfer:exec-file:read:",
                                                  "qXfer:exec-file:read+"),
    Row<ParseTransferRange, HandleReadLibraries>("qXfer:libraries-svr4:read:",
                                                 "qXfer:libraries-svr4:read+"),
    Row<ParseTransferRange, HandleReadOsData>("qXfer:osdata:read:",
                                              "qXfer:osdata:read+"),

    Row<ParseNoArguments, HandlePhysicalModeSupported>("qqemu.Supported", ""),
    Row<ParseNoArguments, HandlePhysicalModeQuery>("qqemu.PhyMemMode", ""),
    Row<ParseSwitch, HandleSetPhysicalMode>("Qqemu.PhyMemMode:", ""),
    Row<ParseHexText, HandleMonitor>("qRcmd,", ""),
};

bool Matches(const PacketRow& row, std::string_view payload) {
  return row.is_whole ? payload == row.name
                      : payload.substr(0, row.name.size()) == row.name;
}

}  // namespace

Reply DispatchPacket(StubSession& session, std::string_view payload) {
  for (const PacketRow& row : kPackets) {
    if (Matches(row, payload)) {
      return row.handle(session, row.name, payload.substr(row.name.size()));
    }
  }
  return Reply::Unknown();
}

std::string Capabilities() {
  std::string text = absl::StrCat("PacketSize=", HexNumber(kMaxPacketSize));
  for (const PacketRow& row : kPackets) {
    if (row.capability.empty()) continue;
    absl::StrAppend(&text, ";", AbseilView(row.capability));
  }
  return text;
}

}  // namespace librr
