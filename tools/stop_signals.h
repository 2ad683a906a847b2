// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Turns ^C and termination signals into a clean stop.
//
//   StopSignals signals([&] { recorder->RequestStop(); });
//   ... signals.flag() for what looks at a flag ...
//
// The library installs no handlers; this belongs to the program. One object at
// a time. A second ^C ends the process at once. The action runs inside the
// signal handler, so it may do only what a handler may.
#ifndef LIBRR_TOOLS_STOP_SIGNALS_H_
#define LIBRR_TOOLS_STOP_SIGNALS_H_

#include <atomic>
#include <functional>

namespace librr::tools {

class StopSignals {
 public:
  explicit StopSignals(std::function<void()> action = nullptr);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Set once a signal has come.
  const std::atomic<bool>* flag() const { return &stopped_; }

 private:
  static void Handle(int signal);

  const std::function<void()> action_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_STOP_SIGNALS_H_
