// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Compares two machines at the same position: registers, and all pages of
// RAM.
#ifndef LIBRR_REPLAYER_STATE_DIFFERENCE_H_
#define LIBRR_REPLAYER_STATE_DIFFERENCE_H_

#include "librr/machine.h"
#include "librr/verify.h"

namespace librr {

StateDifference CompareMachines(Machine& first, Machine& second);

}  // namespace librr

#endif  // LIBRR_REPLAYER_STATE_DIFFERENCE_H_
