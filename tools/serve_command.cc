// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr serve: a recording as a target for gdb.
#include <memory>
#include <string>

#include "librr/debug_stub.h"
#include "tools/commands.h"
#include "tools/debug_session.h"
#include "tools/exit_code.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/stop_signals.h"

namespace librr::tools {
namespace {

constexpr Option kServeTable[] = {
    {"at", 0, "P", "begin at position P (default: `end`)"},
    {"gdb", 0, "PORT|PATH",
     "where gdb finds the amd64 registers: a port of this host,\n"
     "or a Unix socket to be made (default: 8864)"},
    {"gdb-i386", 0, "PORT|PATH",
     "the same for the i386 registers (default: 8832, or nowhere\n"
     "if --gdb is given)"},
};

absl::Status StubError(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? status : FromHost(status);
}

absl::StatusOr<int> Serve(const Arguments& arguments) {
  DebugStubOptions options;
  if (const auto address = arguments.Text("gdb")) {
    options.address = *address;
  } else {
    options.i386_address = "8832";
  }
  if (const auto address = arguments.Text("gdb-i386")) {
    options.i386_address = *address;
  }
  options.log = [](const std::string& line) { Say(line); };
  auto session = DebugSession::Open(arguments, "at");
  if (!session.ok()) return session.status();
  auto stub = DebugStub::Listen(&(*session)->target(), options);
  if (!stub.ok()) return StubError(stub.status());
  const StopSignals signals([&stub] { (*stub)->Stop(); });
  Say(absl::StrCat("at position ", (*session)->timeline().position().value(),
                   "; in gdb: target remote ", (*stub)->address()));
  const std::string i386 = (*stub)->address(DebugArchitecture::kI386);
  if (!i386.empty()) {
    Say(absl::StrCat("while the guest is in 32-bit code: target remote ",
                     i386));
  }
  if (absl::Status status = (*stub)->Serve(); !status.ok()) return status;
  Say(absl::StrCat(
      "stopped, at position ", (*session)->timeline().position().value(),
      "; next: vmrr gdb ", ShellWord((*session)->trace().info().path), " --at ",
      (*session)->timeline().position().value()));
  return kExitDone;
}

}  // namespace

const Command& ServeCommand() {
  static const Command command{
      .name = "serve",
      .words = "T.vmrr",
      .summary = "offer a recording to gdb",
      .details =
          R"(Waits for a debugger, one at a time, until ^C. In gdb, `target remote` connects,
`monitor help` lists what there is beyond gdb's own commands, and reverse-step,
reverse-continue and their kin go back in time. Whoever can connect can read the
guest's memory: ports are open to this host only, sockets to their owner.)",
      .examples = R"(  vmrr serve boot.vmrr
  vmrr serve boot.vmrr --gdb ./gdb.socket --at 1000000)",
      .min_words = 1,
      .max_words = 1,
      .options = {kServeTable, kThreadOption, kTimelineOptions, kHelpOption},
      .run = &Serve};
  return command;
}

}  // namespace librr::tools
