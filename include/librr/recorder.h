// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Records a machine: runs it on live inputs and writes all that is needed to
// run it again, bit for bit, into one trace.
//
//   LIBRR_ASSIGN_OR_RETURN(
//       std::unique_ptr<Recorder> recorder,
//       Recorder::Create("boot.vmrr", DescribePc(config), machine.get(), {}));
//   absl::StatusOr<EndRecord> end = recorder->Record(&keys, &console);
//
// The log holds inputs and outputs with position and virtual time, and digests
// at growing intervals, paced so that all of it costs about a hundredth of the
// run. Checkpoints let whoever opens the trace go to its end, or anywhere else,
// without executing all that is before. A recording that is killed keeps all
// but its last second. Belongs to one thread, but for `RequestStop`; the
// machine must outlive the recorder.
#ifndef LIBRR_RECORDER_H_
#define LIBRR_RECORDER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/live_run.h"
#include "librr/machine.h"
#include "librr/pc_machine.h"
#include "librr/trace.h"

namespace librr {

// What a replayer needs to build the same machine again.
struct RecordedMachine {
  TraceHeader header;
  // Files by name ("kernel", "initrd"); they must live until `Create` returns.
  std::vector<std::pair<std::string, std::string_view>> images;
};

// The description of the embedded machine. It refers to the bytes in `config`.
RecordedMachine DescribePc(const PcConfig& config);

struct RecorderOptions {
  LiveRunOptions run = {};
  // A digest at every multiple of this; nullopt: at adaptive intervals.
  std::optional<uint64_t> digest_every = std::nullopt;
  // Bytes of memory for parts of checkpoints that wait to be compressed and
  // written; if more would wait, the machine does. 0: none are taken. In the
  // file they take at most twice the guest's RAM.
  uint64_t checkpoint_memory = uint64_t{4} << 20;
  // One after this many steps each; nullopt: at adaptive intervals.
  std::optional<uint64_t> checkpoint_every = std::nullopt;
  // Wait for the disk at each flush: survives power cuts.
  bool sync = false;
};

class Recorder {
 public:
  // Creates the trace. FailedPrecondition if another process is writing it.
  static absl::StatusOr<std::unique_ptr<Recorder>> Create(
      const std::string& path, const RecordedMachine& what, Machine* machine,
      const RecorderOptions& options);
  ~Recorder();

  // Runs the machine until it ends and closes the trace. Call once. `console`
  // may be nullptr. After an error the trace holds what was written before.
  absl::StatusOr<EndRecord> Record(InputSource* inputs, OutputSink* console);

  // Makes `Record` end the trace cleanly, with EndReason::kStopped. Callable
  // from any thread and from a signal handler, while `Record` executes or
  // before.
  void RequestStop();

  RunCosts costs() const;
  // How many checkpoints were taken.
  uint64_t checkpoints() const;
  // The size of the trace.
  uint64_t bytes_written() const;

 private:
  class Impl;
  explicit Recorder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace librr

#endif  // LIBRR_RECORDER_H_
