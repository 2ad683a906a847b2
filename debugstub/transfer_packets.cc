// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "debugstub/packet_handlers.h"
#include "debugstub/transfer_object.h"

namespace librr {
namespace {

std::string Ram(const char* start, const char* length) {
  return absl::StrCat("<memory type=\"ram\" start=\"", start, "\" length=\"",
                      length, "\"/>");
}

}  // namespace

Reply HandleReadFeatures(StubSession& session, const TransferRange& range) {
  if (range.annex != "target.xml") {
    return Reply::Error(ErrorCode::kArguments, "");
  }
  return TransferPart(session.description().xml, range);
}

// gdb asks once, for virtual addresses: what is mapped changes from position to
// position, so all canonical addresses may be RAM.
Reply HandleReadMemoryMap(StubSession& session, const TransferRange& range) {
  const bool is_amd64 = session.architecture() == DebugArchitecture::kAmd64;
  return TransferPart(
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
    if (session.inferiors().Of(thread) == Inferiors::kNone) continue;
    absl::StrAppend(&list, "<thread id=\"",
                    session.inferiors().ThreadText(thread.number), "\"");
    if (thread.core >= 0) {
      absl::StrAppend(&list, " core=\"", thread.core, "\"");
    }
    absl::StrAppend(&list, " name=\"", XmlText(thread.name), "\">",
                    XmlText(thread.details), "</thread>");
  }
  return TransferPart(list + "</threads>", range);
}

}  // namespace librr
