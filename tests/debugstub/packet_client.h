// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A debugger that speaks in packets, for what the real gdb never says.
//
//   PacketClient client(served.address());
//   EXPECT_EQ(client.Ask("qC"), "QC1");
#ifndef LIBRR_TESTS_DEBUGSTUB_PACKET_CLIENT_H_
#define LIBRR_TESTS_DEBUGSTUB_PACKET_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include "debugstub/packet_decoder.h"

namespace librr {

// At "localhost:PORT" or the path of a socket.
class PacketClient {
 public:
  explicit PacketClient(const std::string& address) {
    if (address[0] == '/') {
      fd_ = socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un name{};
      name.sun_family = AF_UNIX;
      std::strcpy(name.sun_path, address.c_str());
      connected_ =
          connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
    } else {
      fd_ = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in name{};
      name.sin_family = AF_INET;
      name.sin_port = htons(static_cast<uint16_t>(
          std::stoi(address.substr(address.find(':') + 1))));
      name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      connected_ =
          connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
    }
  }
  ~PacketClient() { close(fd_); }

  bool connected() const { return connected_; }
  void Send(std::string_view bytes) {
    send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // The next packet's content; "(closed)" or "(silence)" if none comes.
  std::string Receive() {
    while (true) {
      while (const auto unit = decoder_.Next()) {
        if (unit->kind != ReceivedUnit::Kind::kPacket) continue;
        return unit->payload;
      }
      pollfd descriptor = {fd_, POLLIN, 0};
      if (poll(&descriptor, 1, 10'000) <= 0) return "(silence)";
      char buffer[4096];
      const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
      if (size <= 0) return "(closed)";
      decoder_.Append({buffer, static_cast<size_t>(size)});
    }
  }
  std::string Ask(std::string_view payload) {
    Send(EncodePacket(payload));
    return Receive();
  }

 private:
  int fd_ = -1;
  bool connected_ = false;
  PacketDecoder decoder_;
};

inline double MillisecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace librr

#endif  // LIBRR_TESTS_DEBUGSTUB_PACKET_CLIENT_H_
