// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/debug_stub.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "debugstub/client_refusal.h"
#include "debugstub/listening_socket.h"
#include "debugstub/stub_connection.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// How often a busy target's client is looked at: well below the tenth of a
// second within which ^C is to be answered.
constexpr int kWatchMilliseconds = 15;

struct Door {
  DebugArchitecture architecture;
  ListeningSocket socket;
};

struct NewClient {
  int fd = -1;
  DebugArchitecture architecture = DebugArchitecture::kAmd64;
};

}  // namespace

// The serving thread executes; a second one accepts clients, refuses those who
// come too many, and looks for ^C while the first is busy.
class DebugStub::Impl {
 public:
  Impl(DebugTarget* target, const DebugStubOptions& options,
       std::vector<Door> doors, int wake)
      : target_(target),
        options_(options),
        doors_(std::move(doors)),
        wake_(wake) {}
  ~Impl() { close(wake_); }

  const std::string& address(DebugArchitecture architecture) const {
    static const std::string& none = *new std::string();
    for (const Door& door : doors_) {
      if (door.architecture == architecture) return door.socket.address();
    }
    return none;
  }

  absl::Status Serve() {
    std::thread gate([this] { Gate(); });
    while (const std::optional<NewClient> client = NextClient()) {
      const std::string refusal =
          StubSession::RefusalReason(*target_, client->architecture);
      if (!refusal.empty()) {
        Refuse(client->fd, refusal);
        continue;
      }
      ServeClient(*client);
      if (options_.once) break;
    }
    Stop();
    gate.join();
    stopping_ = false;
    return absl::OkStatus();
  }

  void Stop() {
    stopping_ = true;
    Wake();
  }

 private:
  void Wake() {
    const uint64_t one = 1;
    // Fails only if it is awake already.
    (void)!write(wake_, &one, sizeof(one));
  }

  void Log(const std::string& line) {
    if (options_.log) options_.log(line);
  }

  // Waits for a client; nullopt when it is time to stop.
  std::optional<NewClient> NextClient() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || next_client_.has_value(); });
    if (stopping_) return std::nullopt;
    serving_ = true;
    return std::exchange(next_client_, std::nullopt);
  }

  void ServeClient(NewClient client) {
    Log("a debugger has come");
    StubConnection connection(client.fd, target_, options_.log);
    {
      const std::lock_guard lock(mutex_);
      connection_ = &connection;
    }
    Wake();
    connection.Serve(client.architecture);
    {
      const std::lock_guard lock(mutex_);
      connection_ = nullptr;
      serving_ = false;
    }
    Log(absl::StrCat("the debugger has left, at position ",
                     target_->position().value()));
  }

  void Refuse(int fd, const std::string& reason) {
    Log("refused a debugger: " + reason);
    const std::lock_guard lock(mutex_);
    serving_ = false;
    to_refuse_.emplace_back(fd, reason);
    Wake();
  }

  // ---- the second thread ----

  void Gate() {
    ClientRefusals refusals;
    while (!stopping_) {
      WaitForNews(refusals);
      AcceptClients(&refusals);
      refusals.Proceed();
      const std::lock_guard lock(mutex_);
      for (auto& [fd, reason] : to_refuse_) refusals.Add(fd, std::move(reason));
      to_refuse_.clear();
      if (connection_ != nullptr) connection_->Watch();
    }
    const std::lock_guard lock(mutex_);
    if (connection_ != nullptr) connection_->HangUp();
    if (next_client_.has_value()) close(next_client_->fd);
    next_client_.reset();
    for (const auto& [fd, reason] : to_refuse_) close(fd);
    to_refuse_.clear();
    changed_.notify_all();
  }

  void WaitForNews(const ClientRefusals& refusals) {
    std::vector<pollfd> descriptors = {{wake_, POLLIN, 0}};
    for (const Door& door : doors_) {
      descriptors.push_back({door.socket.fd(), POLLIN, 0});
    }
    refusals.AppendTo(&descriptors);
    int timeout = -1;
    {
      const std::lock_guard lock(mutex_);
      if (connection_ != nullptr || !refusals.empty()) {
        timeout = kWatchMilliseconds;
      }
    }
    poll(descriptors.data(), descriptors.size(), timeout);
    uint64_t count = 0;
    if (descriptors[0].revents != 0) (void)!read(wake_, &count, sizeof(count));
  }

  void AcceptClients(ClientRefusals* refusals) {
    for (const Door& door : doors_) {
      for (int fd = door.socket.Accept(); fd >= 0; fd = door.socket.Accept()) {
        if (Admit({fd, door.architecture})) continue;
        Log("refused a second debugger");
        refusals->Add(fd, "another debugger is attached; one at a time");
      }
    }
  }

  bool Admit(NewClient client) {
    const std::lock_guard lock(mutex_);
    if (serving_ || next_client_.has_value()) return false;
    next_client_ = client;
    changed_.notify_all();
    return true;
  }

  DebugTarget* const target_;
  const DebugStubOptions options_;
  const std::vector<Door> doors_;
  const int wake_;
  std::atomic<bool> stopping_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by `mutex_`:
  std::optional<NewClient> next_client_;
  bool serving_ = false;
  StubConnection* connection_ = nullptr;
  std::vector<std::pair<int, std::string>> to_refuse_;
};

absl::StatusOr<std::unique_ptr<DebugStub>> DebugStub::Listen(
    DebugTarget* target, const DebugStubOptions& options) {
  std::vector<Door> doors;
  LIBRR_ASSIGN_OR_RETURN(ListeningSocket socket,
                         ListeningSocket::Open(options.address));
  doors.push_back({DebugArchitecture::kAmd64, std::move(socket)});
  if (!options.i386_address.empty()) {
    LIBRR_ASSIGN_OR_RETURN(ListeningSocket i386_socket,
                           ListeningSocket::Open(options.i386_address));
    doors.push_back({DebugArchitecture::kI386, std::move(i386_socket)});
  }
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot make an event descriptor: ", std::strerror(errno)));
  }
  return std::unique_ptr<DebugStub>(new DebugStub(
      std::make_unique<Impl>(target, options, std::move(doors), wake)));
}

DebugStub::DebugStub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DebugStub::~DebugStub() = default;

const std::string& DebugStub::address(DebugArchitecture architecture) const {
  return impl_->address(architecture);
}

absl::Status DebugStub::Serve() { return impl_->Serve(); }

void DebugStub::Stop() { impl_->Stop(); }

}  // namespace librr
