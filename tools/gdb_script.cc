// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/gdb_script.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace librr::tools {
namespace {

// Nothing is lost by leaving. Memory and registers of the past are what they
// were: gdb refuses to write with a better reason than a stub can give. Which
// program is debugged is said by `process`, not by who executes first; and with
// one inferior threads have the guest's pids.
constexpr const char* kSettings = R"(set confirm off
set remotetimeout 60
set may-write-registers off
set may-write-memory off
set remote pid-to-exec-file-packet off
set remote multiprocess-feature-packet off
)";

// gdb keeps registers and memory while a `monitor` command runs. So these arm
// a move and let gdb step: the stop that follows tells it that all is new.
constexpr const char* kCommands = R"(python
import gdb
import gdb.FrameDecorator
import os
import re

def vmrr_ask(command):
    text = gdb.execute("monitor try " + command, to_string=True)
    for line in text.splitlines():
        if line.startswith("error: "):
            raise gdb.GdbError(line[len("error: "):])
    return text

def vmrr_number(word):
    # A convenience variable or an expression stands for its value.
    if word[:1] in ("$", "("):
        return str(int(gdb.parse_and_eval(word)))
    return word

def vmrr_travel(command):
    print(vmrr_ask("travel " + command), end="")
    # Backwards gdb does not first step off a breakpoint in its own thread, which
    # may not be the one that executes where this leads to.
    gdb.execute("reverse-stepi")
    vmrr_ask("travel")

def vmrr_connect(address):
    # That there is no executable file is as it should be.
    text = gdb.execute("target remote " + address, to_string=True)
    for line in text.splitlines():
        if not line.startswith(("warning: No executable", "determining executable")):
            print(line)

class VmrrSeek(gdb.Command):
    """Go to a position of the recording.
seek N|+N|-N|begin|end|MARK|time:S|console:TEXT
N is a position; with a sign it counts from here. It may be an expression
that begins with $ or (."""
    def __init__(self):
        super().__init__("seek", gdb.COMMAND_RUNNING)
    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("where to? seek N|+N|-N|begin|end|MARK|time:S|console:TEXT")
        vmrr_travel("seek " + vmrr_number(argument))

class VmrrStopAt(gdb.Command):
    """Stop at a position, with the next continue or reverse-continue.
stopat N|+N|-N|off"""
    def __init__(self):
        super().__init__("stopat", gdb.COMMAND_RUNNING)
    def invoke(self, argument, from_tty):
        print(vmrr_ask("stopat " + vmrr_number(argument)), end="")

class VmrrPosition(gdb.Command):
    """Print the virtual time and the position, which is also set as $position."""
    def __init__(self):
        super().__init__("position", gdb.COMMAND_STATUS)
    def invoke(self, argument, from_tty):
        text = vmrr_ask("position")
        gdb.set_convenience_variable("position", int(text.split()[-1]))
        print(text, end="")

class VmrrLastWrite(gdb.Command):
    """Go back to the instruction that last wrote to a variable or an address.
lastwrite EXPRESSION [LENGTH]
A variable stands for its own bytes, a number or pointer for the bytes there
(8 of them unless a LENGTH is given)."""
    def __init__(self):
        super().__init__("lastwrite", gdb.COMMAND_RUNNING)
    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not words:
            raise gdb.GdbError("of what? lastwrite EXPRESSION [LENGTH]")
        length = None
        expression = argument
        if len(words) > 1 and re.fullmatch("[0-9]+|0x[0-9a-fA-F]+", words[-1]):
            length = int(words[-1], 0)
            expression = argument.strip()[:-len(words[-1])]
        value = gdb.parse_and_eval(expression)
        if value.address is not None:
            address = int(value.address)
            length = length or value.type.sizeof
        else:
            address = int(value)
            length = length or 8
        vmrr_travel("lastwrite 0x%x %d" % (address & (2**64 - 1), length))

def vmrr_quoted(path):
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'

class VmrrProcess(gdb.Command):
    """Debug a process of the guest: its program and its shared libraries.
process [PID]
Selects the task PID and loads what its process executes from the folder that
was given with --symbols, by the guest's own paths, at the addresses where it
is in this process. Without PID: the process of the selected thread."""
    def __init__(self):
        super().__init__("process", gdb.COMMAND_FILES)
        self.kernel = None
    def invoke(self, argument, from_tty):
        if argument:
            self.select(int(gdb.parse_and_eval(argument)))
        path = vmrr_ask("executable %d" % gdb.selected_thread().ptid[1]).rstrip("\n")
        if not self.files:
            raise gdb.GdbError("%s: no folder with the guest's files was given; "
                               "start with vmrr gdb --symbols DIR" % path)
        file = self.files + path
        if not os.path.isfile(file):
            raise gdb.GdbError("%s has no %s, which this process executes" % (self.files, path))
        # The program takes the place of the symbols that gdb began with.
        if self.kernel:
            gdb.execute("add-symbol-file -o 0x%x %s" % (self.offset, vmrr_quoted(self.kernel)),
                        to_string=True)
            self.kernel = None
        gdb.execute("file " + vmrr_quoted(file), to_string=True)
        gdb.execute("frame")
    def select(self, pid):
        gdb.execute("thread find ^$", to_string=True)  # asks for the threads anew
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] == pid:
                return thread.switch()
        raise gdb.GdbError("there is no task %d here; `info threads` lists them" % pid)

