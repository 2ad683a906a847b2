// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The commands that show the guest's Linux at a position: ps, dmesg, modules,
// maps and the like. They differ in what they ask of a LinuxGuest.
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "librr/linux_report.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/linux_argument.h"
#include "tools/linux_json.h"
#include "tools/machine_options.h"

namespace librr::tools {
namespace {

// What was typed behind the trace.
struct Question {
  std::optional<uint32_t> pid;
  std::string name;
  bool threads = false;
};
enum class Word { kNone, kPid, kName };

// Where the answer goes: lines for people, or a member of a JSON object.
class Answer {
 public:
  Answer(const Machine& machine, bool is_json)
      : machine_(machine), is_json_(is_json) {}

  template <typename Item, typename Report>
  absl::Status Items(std::string_view key,
                     const absl::StatusOr<std::vector<Item>>& items,
                     Report report) const {
    if (!items.ok()) return items.status();
    if (!is_json_) {
      std::cout << report(*items);
      return absl::OkStatus();
    }
    WriteJson(key, [&](JsonWriter& json) {
      json.BeginArray();
      for (const Item& item : *items) WriteObject(json, item);
      json.EndArray();
    });
    return absl::OkStatus();
  }

  template <typename Item, typename Report>
  absl::Status One(std::string_view key, const absl::StatusOr<Item>& item,
                   Report report) const {
    if (!item.ok()) return item.status();
    if (!is_json_) {
      std::cout << report(*item);
      return absl::OkStatus();
    }
    WriteJson(key, [&](JsonWriter& json) { WriteObject(json, *item); });
    return absl::OkStatus();
  }

 private:
  template <typename Write>
  void WriteJson(std::string_view key, Write write) const {
    JsonWriter json(stdout);
    json.BeginObject();
    json.Key("position").Number(machine_.position().value());
    json.Key("time_ns").Number(machine_.time().value());
    json.Key(key);
    write(json);
    json.EndObject();
  }

  const Machine& machine_;
  const bool is_json_;
};

absl::Status ShowTasks(LinuxGuest& guest, const Question& question,
                       const Answer& answer) {
  absl::StatusOr<std::vector<LinuxTask>> tasks = guest.Tasks();
  // The idle tasks are no processes.
  if (tasks.ok()) {
    std::erase_if(*tasks, [](const LinuxTask& task) { return task.pid == 0; });
  }
  return answer.Items("tasks", tasks, [&](const auto& shown) {
    return TaskReport(shown, question.threads);
  });
}

absl::Status ShowLog(LinuxGuest& guest, const Question&, const Answer& answer) {
  return answer.Items("records", guest.Log(), &LogReport);
}

absl::Status ShowModules(LinuxGuest& guest, const Question&,
                         const Answer& answer) {
  return answer.Items("modules", guest.Modules(), &ModuleReport);
}

absl::Status ShowMaps(LinuxGuest& guest, const Question& question,
                      const Answer& answer) {
  return answer.Items("maps", guest.Maps(*question.pid), &MapReport);
}

absl::Status ShowFiles(LinuxGuest& guest, const Question& question,
                       const Answer& answer) {
  return answer.Items("files", guest.OpenFiles(question.pid), &OpenFileReport);
}

absl::Status ShowSockets(LinuxGuest& guest, const Question& question,
                         const Answer& answer) {
  return answer.Items("sockets", guest.Sockets(question.pid), &SocketReport);
}

absl::Status ShowMounts(LinuxGuest& guest, const Question& question,
                        const Answer& answer) {
  return answer.Items("mounts", guest.Mounts(question.pid.value_or(1)),
                      &MountReport);
}

absl::Status ShowSlabs(LinuxGuest& guest, const Question&,
                       const Answer& answer) {
  return answer.Items("caches", guest.SlabCaches(), &SlabReport);
}

absl::Status ShowRunQueues(LinuxGuest& guest, const Question&,
                           const Answer& answer) {
  return answer.Items("queues", guest.RunQueues(), &RunQueueReport);
}

absl::Status ShowPerCpu(LinuxGuest& guest, const Question& question,
                        const Answer& answer) {
  return answer.One("variable", guest.PerCpu(question.name), &PerCpuReport);
}

absl::Status ShowSystem(LinuxGuest& guest, const Question&,
                        const Answer& answer) {
  return answer.One("system", guest.System(), &SystemReport);
}

absl::StatusOr<Question> QuestionOf(const Arguments& arguments, Word word) {
  Question question;
  question.threads = arguments.Has("threads");
  if (arguments.words().size() < 2) return question;
  const std::string& typed = arguments.words()[1];
  if (word == Word::kName) {
    question.name = typed;
    return question;
  }
  const absl::StatusOr<uint64_t> pid = ParseNumber(typed, "pid");
  if (!pid.ok()) return pid.status();
  if (*pid > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrFormat("pid: %d is none: there are at most 4194304", *pid));
  }
  question.pid = static_cast<uint32_t>(*pid);
  return question;
}

template <auto kShow, Word kWord>
absl::StatusOr<int> RunView(const Arguments& arguments) {
  const absl::StatusOr<Question> question = QuestionOf(arguments, kWord);
  if (!question.ok()) return question.status();
  const absl::StatusOr<LinuxAt> opened = OpenLinuxAt(arguments);
  if (!opened.ok()) return opened.status();
  const absl::Status status =
      kShow(*opened->guest, *question,
            Answer(opened->machine(), arguments.Has("json")));
  if (!status.ok()) return opened->Error(status);
  return kExitDone;
}

constexpr Option kPsTable[] = {
    {"threads", 'T', "", "a line for each thread, not for each process"},
};

template <auto kShow, Word kWord = Word::kNone>
Command View(std::string_view name, std::string_view words,
             std::string_view summary, std::string_view details,
             std::string_view examples, absl::Span<const Option> options = {}) {
  Command command{.name = name,
                  .words = words,
                  .summary = summary,
                  .details = details,
                  .examples = examples,
                  .min_words = 1,
                  .max_words = kWord == Word::kNone ? size_t{1} : size_t{2},
                  .options = {kAtOption, kLinuxOptions, kReplayOptions,
                              kJsonOption, kCommonOptions},
                  .run = &RunView<kShow, kWord>};
  if (!options.empty()) {
    command.options.insert(command.options.begin(), options);
  }
  // A word that is not in brackets has to be there.
  if (words.find('[') == std::string_view::npos) {
    command.min_words = command.max_words;
  }
  return command;
}

}  // namespace

