// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Shows on a terminal how far a replay is; elsewhere it shows nothing.
//
//   ProgressBar bar(STDERR_FILENO, "replaying");
//   options.observer = &bar;
//   ...
//   bar.Clear();  // before anything else is printed
#ifndef LIBRR_TOOLS_PROGRESS_BAR_H_
#define LIBRR_TOOLS_PROGRESS_BAR_H_

#include <cstdint>
#include <string>

#include "librr/verify.h"

namespace librr::tools {

class ProgressBar : public VerifyObserver {
 public:
  ProgressBar(int fd, std::string phase);
  ~ProgressBar() override;
  void OnProgress(Position position, VirtualTime time, Position goal) override;
  void OnPhase(const std::string& phase) override;
  void Clear();

 private:
  const int fd_;
  const bool shows_;
  std::string phase_;
  bool drawn_ = false;
  uint64_t last_ns_ = 0;  // host time of what is drawn
  Position last_position_;
};

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_PROGRESS_BAR_H_
