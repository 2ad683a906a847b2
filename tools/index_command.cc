// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr index: adds checkpoints to a trace that lacks them.
#include <unistd.h>

#include "librr/trace_indexer.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/progress_bar.h"
#include "tools/stop_signals.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr Option kIndexTable[] = {
    {"checkpoint-memory", 0, "SIZE",
     "memory for checkpoints that wait for compression and disk\n"
     "(default: 4M)"},
    {"engine", 0, "NAME", "what executes the guest: interp (the default)"},
};

class IndexProgress final : public TimelineObserver {
 public:
  void OnProgress(uint64_t done, uint64_t total) override {
    bar_.OnProgress(Position(done), VirtualTime(0), Position(total));
  }

 private:
  ProgressBar bar_{STDERR_FILENO, "indexing"};
};

absl::StatusOr<int> Index(const Arguments& arguments) {
  const std::string& path = arguments.words()[0];
  IndexOptions options;
  options.engine = arguments.Text("engine").value_or("");
  const auto memory = arguments.Size("checkpoint-memory");
  if (!memory.ok()) return memory.status();
  if (memory->has_value()) options.checkpoint_memory = **memory;
  if (options.checkpoint_memory == 0) {
    return absl::InvalidArgumentError(
        "--checkpoint-memory: nothing can be made without memory");
  }
  auto indexer = TraceIndexer::Open(path);
  if (!indexer.ok()) return FromInput(indexer.status());
  const TraceReader& trace = (*indexer)->trace();
  if (!(*indexer)->is_needed()) {
    const uint64_t count = trace.info().checkpoint_count;
    Say(count == 0 ? absl::StrCat(path,
                                  " is so short that it needs no "
                                  "checkpoints: nothing to do")
                   : absl::StrCat(path, " has ", count,
                                  " checkpoints: nothing to do"));
    return kExitDone;
  }
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
    return status;
  }
  StopSignals signals;
  options.stop = signals.flag();
  absl::StatusOr<IndexResult> added;
  {
    IndexProgress progress;
    options.observer = &progress;
    added = (*indexer)->Run(FactoryFor(trace), options);
  }
  if (!added.ok()) return ReplayError(added.status(), trace);
  Say(absl::StrCat("added ", added->checkpoints, " checkpoints to ", path, ", ",
                   FormatBytes(added->bytes), "; next: vmrr gdb ",
                   ShellWord(path)));
  return kExitDone;
}

}  // namespace

const Command& IndexCommand() {
  static const Command command{
      .name = "index",
      .words = "T.vmrr",
      .summary = "add checkpoints to a trace without",
      .details =
          R"(Replays the trace once, checks it on the way, and adds checkpoints at its end, so
that `vmrr gdb` opens it anywhere at once. The recording itself is not touched.
`vmrr record` takes checkpoints as it goes: this is for traces that were recorded
without, or were cut off.)",
      .examples = R"(  vmrr index boot.vmrr)",
      .min_words = 1,
      .max_words = 1,
      .options = {kIndexTable, kCommonOptions},
      .run = &Index};
  return command;
}

}  // namespace librr::tools
