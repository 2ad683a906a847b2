// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/client_refusal.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "debugstub/reply.h"

namespace librr {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxClients = 8;
constexpr auto kPatience = std::chrono::seconds(2);

}  // namespace

ClientRefusals::~ClientRefusals() {
  for (const Client& client : clients_) close(client.fd);
}

void ClientRefusals::Add(int fd, std::string reason) {
  if (clients_.size() >= kMaxClients) {
    close(fd);
    return;
  }
  clients_.push_back(
      {fd, std::move(reason), Clock::now() + kPatience, {}, false});
}

void ClientRefusals::AppendTo(std::vector<pollfd>* descriptors) const {
  for (const Client& client : clients_) {
    descriptors->push_back({client.fd, POLLIN, 0});
  }
}

bool ClientRefusals::Proceed(Client* client) {
  char buffer[1024];
  ssize_t size = 0;
  while ((size = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
    if (client->answered) continue;
    client->decoder.Append({buffer, static_cast<size_t>(size)});
    while (const std::optional<ReceivedUnit> unit = client->decoder.Next()) {
      if (unit->kind != ReceivedUnit::Kind::kPacket) continue;
      const std::string answer =
          "+" + EncodePacket(Reply::ShownError(client->reason).payload());
      // A client that does not take it need not know.
      (void)!send(client->fd, answer.data(), answer.size(),
                  MSG_NOSIGNAL | MSG_DONTWAIT);
      // Closing with unread data would take the answer back.
      shutdown(client->fd, SHUT_WR);
      client->answered = true;
      break;
    }
  }
  if (size == 0) return true;
  return Clock::now() >= client->deadline;
}

void ClientRefusals::Proceed() {
  for (size_t i = 0; i < clients_.size();) {
    if (Proceed(&clients_[i])) {
      close(clients_[i].fd);
      clients_.erase(clients_.begin() + static_cast<ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

}  // namespace librr
