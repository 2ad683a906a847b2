// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// monitor linuxoffsets: what the guest's Linux is looked at with.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "debugstub/monitor_handlers.h"
#include "debugstub/target_memory.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "librr/linux_offsets.h"

namespace librr {
namespace {

std::string BothForms(const LinuxOffsets& offsets) {
  return absl::StrCat(offsets.is_long() ? "-l " : "", offsets.Line(), "\n",
                      offsets.Named(), "\n");
}

// What the offsets show here. FailedPrecondition if there is no Linux here.
absl::StatusOr<std::string> Proof(const MemoryReader& memory,
                                  const LinuxOffsets& offsets) {
  std::vector<std::string> left_out;
  LIBRR_ASSIGN_OR_RETURN(const std::vector<LinuxTask> tasks,
                         ReadLinuxTasks(memory, offsets, &left_out));
  std::string text;
  for (const std::string& why : left_out) absl::StrAppend(&text, why, "\n");
  return absl::StrCat(text, "proved: the guest has ", tasks.size(),
                      " tasks here\n");
}

absl::StatusOr<std::string> Show(StubSession& session) {
  const TargetMemory memory(&session.target());
  switch (session.linux_view()) {
    case StubSession::LinuxView::kOff:
      return "off: threads are vCPUs\n";
    case StubSession::LinuxView::kTyped:
      return absl::StrCat("typed:\n", BothForms(session.linux_offsets()));
    case StubSession::LinuxView::kAuto:
      break;
  }
  const absl::StatusOr<LinuxOffsets> found = FindLinuxOffsets(memory);
  if (!found.ok()) {
    return absl::StrCat("auto: ", found.status().message(), "\n");
  }
  LIBRR_ASSIGN_OR_RETURN(const std::string proof, Proof(memory, *found));
  return absl::StrCat("auto:\n", BothForms(*found), proof);
}

}  // namespace

absl::StatusOr<std::string> MonitorLinuxOffsets(
    StubSession& session, const MonitorArguments& arguments) {
  using LinuxView = StubSession::LinuxView;
  if (arguments.words.empty()) return Show(session);
  if (arguments.words.size() == 1 &&
      (arguments.words[0] == "auto" || arguments.words[0] == "off")) {
    const bool is_auto = arguments.words[0] == "auto";
    session.SetLinuxView(is_auto ? LinuxView::kAuto : LinuxView::kOff, {});
    session.ShowTasks(is_auto);
    return Show(session);
  }
  LIBRR_ASSIGN_OR_RETURN(const LinuxOffsets offsets,
                         LinuxOffsets::Parse(arguments.text));
  const TargetMemory memory(&session.target());
  const absl::StatusOr<std::string> proof = Proof(memory, offsets);
  if (!proof.ok() && !absl::IsFailedPrecondition(proof.status())) {
    return proof.status();
  }
  session.SetLinuxView(LinuxView::kTyped, offsets);
  session.ShowTasks(true);
  if (proof.ok()) return proof;
  // A person types them before the guest has booted, too.
  return absl::StrCat("kept, and not proved yet: ", proof.status().message(),
                      "\n");
}

}  // namespace librr
