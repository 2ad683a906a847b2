// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The commands that a person types after gdb's `monitor`, as one table: name,
// format, help, and who executes it.
//
//   RunMonitorCommand(session, "seek +1000")
//
// The text of a command is untrusted.
#ifndef LIBRR_DEBUGSTUB_MONITOR_TABLE_H_
#define LIBRR_DEBUGSTUB_MONITOR_TABLE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "debugstub/stub_session.h"

namespace librr {

// What follows a command's name: as words, and as it was typed.
struct MonitorArguments {
  absl::Span<const std::string> words;
  std::string_view text;
};

struct MonitorRow {
  std::string_view name;
  std::string_view format;   // what follows the name; empty: nothing
  std::string_view summary;  // a line
  std::string_view details;  // more, for `help NAME`; may be empty
  size_t min_words = 0;
  size_t max_words = 0;
  absl::StatusOr<std::string> (*run)(StubSession& session,
                                     const MonitorArguments& arguments);
};

absl::Span<const MonitorRow> MonitorRows();

// The text to print. InvalidArgument and the like: a line that says why not.
absl::StatusOr<std::string> RunMonitorCommand(StubSession& session,
                                              std::string_view typed);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_MONITOR_TABLE_H_
