// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/monitor_table.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "debugstub/monitor_handlers.h"
#include "librr-core/base/abseil_view.h"

namespace librr {
namespace {

absl::StatusOr<std::string> MonitorHelp(StubSession&, const MonitorArguments&);
absl::StatusOr<std::string> MonitorTry(StubSession&, const MonitorArguments&);

// As many words as are typed: text with blanks in it.
constexpr size_t kAnyWords = 1000;

constexpr MonitorRow kRows[] = {
    {"help", "[COMMAND]", "lists the commands, or explains one", "", 0, 1,
     &MonitorHelp},
    {"try", "COMMAND", "executes a command, for scripts",
     "An error is text that begins with `error: `; gdb does not stop at it.", 1,
     kAnyWords, &MonitorTry},
    {"position", "", "prints where this is: virtual time, position",
     "A position counts the steps of the machine since power-on.", 0, 0,
     &MonitorPosition},
    {"stopat", "N|+N|-N",
     "arms a stop for the next continue or reverse-continue",
     "N is a position; with a sign it counts from here. Without a number: says "
     "what is\narmed; `stopat off` disarms it.",
     0, 1, &MonitorStopAt},
    {"seek", "N|+N|-N|begin|end|MARK|time:S|console:TEXT",
     "goes there with the next continue",
     "gdb keeps registers while a monitor command runs; so the move is made "
     "when you type\n`continue` (or step) next. time: takes seconds of the "
     "guest's time; console: goes to\nwhere the guest has printed the text.",
     1, kAnyWords, &MonitorSeek},
    {"travel", "[seek WHERE|lastwrite ADDR [LEN]]",
     "for scripts: goes there with the next stepi",
     "gdb's `stepi` then makes the move, can be interrupted, and shows where "
     "it "
     "came to.\nWithout words: what was wrong with the last one.",
     0, kAnyWords, &MonitorTravel},
    {"mark", "NAME", "gives this position a name", "", 1, 1, &MonitorMark},
    {"marks", "", "lists names and positions", "", 0, 0, &MonitorMarks},
    {"lastwrite", "ADDR [LEN]", "finds the instruction that last wrote there",
     "Looks backwards from here. The position printed is that before the "
     "write: after\n`monitor seek` to it the instruction is the next one. LEN "
     "is 8 unless given.",
     1, 2, &MonitorLastWrite},
    {"mode", "", "prints the CPU's mode and the next instruction's address", "",
     0, 0, &MonitorMode},
    {"translate", "ADDR", "prints the physical address behind a virtual one",
     "", 1, 1, &MonitorTranslate},
    {"pagewalk", "ADDR", "prints each level of page tables for an address", "",
     1, 1, &MonitorPageWalk},
    {"xp", "ADDR LEN", "prints physical memory", "", 2, 2, &MonitorPhysical},
    {"scope", "[current|any]",
     "whose user addresses breakpoints and watchpoints mean",
     "current: those of the process that runs when they are set from user "
     "code; any: those\nof whatever process runs. Counts for what is set from "
     "now on.",
     0, 1, &MonitorScope},
    {"step", "[context|all]", "whether stepping enters interrupt handlers",
     "context: a step ends when the same context executes its next "
     "instruction; all: it ends\nwherever the next instruction is.",
     0, 1, &MonitorStep},
    {"events", "[FROM TO]", "lists inputs, outputs and marks",
     "FROM and TO are positions.", 0, 2, &MonitorEvents},
    {"ps", "[-T]", "lists the processes of the guest's Linux",
     "With -T a line for each thread.", 0, 1, &MonitorPs},
    {"dmesg", "[N]", "prints the log of the guest's kernel, or its end",
     "N is how many messages.", 0, 1, &MonitorDmesg},
    {"modules", "", "lists the modules of the guest's kernel", "", 0, 0,
     &MonitorModules},
    {"maps", "PID", "prints the memory areas of a process", "", 1, 1,
     &MonitorMaps},
    {"files", "[PID]", "lists the open files of a process, or of all", "", 0, 1,
     &MonitorFiles},
    {"sockets", "[PID]", "lists the sockets among them",
     "RX and TX are bytes that nobody has read, or acknowledged.", 0, 1,
     &MonitorSockets},
    {"mounts", "[PID]", "lists what is mounted where",
     "As the process sees it, which is 1 unless given.", 0, 1, &MonitorMounts},
    {"slabs", "", "prints the kernel's slab caches, as /proc/slabinfo", "", 0,
     0, &MonitorSlabs},
    {"runqueues", "", "lists the tasks that CPUs execute or would", "", 0, 0,
     &MonitorRunQueues},
    {"percpu", "NAME", "prints a per-CPU variable, or a member of one",
     "For example: monitor percpu runqueues.nr_switches", 1, 1, &MonitorPerCpu},
    {"system", "", "prints uname, uptime, load and boot arguments", "", 0, 0,
     &MonitorSystem},
    {"executable", "[PID]", "prints which file a process executes",
     "Without PID: the process of the selected thread.", 0, 1,
     &MonitorExecutable},
    {"uniqstack", "", "prints all tasks' kernel stacks, equal ones once", "", 0,
     0, &MonitorUniqueStacks},
    {"syscall", "[PID]", "prints what system calls processes are in",
     "Name, number, and the six arguments.", 0, 1, &MonitorSystemCall},
    {"registers", "user|kernel",
     "which registers processes show that do not execute",
     "user: where their own code goes on; kernel: where the kernel has "
     "switched "
     "them out.",
     1, 1, &MonitorRegisters},
    {"linuxoffsets",
     "[-l] <version>,<mm>,<next_task>,<tasks>,<comm>,<pid>,<thread>,<pgd>,"
     "<rsp0/esp0>,<fs>,<threadsize>,<grouplead>,<threadgroup>,<commsize>"
     "|NAME=VALUE,...|auto|off",
     "says where the guest's Linux has the fields of its tasks",
     "All numbers are hexadecimal, and 0 where the kernel has no such field. "
     "pgd counts from\nthe beginning of mm_struct, rsp0/esp0 and fs from that "
     "of thread_struct, the other\nfields from that of task_struct; threadsize "
     "is THREAD_SIZE, commsize the size of comm,\nversion LINUX_VERSION_CODE. "
     "Kernels until 2.4 have next_task, later ones tasks. -l: the\nkernel is a "
     "64-bit one, whatever the CPU executes now. For example, a kernel 2.6.20 "
     "of\n32 bits:\n"
     "  monitor linuxoffsets 0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,"
     "0x28,0x2000,0xc4,0xec,0x10\n"
     "`vmrr offsets` prints the line of a kernel, and the named form, which "
     "has fields of later\nkernels too. What is typed is for `monitor ps`; "
     "threads are those of `auto`, as it is at\nfirst, which reads the "
     "kernel's "
     "own types. With `off` threads are vCPUs. Without words:\nwhat is used.",
     0, kAnyWords, &MonitorLinuxOffsets},
    {"info", "", "describes the recording", "", 0, 0, &MonitorInfo},
    {"checkpoints", "", "says how many checkpoints there are", "", 0, 0,
     &MonitorCheckpoints},
};

const MonitorRow* FindRow(std::string_view name) {
  for (const MonitorRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

absl::Status UnknownCommand(std::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat("there is no command '", AbseilView(name),
                   "'; `monitor help` lists them"));
}

std::string Usage(const MonitorRow& row) {
  return absl::StrCat("monitor ", AbseilView(row.name),
                      row.format.empty() ? "" : " ", AbseilView(row.format));
}

absl::StatusOr<std::string> MonitorHelp(StubSession&,
                                        const MonitorArguments& arguments) {
  if (!arguments.words.empty()) {
    const MonitorRow* row = FindRow(arguments.words[0]);
    if (row == nullptr) return UnknownCommand(arguments.words[0]);
    return absl::StrCat(Usage(*row), "\n", AbseilView(row->summary), "\n",
                        AbseilView(row->details),
                        row->details.empty() ? "" : "\n");
  }
  std::string text;
  for (const MonitorRow& row : kRows) {
    std::string line = absl::StrCat("  ", AbseilView(row.name));
    line.resize(14, ' ');
    absl::StrAppend(&text, line, AbseilView(row.summary), "\n");
  }
  return text + "`monitor help COMMAND` explains one.\n";
}

absl::StatusOr<std::string> MonitorTry(StubSession& session,
                                       const MonitorArguments& arguments) {
  if (arguments.words[0] == "try") return UnknownCommand("try try");
  const absl::StatusOr<std::string> text =
      RunMonitorCommand(session, arguments.text);
  if (text.ok()) return text;
  return absl::StrCat("error: ", text.status().message(), "\n");
}

}  // namespace

absl::Span<const MonitorRow> MonitorRows() { return kRows; }

absl::StatusOr<std::string> RunMonitorCommand(StubSession& session,
                                              std::string_view typed) {
  const std::vector<std::string> words = absl::StrSplit(
      AbseilView(typed), absl::ByAnyChar(" \t\n\r"), absl::SkipEmpty());
  if (words.empty()) return MonitorHelp(session, {});
  const MonitorRow* row = FindRow(words[0]);
  if (row == nullptr) return UnknownCommand(words[0]);
  const auto arguments = absl::MakeConstSpan(words).subspan(1);
  if (arguments.size() < row->min_words || arguments.size() > row->max_words) {
    return absl::InvalidArgumentError(absl::StrCat("usage: ", Usage(*row)));
  }
  const absl::string_view text = absl::StripAsciiWhitespace(
      AbseilView(typed.substr(typed.find(words[0]) + words[0].size())));
  return row->run(session, {arguments, {text.data(), text.size()}});
}

}  // namespace librr
