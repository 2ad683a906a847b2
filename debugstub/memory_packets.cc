// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_decoder.h"
#include "debugstub/packet_handlers.h"

namespace librr {

Reply HandleReadMemory(StubSession& session, MemoryRange range) {
  if (range.length == 0) return Reply::Text("");
  // A shorter reply than asked for is allowed.
  std::vector<uint8_t> bytes(
      std::min<uint64_t>(range.length, kMaxPacketSize / 2));
  bytes.resize(session.ReadMemory(range.address, absl::MakeSpan(bytes)));
  // gdb says itself that it cannot read there.
  if (bytes.empty()) return Reply::Error(ErrorCode::kMemory, "");
  return Reply::Text(HexBytes(bytes));
}

Reply HandleWriteMemory(StubSession& session, const MemoryWrite& write) {
  // An empty write is how gdb finds out whether the packet is known.
  if (write.bytes.empty()) return Reply::Ok();
  DebugTarget& target = session.target();
  const absl::Status status =
      session.physical()
          ? target.WritePhysical(GuestPhysical(write.address), write.bytes)
          : target.WriteVirtual(session.vcpu(), GuestVirtual(write.address),
                                write.bytes);
  if (status.ok()) return Reply::Ok();
  return Reply::Error(ErrorCode::kRefused,
                      absl::StrCat("memory at 0x", HexNumber(write.address),
                                   " was not written: ", status.message()));
}

}  // namespace librr
