// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A debugger that talks to a session directly, without sockets.
//
//   SessionClient client(&target);
//   EXPECT_EQ(client.Ask("qC"), "QC1");
#ifndef LIBRR_TESTS_DEBUGSTUB_SESSION_CLIENT_H_
#define LIBRR_TESTS_DEBUGSTUB_SESSION_CLIENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "debugstub/hex.h"
#include "debugstub/stub_session.h"

namespace librr {

class SessionClient : public ClientChannel {
 public:
  explicit SessionClient(DebugTarget* target, DebugArchitecture architecture =
                                                  DebugArchitecture::kAmd64)
      : session(target, architecture, this) {}

  // The last packet that answers; the text of console output on the way is in
  // `console`. "(nothing)" if there is no answer.
  std::string Ask(std::string_view payload) {
    sent.clear();
    console.clear();
    session.HandlePacket(payload);
    std::string answer = "(nothing)";
    for (const std::string& packet : sent) {
      answer = packet;
      if (packet.size() < 2 || packet[0] != 'O' || packet == "OK") continue;
      const auto bytes = ParseHexBytes(std::string_view(packet).substr(1));
      if (bytes.has_value()) console.append(bytes->begin(), bytes->end());
    }
    return answer;
  }
  // What a monitor command prints.
  std::string Monitor(std::string_view command) {
    Ask("qRcmd," + HexText(command));
    return console;
  }

  void SendPacket(std::string_view payload) override {
    sent.emplace_back(payload);
  }
  void BeginBusy() override { ++busy; }
  void EndBusy() override { --busy; }
  void Log(const std::string& line) override { log.push_back(line); }

  std::vector<std::string> sent;
  std::string console;
  std::vector<std::string> log;
  int busy = 0;
  StubSession session;
};

}  // namespace librr

#endif  // LIBRR_TESTS_DEBUGSTUB_SESSION_CLIENT_H_
