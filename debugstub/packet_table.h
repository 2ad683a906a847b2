// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The protocol as one table: a packet's name, what it announces in qSupported,
// how its arguments are parsed and who acts on them. A packet that is not in
// the table gets the empty reply.
//
//   const Reply reply = DispatchPacket(session, "m1000,8");
#ifndef LIBRR_DEBUGSTUB_PACKET_TABLE_H_
#define LIBRR_DEBUGSTUB_PACKET_TABLE_H_

#include <string>
#include <string_view>

#include "debugstub/reply.h"
#include "debugstub/stub_session.h"

namespace librr {

Reply DispatchPacket(StubSession& session, std::string_view payload);

// The reply to qSupported: all capabilities of the table.
std::string Capabilities();

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_PACKET_TABLE_H_
