// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the packets of the table do, by subject. Arguments have been parsed.
#ifndef LIBRR_DEBUGSTUB_PACKET_HANDLERS_H_
#define LIBRR_DEBUGSTUB_PACKET_HANDLERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "debugstub/packet_arguments.h"
#include "debugstub/reply.h"
#include "debugstub/stub_session.h"

namespace librr {

// session_packets.cc: the conversation itself.
Reply HandleSupported(StubSession& session, const std::string& features);
Reply HandleNoAckMode(StubSession& session, NoArguments);
Reply HandleAttached(StubSession& session, const std::string& process);
Reply HandleKill(StubSession& session, NoArguments);
Reply HandlePhysicalModeSupported(StubSession& session, NoArguments);
Reply HandlePhysicalModeQuery(StubSession& session, NoArguments);
Reply HandleSetPhysicalMode(StubSession& session, bool physical);
Reply HandleMonitor(StubSession& session, const std::string& command);

// process_control_packets.cc
Reply HandleExtendedMode(StubSession& session, NoArguments);
Reply HandleAttach(StubSession& session, int process);
Reply HandleDetach(StubSession& session, const std::string& rest);
Reply HandleKillProcess(StubSession& session, int process);
Reply HandleReadOsData(StubSession& session, const TransferRange& range);

// thread_packets.cc
Reply HandleThreadSelection(StubSession& session, ThreadSelection selection);
Reply HandleThreadAlive(StubSession& session, ThreadId id);
Reply HandleCurrentThread(StubSession& session, NoArguments);
Reply HandleFirstThreads(StubSession& session, NoArguments);
Reply HandleMoreThreads(StubSession& session, NoArguments);
Reply HandleThreadExtraInfo(StubSession& session, ThreadId id);

// memory_packets.cc
Reply HandleReadMemory(StubSession& session, MemoryRange range);
Reply HandleWriteMemory(StubSession& session, const MemoryWrite& write);

// register_packets.cc
Reply HandleReadRegisters(StubSession& session, NoArguments);
Reply HandleReadRegister(StubSession& session, size_t number);
Reply HandleWriteRegisters(StubSession& session,
                           const std::vector<uint8_t>& bytes);
Reply HandleWriteRegister(StubSession& session, const RegisterWrite& write);

// resume_packets.cc
Reply HandleStopReason(StubSession& session, NoArguments);
Reply HandleResumeQuery(StubSession& session, NoArguments);
Reply HandleResume(StubSession& session,
                   const std::vector<ResumeAction>& actions);
Reply HandleContinue(StubSession& session, NoArguments);
Reply HandleStep(StubSession& session, NoArguments);
Reply HandleReverseContinue(StubSession& session, NoArguments);
Reply HandleReverseStep(StubSession& session, NoArguments);
Reply HandleInsert(StubSession& session, const StopPointPacket& point);
Reply HandleRemove(StubSession& session, const StopPointPacket& point);

// transfer_packets.cc: objects that are read in parts.
Reply HandleReadFeatures(StubSession& session, const TransferRange& range);
Reply HandleReadMemoryMap(StubSession& session, const TransferRange& range);
Reply HandleReadThreads(StubSession& session, const TransferRange& range);

// process_packets.cc: the same, about the process of the selected thread.
Reply HandleReadAuxv(StubSession& session, const TransferRange& range);
Reply HandleReadExecutable(StubSession& session, const TransferRange& range);
Reply HandleReadLibraries(StubSession& session, const TransferRange& range);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_PACKET_HANDLERS_H_
