// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/stub_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_format.h"

namespace librr::benchmarks {

absl::StatusOr<StubClient> StubClient::Connect(const std::string& path) {
  StubClient client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError("the socket's path is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  // How the socket interface wants addresses of all families.
  if (connect(client.socket_, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    return absl::UnavailableError("cannot connect to the stub");
  }
  const absl::StatusOr<std::string> answer = client.Ask("QStartNoAckMode");
  if (!answer.ok()) return answer.status();
  if (write(client.socket_, "+", 1) != 1) {
    return absl::UnavailableError("the stub has hung up");
  }
  return client;
}

StubClient::~StubClient() {
  if (socket_ >= 0) close(socket_);
}

absl::StatusOr<std::string> StubClient::Ask(const std::string& packet) {
  unsigned sum = 0;
  for (const char c : packet) sum += static_cast<unsigned char>(c);
  const std::string framed = absl::StrFormat("$%s#%02x", packet, sum & 0xff);
  if (write(socket_, framed.data(), framed.size()) !=
      static_cast<ssize_t>(framed.size())) {
    return absl::UnavailableError("the stub has hung up");
  }
  while (true) {
    const size_t begin = received_.find('$');
    const size_t end = received_.find('#', begin);
    if (begin != std::string::npos && end != std::string::npos &&
        received_.size() >= end + 3) {
      const std::string content = received_.substr(begin + 1, end - begin - 1);
      received_.erase(0, end + 3);
      return content;
    }
    char buffer[4096];
    const ssize_t count = read(socket_, buffer, sizeof(buffer));
    if (count <= 0) return absl::UnavailableError("the stub has hung up");
    received_.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace librr::benchmarks
