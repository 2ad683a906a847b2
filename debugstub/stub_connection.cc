// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/stub_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace librr {

StubConnection::StubConnection(int fd, DebugTarget* target, LogFunction log)
    : fd_(fd), target_(target), log_(std::move(log)) {}

StubConnection::~StubConnection() { close(fd_); }

void StubConnection::Serve(DebugArchitecture architecture) {
  StubSession session(target_, architecture, this);
  char buffer[4096];
  while (!broken_ && !session.finished()) {
    const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    decoder_.Append({buffer, static_cast<size_t>(size)});
    while (!broken_ && !session.finished()) {
      const std::optional<ReceivedUnit> unit = decoder_.Next();
      if (!unit.has_value()) break;
      HandleUnit(*unit, &session);
    }
  }
}

void StubConnection::HandleUnit(const ReceivedUnit& unit,
                                StubSession* session) {
  switch (unit.kind) {
    case ReceivedUnit::Kind::kPacket:
      if (!session->no_ack()) SendBytes("+");
      session->HandlePacket(unit.payload);
      break;
    case ReceivedUnit::Kind::kDamaged:
      if (session->no_ack()) {
        // The client waits for some reply.
        SendPacket(Reply::Error(ErrorCode::kArguments, "").payload());
      } else {
        SendBytes("-");
      }
      break;
    case ReceivedUnit::Kind::kNak:
      SendBytes(last_frame_);
      break;
    case ReceivedUnit::Kind::kAck:
    case ReceivedUnit::Kind::kInterrupt:  // it came too late: all is at rest
      break;
  }
}

void StubConnection::SendPacket(std::string_view payload) {
  last_frame_ = EncodePacket(payload);
  SendBytes(last_frame_);
}

void StubConnection::SendBytes(std::string_view bytes) {
  while (!bytes.empty() && !broken_) {
    const ssize_t size = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      broken_ = true;
      return;
    }
    bytes.remove_prefix(static_cast<size_t>(size));
  }
}

void StubConnection::BeginBusy() {
  const std::lock_guard lock(mutex_);
  busy_ = true;
  early_interrupt_ =
      decoder_.pending().find(kInterruptByte) != std::string_view::npos;
}

void StubConnection::EndBusy() {
  const std::lock_guard lock(mutex_);
  busy_ = false;
}

void StubConnection::Log(const std::string& line) {
  if (log_) log_(line);
}

// While the target is busy the serving thread does not read. What waits in the
// socket can be nothing but acknowledgements and ^C.
bool StubConnection::WantsInterruption() const {
  char buffer[256];
  const ssize_t size =
      recv(fd_, buffer, sizeof(buffer), MSG_PEEK | MSG_DONTWAIT);
  if (size < 0) return errno != EAGAIN && errno != EINTR;
  if (size == 0) return true;
  return std::string_view(buffer, static_cast<size_t>(size))
             .find(kInterruptByte) != std::string_view::npos;
}

void StubConnection::Watch() {
  const std::lock_guard lock(mutex_);
  if (!busy_) return;
  if (hung_up_ || early_interrupt_ || WantsInterruption()) {
    target_->Interrupt();
  }
}

void StubConnection::HangUp() {
  const std::lock_guard lock(mutex_);
  hung_up_ = true;
  shutdown(fd_, SHUT_RDWR);
  if (busy_) target_->Interrupt();
}

}  // namespace librr
