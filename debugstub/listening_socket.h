// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A socket that waits for debuggers: a port of the loopback interface, or a
// Unix socket that only its owner can open.
//
//   LIBRR_ASSIGN_OR_RETURN(ListeningSocket socket,
//                          ListeningSocket::Open("8864"));
//   const int client = socket.Accept();
#ifndef LIBRR_DEBUGSTUB_LISTENING_SOCKET_H_
#define LIBRR_DEBUGSTUB_LISTENING_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"

namespace librr {

class ListeningSocket {
 public:
  // A number is a port (0: any free one), a text with a slash a path.
  static absl::StatusOr<ListeningSocket> Open(const std::string& address);
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  // Removes the path that it has made.
  ~ListeningSocket();

  int fd() const { return fd_; }
  // What gdb's `target remote` takes.
  const std::string& address() const { return address_; }
  // A client's descriptor, close-on-exec; -1 if none waits any more.
  int Accept() const;

 private:
  ListeningSocket(int fd, std::string address, bool is_path)
      : fd_(fd), address_(std::move(address)), is_path_(is_path) {}
  static absl::StatusOr<ListeningSocket> OpenPort(int port);
  static absl::StatusOr<ListeningSocket> OpenPath(const std::string& path);

  int fd_;
  std::string address_;
  bool is_path_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_LISTENING_SOCKET_H_
