// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace librr {
namespace {

// The C interface of sockets takes every kind of address as this one.
template <typename T>
sockaddr* Generic(T* address) {
  // reinterpret_cast: how POSIX passes addresses.
  return reinterpret_cast<sockaddr*>(address);
}

absl::Status SocketError(const std::string& what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::Open(
    const std::string& address) {
  if (address.find('/') != std::string::npos) return OpenPath(address);
  int port = 0;
  if (!absl::SimpleAtoi(address, &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address,
                     "' is neither a port (0 to 65535) nor a path with a "
                     "slash in it, as ./gdb.socket"));
  }
  return OpenPort(port);
}

absl::StatusOr<ListeningSocket> ListeningSocket::OpenPort(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SocketError("cannot make a socket", errno);
  ListeningSocket result(fd, "", false);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, Generic(&name), sizeof(name)) != 0 || listen(fd, 8) != 0) {
    if (errno == EADDRINUSE) {
      return absl::AlreadyExistsError(
          absl::StrCat("port ", port,
                       " is taken by another program; choose another one, or "
                       "0 for any that is free"));
    }
    return SocketError(absl::StrCat("cannot listen on port ", port), errno);
  }
  socklen_t size = sizeof(name);
  if (getsockname(fd, Generic(&name), &size) != 0) {
    return SocketError("cannot find the port", errno);
  }
  result.address_ = absl::StrCat("localhost:", ntohs(name.sin_port));
  return result;
}

absl::StatusOr<ListeningSocket> ListeningSocket::OpenPath(
    const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof(name.sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of a socket has at most ",
                     sizeof(name.sun_path) - 1, " bytes"));
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SocketError("cannot make a socket", errno);
  ListeningSocket result(fd, path, false);
  if (bind(fd, Generic(&name), sizeof(name)) != 0) {
    if (errno == EADDRINUSE) {
      return absl::AlreadyExistsError(absl::StrCat(
          path, " exists; remove it, unless another program listens there"));
    }
    return SocketError(absl::StrCat("cannot make the socket ", path), errno);
  }
  result.is_path_ = true;
  // Nobody can connect before listen().
  if (chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || listen(fd, 8) != 0) {
    return SocketError(absl::StrCat("cannot listen on ", path), errno);
  }
  return result;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      is_path_(std::exchange(other.is_path_, false)) {}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) close(fd_);
  if (is_path_) unlink(address_.c_str());
}

int ListeningSocket::Accept() const {
  const int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return -1;
  // Packets are small, and each waits for the one before. Fails for Unix
  // sockets, which need it not.
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return client;
}

}  // namespace librr
