// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A script that types at a guest's console.
//
//   # wait for the shell, then work
//   expect ~ #
//   type sha256sum /bin/busybox\n
//   wait 0.5
//   type poweroff -f\n
//
// One command a line; blank lines and lines that begin with # are skipped.
//   expect TEXT   until the guest has printed TEXT after the last match
//   at SECONDS    until that guest time since power-on
//   wait SECONDS  until that much guest time has passed since the last command
//   type TEXT     types TEXT, without a newline of its own
// TEXT reaches to the end of the line; in it \n \r \t \e \\ and \xHH stand for
// bytes, and \s for a space (to begin or end with one). A script sees guest
// time and console output only between two runs of the machine, so when exactly
// it types depends on how the run is cut; the recording says when it did.
#ifndef LIBRR_INPUT_SCRIPT_H_
#define LIBRR_INPUT_SCRIPT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "librr/input_source.h"

namespace librr {

// `name` is what messages call the script: its file name. InvalidArgument names
// it and the line.
absl::StatusOr<std::unique_ptr<InputSource>> ParseInputScript(
    const std::string& name, std::string_view text);

}  // namespace librr

#endif  // LIBRR_INPUT_SCRIPT_H_
