// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The bytes between one client and its session: receives packets, acknowledges
// them, sends replies, and finds out when the client wants an interruption.
//
//   StubConnection connection(fd, &target, log);
//   connection.Serve(DebugArchitecture::kAmd64);   // until the client leaves
//   connection.Watch();   // now and then, on another thread
#ifndef LIBRR_DEBUGSTUB_STUB_CONNECTION_H_
#define LIBRR_DEBUGSTUB_STUB_CONNECTION_H_

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "debugstub/packet_decoder.h"
#include "debugstub/stub_session.h"

namespace librr {

class StubConnection final : public ClientChannel {
 public:
  using LogFunction = std::function<void(const std::string&)>;

  // Takes the descriptor.
  StubConnection(int fd, DebugTarget* target, LogFunction log);
  ~StubConnection() override;

  void Serve(DebugArchitecture architecture);

  // From any thread: interrupts the target if the client has sent ^C, or is
  // gone, while the target is busy.
  void Watch();
  // From any thread: makes `Serve` return.
  void HangUp();

  // ClientChannel:
  void SendPacket(std::string_view payload) override;
  void BeginBusy() override;
  void EndBusy() override;
  void Log(const std::string& line) override;

 private:
  void HandleUnit(const ReceivedUnit& unit, StubSession* session);
  void SendBytes(std::string_view bytes);
  bool WantsInterruption() const;

  const int fd_;
  DebugTarget* const target_;
  const LogFunction log_;
  PacketDecoder decoder_;
  std::string last_frame_;
  bool broken_ = false;

  std::mutex mutex_;
  bool busy_ = false;             // guarded by `mutex_`
  bool hung_up_ = false;          // guarded by `mutex_`
  bool early_interrupt_ = false;  // guarded by `mutex_`
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_STUB_CONNECTION_H_
