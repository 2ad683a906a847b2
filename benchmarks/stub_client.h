// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A debugger's end of a connection to the stub, as simple as can be.
//
//   absl::StatusOr<StubClient> client = StubClient::Connect("./socket");
//   absl::StatusOr<std::string> answer = client->Ask("?");
#ifndef LIBRR_BENCHMARKS_STUB_CLIENT_H_
#define LIBRR_BENCHMARKS_STUB_CLIENT_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace librr::benchmarks {

class StubClient {
 public:
  // To a Unix socket; without acknowledgements from here on.
  static absl::StatusOr<StubClient> Connect(const std::string& path);
  StubClient(StubClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)) {}
  StubClient& operator=(StubClient&&) = delete;
  ~StubClient();

  // Sends a packet, waits for the answer, and returns its content.
  absl::StatusOr<std::string> Ask(const std::string& packet);

 private:
  explicit StubClient(int socket) : socket_(socket) {}

  int socket_;
  std::string received_;
};

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_STUB_CLIENT_H_
