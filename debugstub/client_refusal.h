// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Tells clients that cannot be served why not, in a way that gdb shows: its
// first packet gets a textual error, and the connection is closed. Nobody waits
// meanwhile.
//
//   ClientRefusals refusals;
//   refusals.Add(fd, "another debugger is attached");
//   refusals.AppendTo(&poll_descriptors);  poll(...);  refusals.Proceed();
//
// Belongs to one thread.
#ifndef LIBRR_DEBUGSTUB_CLIENT_REFUSAL_H_
#define LIBRR_DEBUGSTUB_CLIENT_REFUSAL_H_

#include <poll.h>

#include <chrono>
#include <string>
#include <vector>

#include "debugstub/packet_decoder.h"

namespace librr {

class ClientRefusals {
 public:
  ClientRefusals() = default;
  ClientRefusals(const ClientRefusals&) = delete;
  ClientRefusals& operator=(const ClientRefusals&) = delete;
  ~ClientRefusals();

  // Takes the descriptor.
  void Add(int fd, std::string reason);
  bool empty() const { return clients_.empty(); }
  void AppendTo(std::vector<pollfd>* descriptors) const;
  // Reads and answers what has come, without waiting.
  void Proceed();

 private:
  struct Client {
    int fd;
    std::string reason;
    std::chrono::steady_clock::time_point deadline;
    PacketDecoder decoder;
    bool answered = false;
  };

  // Whether the client is done with.
  static bool Proceed(Client* client);

  std::vector<Client> clients_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_CLIENT_REFUSAL_H_
