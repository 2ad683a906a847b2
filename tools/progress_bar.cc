// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "librr/live_run.h"
#include "tools/console_writer.h"

namespace librr::tools {
namespace {

constexpr uint64_t kRedrawNanos = 100'000'000;
constexpr int kWidth = 30;

void Draw(int fd, const std::string& text) {
  WriteFully(fd, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace

ProgressBar::ProgressBar(int fd, std::string phase)
    : fd_(fd),
      shows_(isatty(fd) != 0),
      phase_(std::move(phase)),
      last_ns_(HostClock::Real().Now()) {}

ProgressBar::~ProgressBar() { Clear(); }

void ProgressBar::OnPhase(const std::string& phase) {
  phase_ = phase;
  last_position_ = Position();
}

void ProgressBar::OnProgress(Position position, VirtualTime /*time*/,
                             Position goal) {
  if (!shows_ || goal.value() == 0) return;
  const uint64_t now = HostClock::Real().Now();
  const uint64_t passed = now - last_ns_;
  if (passed < kRedrawNanos) return;
  const double part = std::min(1.0, static_cast<double>(position.value()) /
                                        static_cast<double>(goal.value()));
  const int filled = static_cast<int>(part * kWidth);
  const uint64_t steps =
      position > last_position_ ? position - last_position_ : 0;
  Draw(fd_, absl::StrFormat(
                "\r\x1b[K%s [%s%s] %3d%%  position %d of %d, %d MIPS", phase_,
                std::string(filled, '#'), std::string(kWidth - filled, ' '),
                static_cast<int>(part * 100), position.value(), goal.value(),
                steps * 1000 / std::max<uint64_t>(passed, 1)));
  drawn_ = true;
  last_ns_ = now;
  last_position_ = position;
}

void ProgressBar::Clear() {
  if (drawn_) Draw(fd_, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace librr::tools
