// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a client's: framing, packets, monitor commands. Nothing may
// crash, hang or take memory beyond a packet's.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "debugstub/packet_decoder.h"
#include "tests/debugstub/session_fixture.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static librr::FakeTarget& target =
      *new librr::FakeTarget({.processes = true});
  struct Silence final : librr::ClientChannel {
    void SendPacket(std::string_view) override {}
    void BeginBusy() override {}
    void EndBusy() override {}
    void Log(const std::string&) override {}
  } silence;
  librr::StubSession session(&target, librr::DebugArchitecture::kAmd64,
                             &silence);
  // reinterpret_cast: libFuzzer gives unsigned bytes.
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // Threads are named with their processes, or without.
  if (bytes.empty() || (bytes[0] & 2) != 0) {
    session.HandlePacket("qSupported:multiprocess+");
    session.HandlePacket("vAttach;2");
  }
  // With an odd first byte the rest is one packet, which spares the fuzzer from
  // finding checksums.
  if (!bytes.empty() && (bytes[0] & 1) != 0) {
    session.HandlePacket(bytes.substr(1));
    return 0;
  }
  librr::PacketDecoder decoder;
  decoder.Append(bytes);
  while (const std::optional<librr::ReceivedUnit> unit = decoder.Next()) {
    if (unit->kind == librr::ReceivedUnit::Kind::kPacket) {
      session.HandlePacket(unit->payload);
    }
  }
  return 0;
}
