// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_decoder.h"
#include "debugstub/packet_handlers.h"

namespace librr {
namespace {

// A part of an object: 'm' if more follows, 'l' if it is the last.
Reply Part(const std::string& object, const TransferRange& range) {
  if (range.offset > object.size()) {
    return Reply::Error(ErrorCode::kArguments, "");
  }
  // Half a packet, since any byte may need an escape.
  const uint64_t length =
      std::min<uint64_t>(range.length, kMaxPacketSize / 2 - 1);
  const std::string part = object.substr(range.offset, length);
  const bool is_last = range.offset + part.size() == object.size();
  return Reply::Text((is_last ? "l" : "m") + part);
}

std::string Ram(const char* start, const char* length) {
  return absl::StrCat("<memory type=\"ram\" start=\"", start, "\" length=\"",
                      length, "\"/>");
}

// Names come from the guest: only what XML takes as it is gets through.
std::string XmlText(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    const bool is_plain =
        c >= ' ' && c <= '~' && c != '<' && c != '>' && c != '&' && c != '"';
    safe.push_back(is_plain ? c : '?');
  }
  return safe;
}

}  // namespace

Reply HandleReadFeatures(StubSession& session, const TransferRange& range) {
  if (range.annex != "target.xml") {
    return Reply::Error(ErrorCode::kArguments, "");
  }
  return Part(session.description().xml, range);
}

// gdb asks once, for virtual addresses: what is mapped changes from position to
// position, so all canonical addresses may be RAM.
Reply HandleReadMemoryMap(StubSession& session, const TransferRange& range) {
  const bool is_amd64 = session.architecture() == DebugArchitecture::kAmd64;
  return Part(
      absl::StrCat("<?xml version=\"1.0\"?><!DOCTYPE memory-map PUBLIC "
                   "\"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
                   "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">"
                   "<memory-map>",
                   is_amd64 ? Ram("0x0", "0x800000000000") +
                                  Ram("0xffff800000000000", "0x800000000000")
                            : Ram("0x0", "0x100000000"),
                   "</memory-map>"),
      range);
}

Reply HandleReadThreads(StubSession& session, const TransferRange& range) {
  std::string list = "<?xml version=\"1.0\"?><threads>";
  for (const TargetThread& thread : session.target().Threads()) {
    absl::StrAppend(&list, "<thread id=\"",
                    HexNumber(StubSession::ThreadOf(thread.number)), "\"");
    if (thread.core >= 0) {
      absl::StrAppend(&list, " core=\"", thread.core, "\"");
    }
    absl::StrAppend(&list, " name=\"", XmlText(thread.name), "\">",
                    XmlText(thread.details), "</thread>");
  }
  return Part(list + "</threads>", range);
}

}  // namespace librr
