// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/stop_signals.h"

#include <signal.h>

#include <cerrno>
#include <utility>

namespace librr::tools {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

// What the handler acts for: a handler has no argument of its own.
std::atomic<StopSignals*> active = nullptr;

void SetHandlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  // One signal is enough to stop; the next one acts as if nobody handled it.
  // No SA_RESTART: a wait must end.
  action.sa_flags = handler == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND);
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals(std::function<void()> action)
    : action_(std::move(action)) {
  active.store(this);
  SetHandlers(&StopSignals::Handle);
}

StopSignals::~StopSignals() {
  SetHandlers(SIG_DFL);
  active.store(nullptr);
}

void StopSignals::Handle(int) {
  StopSignals* const self = active.load();
  if (self == nullptr) return;
  const int saved = errno;
  self->stopped_.store(true);
  if (self->action_) self->action_();
  errno = saved;
}

}  // namespace librr::tools
