// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the monitor commands do, by subject, and how their arguments are read.
#ifndef LIBRR_DEBUGSTUB_MONITOR_HANDLERS_H_
#define LIBRR_DEBUGSTUB_MONITOR_HANDLERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "debugstub/monitor_table.h"

namespace librr {

// monitor_navigation.cc
absl::StatusOr<std::string> MonitorPosition(StubSession&,
                                            const MonitorArguments&);
absl::StatusOr<std::string> MonitorStopAt(StubSession&,
                                          const MonitorArguments&);
absl::StatusOr<std::string> MonitorSeek(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorTravel(StubSession&,
                                          const MonitorArguments&);
absl::StatusOr<std::string> MonitorMark(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorMarks(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorLastWrite(StubSession&,
                                             const MonitorArguments&);
absl::StatusOr<std::string> MonitorScope(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorStep(StubSession&, const MonitorArguments&);

// monitor_inspection.cc
absl::StatusOr<std::string> MonitorMode(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorTranslate(StubSession&,
                                             const MonitorArguments&);
absl::StatusOr<std::string> MonitorPageWalk(StubSession&,
                                            const MonitorArguments&);
absl::StatusOr<std::string> MonitorPhysical(StubSession&,
                                            const MonitorArguments&);
absl::StatusOr<std::string> MonitorEvents(StubSession&,
                                          const MonitorArguments&);
absl::StatusOr<std::string> MonitorInfo(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorCheckpoints(StubSession&,
                                               const MonitorArguments&);

// monitor_linux.cc
absl::StatusOr<std::string> MonitorPs(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorDmesg(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorModules(StubSession&,
                                           const MonitorArguments&);
absl::StatusOr<std::string> MonitorMaps(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorUniqueStacks(StubSession&,
                                                const MonitorArguments&);
absl::StatusOr<std::string> MonitorSystemCall(StubSession&,
                                              const MonitorArguments&);
absl::StatusOr<std::string> MonitorRegisters(StubSession&,
                                             const MonitorArguments&);

// monitor_linux_resources.cc
absl::StatusOr<std::string> MonitorFiles(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorSockets(StubSession&,
                                           const MonitorArguments&);
absl::StatusOr<std::string> MonitorMounts(StubSession&,
                                          const MonitorArguments&);
absl::StatusOr<std::string> MonitorSlabs(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorRunQueues(StubSession&,
                                             const MonitorArguments&);
absl::StatusOr<std::string> MonitorPerCpu(StubSession&,
                                          const MonitorArguments&);
absl::StatusOr<std::string> MonitorSystem(StubSession&,
                                          const MonitorArguments&);

// process_packets.cc
absl::StatusOr<std::string> MonitorExecutable(StubSession&,
                                              const MonitorArguments&);

// monitor_offsets.cc
absl::StatusOr<std::string> MonitorLinuxOffsets(StubSession&,
                                                const MonitorArguments&);

// Decimal, or hexadecimal after "0x".
std::optional<uint64_t> ParseNumber(std::string_view text);
// The same as a status that names what was meant: "an address", ...
absl::StatusOr<uint64_t> NumberArgument(const std::string& text,
                                        std::string_view what);
// The same for a pid; NotFound for a number that none has.
absl::StatusOr<uint32_t> PidArgument(const std::string& text);
// The same for an address, which may also be a register, with a `$` or without.
absl::StatusOr<uint64_t> AddressArgument(StubSession& session,
                                         const std::string& text);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_MONITOR_HANDLERS_H_