const std::vector<Command>& LinuxViewCommands() {
  static const std::vector<Command> commands = {
      View<&ShowTasks>(
          "ps", "T.vmrr", "the guest's processes at a position",
          R"(Shows the tasks of the guest's Linux, seen from outside: symbols and types are
read from the kernel itself, and nothing is installed in the guest. START counts
seconds since the guest's boot. --json lists every thread.)",
          R"(  vmrr ps boot.vmrr --at end
  vmrr ps boot.vmrr --at 1000000000 --threads)",
          kPsTable),
      View<&ShowLog>(
          "dmesg", "T.vmrr", "the log of the guest's kernel at a position",
          R"(Reads the kernel's ring buffer from the guest's memory: also what never reached
a console, and what a kernel that has hung could no longer print.)",
          R"(  vmrr dmesg boot.vmrr --at end)"),
      View<&ShowMaps, Word::kPid>(
          "maps", "T.vmrr PID", "the memory areas of a process at a position",
          R"(Prints what /proc/PID/maps of the guest would print.)",
          R"(  vmrr maps boot.vmrr 1 --at end)"),
      View<&ShowModules>(
          "modules", "T.vmrr",
          "the modules of the guest's kernel at a position",
          R"(Prints name, size, state and base address of each loaded module.)",
          R"(  vmrr modules boot.vmrr --at end)"),
      View<&ShowFiles, Word::kPid>(
          "files", "T.vmrr [PID]", "the open files of processes at a position",
          R"(Prints each file descriptor with what it is of, as /proc/PID/fd of the guest
shows it: of one process, or of all. TYPE is as ls prints it (? where there is
none, as for an eventfd); ACCESS has r, w, and a where writes go to the end.)",
          R"(  vmrr files boot.vmrr --at end
  vmrr files boot.vmrr 1 --at 1000000000)"),
      View<&ShowSockets, Word::kPid>(
          "sockets", "T.vmrr [PID]", "the sockets of processes at a position",
          R"(Prints each file descriptor that is a socket, with its addresses and state as
/proc/net of the guest shows them. Sockets that no process has open are not
shown: those in TIME_WAIT, not yet accepted, the kernel's own. RX and TX are
bytes of internet sockets that nobody has read, or acknowledged; for one that
listens, RX counts connections.)",
          R"(  vmrr sockets boot.vmrr --at end)"),
      View<&ShowMounts, Word::kPid>(
          "mounts", "T.vmrr [PID]", "what is mounted where at a position",
          R"(Prints the mounts that a process sees (default: 1), as /proc/PID/mounts of the
guest does, but without the options that a file system adds of its own. --json
has what /proc/PID/mountinfo has.)",
          R"(  vmrr mounts boot.vmrr --at end)"),
      View<&ShowSlabs>(
          "slabs", "T.vmrr", "the kernel's slab caches at a position",
          R"(Prints the numbers of /proc/slabinfo: objects that a CPU has at hand count as
active.)",
          R"(  vmrr slabs boot.vmrr --at end)"),
      View<&ShowRunQueues>(
          "runqueues", "T.vmrr", "the tasks that CPUs execute or would",
          R"(Prints for each CPU its task, and all tasks that want it, in the order of the
scheduler's policies; among fair ones that with the least vruntime is first.)",
          R"(  vmrr runqueues boot.vmrr --at 1000000000)"),
      View<&ShowPerCpu, Word::kName>(
          "percpu", "T.vmrr NAME", "a per-CPU variable at a position",
          R"(Prints a variable of which each CPU has its own, or a member of one, in the
kernel's own types.)",
          R"(  vmrr percpu boot.vmrr runqueues.nr_switches --at end)"),
      View<&ShowSystem>(
          "system", "T.vmrr", "uname, uptime, load and boot arguments",
          R"(Prints what uname, /proc/uptime, /proc/loadavg and /proc/cmdline of the guest
would print. The clocks are those of the last tick that the kernel has counted.)",
          R"(  vmrr system boot.vmrr --at end)"),
  };
  return commands;
}

}  // namespace librr::tools
