// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Lets gdb (or anything else that speaks its remote protocol) walk along the
// history of a target, forwards and backwards.
//
//   LIBRR_ASSIGN_OR_RETURN(auto stub, DebugStub::Listen(&target,
//                          {.address = "8864"}));
//   std::cerr << "target remote " << stub->address() << "\n";
//   stub->Serve();  // until `Stop`, from another thread
//
// One client at a time is served; others are told so. The target stays where
// it is when a client leaves, and the next one finds it there. Ports are those
// of the loopback interface: whoever connects can read all of the guest's
// memory. A Unix socket is accessible to its owner only.
#ifndef LIBRR_DEBUG_STUB_H_
#define LIBRR_DEBUG_STUB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/debug_target.h"

namespace librr {

// The register set that gdb is shown. gdb fixes it per connection, whatever
// mode the CPU is in.
enum class DebugArchitecture : uint8_t { kAmd64, kI386 };

struct DebugStubOptions {
  // Where clients find the amd64 registers: a port ("0" is any free one), or
  // the path of a Unix socket, which has a slash in it and must not exist.
  std::string address = "8864";
  // The same for the i386 registers; empty: nowhere. Clients are refused there
  // while the CPU is in 64-bit code.
  std::string i386_address = "";
  // Told in a line who comes and goes and what was refused; may be empty.
  // Called on the serving thread and on the one that accepts clients.
  std::function<void(const std::string&)> log = nullptr;
  // `Serve` returns when the first client has left.
  bool once = false;
};

class DebugStub {
 public:
  // AlreadyExists if the port or path is taken, InvalidArgument if it is none.
  // `target` must outlive the stub.
  static absl::StatusOr<std::unique_ptr<DebugStub>> Listen(
      DebugTarget* target, const DebugStubOptions& options);
  // Closes the socket, and removes that of a path.
  ~DebugStub();

  // What to give to gdb's `target remote`: "localhost:8864", or the path. Empty
  // if there is none for this architecture.
  const std::string& address(
      DebugArchitecture architecture = DebugArchitecture::kAmd64) const;

  // Serves clients, one after another, on the calling thread.
  absl::Status Serve();
  // Makes `Serve` return. Callable from any thread, and from a signal handler.
  void Stop();

 private:
  class Impl;
  explicit DebugStub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace librr

#endif  // LIBRR_DEBUG_STUB_H_
