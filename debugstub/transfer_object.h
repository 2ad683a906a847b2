// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Objects that a client reads with qXfer, in parts of its choice.
//
//   return TransferPart("<threads>" + ... + "</threads>", range);
#ifndef LIBRR_DEBUGSTUB_TRANSFER_OBJECT_H_
#define LIBRR_DEBUGSTUB_TRANSFER_OBJECT_H_

#include <string>
#include <string_view>

#include "debugstub/packet_arguments.h"
#include "debugstub/reply.h"

namespace librr {

// The part of an object that was asked for, as far as a packet takes it.
Reply TransferPart(const std::string& object, const TransferRange& range);

// A text that may be the guest's, for an attribute or between tags: what XML
// does not take is '?'.
std::string XmlText(std::string_view text);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_TRANSFER_OBJECT_H_
