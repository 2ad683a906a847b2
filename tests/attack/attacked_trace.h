// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The trace that is attacked: about 10^5 steps of the guest attacked.S, with
// typed input, output, digests and two images.
//
//   const std::string bytes = RecordAttackedGuest(folder);
#ifndef LIBRR_TESTS_ATTACK_ATTACKED_TRACE_H_
#define LIBRR_TESTS_ATTACK_ATTACKED_TRACE_H_

#include <string>

#include "absl/status/statusor.h"
#include "librr/pc_machine.h"

namespace librr {

// The guest and its machine, as small as machines come.
absl::StatusOr<PcConfig> AttackedConfig();

// Records it to a file in `folder`, and returns the file's bytes.
absl::StatusOr<std::string> RecordAttackedGuest(const std::string& folder);

}  // namespace librr

#endif  // LIBRR_TESTS_ATTACK_ATTACKED_TRACE_H_