class VmrrMonitor(gdb.Command):
    def __init__(self, name, text):
        self.__doc__ = text
        self.name = name
        super().__init__(name, gdb.COMMAND_STATUS)
    def invoke(self, argument, from_tty):
        print(vmrr_ask(self.name + " " + argument), end="")

class VmrrNamedFrame(gdb.FrameDecorator.FrameDecorator):
    """A frame with its name, though gdb takes it for a signal handler's caller."""
    def function(self):
        return self.inferior_frame().name() or "??"

class VmrrFrames:
    """Names the kernel's entries, and ends where user code without symbols begins."""
    def __init__(self):
        self.name = "vmrr"
        self.priority = 100
        self.enabled = True
        gdb.frame_filters[self.name] = self
    def filter(self, frames):
        was_kernel = False
        for decorated in frames:
            frame = decorated.inferior_frame()
            if frame.type() == gdb.SIGTRAMP_FRAME or frame.name() is None:
                decorated = VmrrNamedFrame(decorated)
            yield decorated
            is_kernel = frame.pc() >> 63 == 1
            if was_kernel and not is_kernel and frame.name() is None:
                return
            was_kernel = is_kernel

VmrrFrames()
VmrrSeek()
VmrrStopAt()
VmrrPosition()
VmrrLastWrite()
vmrr_process = VmrrProcess()
VmrrMonitor("mark", "Give this position a name: mark NAME")
VmrrMonitor("marks", "List the names of positions.")
VmrrMonitor("scope", "Whose user addresses breakpoints mean: scope [current|any]")
VmrrMonitor("ps", "List the processes of the guest's Linux: ps [-T]")
VmrrMonitor("dmesg", "Print the log of the guest's kernel: dmesg [N]")
VmrrMonitor("modules", "List the modules of the guest's kernel.")
VmrrMonitor("maps", "Print the memory areas of a process: maps PID")
VmrrMonitor("files", "List open files: files [PID]")
VmrrMonitor("sockets", "List sockets that processes have open: sockets [PID]")
VmrrMonitor("mounts", "List what a process sees mounted: mounts [PID]")
VmrrMonitor("slabs", "Print the kernel's slab caches.")
VmrrMonitor("runqueues", "List the tasks that CPUs execute or would.")
VmrrMonitor("percpu", "Print a per-CPU variable: percpu NAME[.MEMBER]")
VmrrMonitor("system", "Print uname, uptime, load and boot arguments.")
VmrrMonitor("uniqstack", "Print all tasks' kernel stacks, equal ones once.")
VmrrMonitor("syscall", "Print what system calls processes are in: syscall [PID]")
end
)";

constexpr const char* kGreeting =
    R"(echo The past cannot be changed, but walked: reverse-stepi, reverse-continue, seek,\n
echo lastwrite, stopat, position, mark. `monitor help` lists more.\n
)";

// gdb takes backslashes and quotes in a quoted word as C does.
std::string Quoted(const std::string& path) {
  std::string text = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  return text + "\"";
}

}  // namespace

std::string GdbScript(const GdbScriptOptions& options) {
  std::string script = kSettings;
  if (!options.symbols.empty()) {
    absl::StrAppendFormat(&script, "symbol-file -o 0x%x %s\n",
                          options.symbol_offset, Quoted(options.symbols));
  }
  if (!options.files.empty()) {
    absl::StrAppend(&script, "set sysroot ", options.files, "\n");
  }
  // A script ends at the first command that fails: commands first.
  absl::StrAppend(&script, kCommands,
                  "python vmrr_process.files = ", Quoted(options.files), "\n");
  if (!options.symbols.empty()) {
    absl::StrAppendFormat(
        &script, "python vmrr_process.kernel, vmrr_process.offset = %s, 0x%x\n",
        Quoted(options.symbols), options.symbol_offset);
  }
  absl::StrAppend(&script, "python vmrr_connect(", Quoted(options.address),
                  ")\n", kGreeting);
  return script;
}

}  // namespace librr::tools
