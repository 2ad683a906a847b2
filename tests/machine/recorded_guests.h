// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests that record small guests into files and replay them.
//
//   const std::string path = RecordGuest("echo.vmrr", GuestConfig("echo"),
//                                        {}, keys);
//   auto trace = OpenRecording(path);
//   EXPECT_TRUE(VerifyRecording(*trace, {.budget = 7}).exact());
#ifndef LIBRR_TESTS_MACHINE_RECORDED_GUESTS_H_
#define LIBRR_TESTS_MACHINE_RECORDED_GUESTS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "librr/recorder.h"
#include "librr/replayer.h"
#include "librr/trace.h"
#include "librr/verify.h"
#include "tests/machine/guest_runs.h"

namespace librr {

// Keys, and the guest times at which they are typed.
using Keys = std::vector<std::pair<uint64_t, std::string>>;

// Records until the guest ends or `options` say so; returns the path, which is
// in the tests' folder for temporary files.
std::string RecordGuest(const std::string& file_name, const PcConfig& config,
                        const RecorderOptions& options, const Keys& keys = {},
                        EndRecord* end = nullptr,
                        OutputSink* console = nullptr);

std::unique_ptr<TraceReader> OpenRecording(const std::string& path);

// Makes the machine that a trace describes, with any engine's name.
MachineFactory RecordedFactory(const TraceReader& trace);

VerifyReport VerifyRecording(const TraceReader& trace,
                             const VerifyOptions& options = {});
VerifyReport VerifyWith(const TraceReader& trace, const MachineFactory& factory,
                        const VerifyOptions& options);

// Expects a verification with budgets 1 (if it is short), 7, 1000 and 10^7 to
// find nothing.
void ExpectExactHoweverCut(const TraceReader& trace);

}  // namespace librr

#endif  // LIBRR_TESTS_MACHINE_RECORDED_GUESTS_H_
