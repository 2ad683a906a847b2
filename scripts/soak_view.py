#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""The guest's Linux as vmrr sees it from outside, against what the guest's own
ps, dmesg, /proc/PID/maps and /proc/modules printed at that moment: Debian's
cloud and generic kernels, as they come and with pti=on, KASLR on, nothing
typed. Evidence: build/soak/view.txt.

  scripts/soak_view.py [cloud|generic]...
"""
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from soak_evidence import (Evidence, FOLDER, GUESTS, info, last_line,
                           need_program, vmrr)
from soak_kernels import kernel_file

# Loaded in this order, if the kernel has them.
MODULES = ["lib/crc-itu-t.ko", "lib/libcrc32c.ko", "drivers/net/dummy.ko",
           "fs/fat/fat.ko"]
# Each question is a process of its own, so that the moment when it was answered
# is the one when that process ends.
QUESTIONS = {
    "tasks": "ps -o pid,ppid,user,stat,comm", "commands": "ps -o pid,args",
    "dmesg": "dmesg", "maps": "cat /proc/1/maps", "modules": "cat /proc/modules"}


def initial_files(kernel: Path) -> Path:
    """The guest's initial files with the kernel's modules behind them."""
    folder = FOLDER / "view.files"
    subprocess.run(["rm", "-rf", folder], check=True)
    (folder / "modules").mkdir(parents=True)
    (root,) = kernel.parent.parent.glob("lib/modules/*/kernel")
    for name in MODULES:
        if (root / name).exists():
            target = folder / "modules" / Path(name).name
            target.write_bytes((root / name).read_bytes())
    image = FOLDER / "view.cpio"
    names = b"modules\0" + b"".join(
        f"modules/{path.name}\0".encode()
        for path in sorted((folder / "modules").iterdir()))
    added = subprocess.run(
        ["cpio", "--null", "--quiet", "-o", "-H", "newc"], cwd=folder,
        check=True, input=names, capture_output=True).stdout
    image.write_bytes(added + (GUESTS / "initramfs.cpio.gz").read_bytes())
    return image


def typing() -> str:
    loads = " ".join(f"/modules/{Path(name).name}" for name in MODULES)
    asked = "; ".join(f"echo '<''{name}>'; {command}"
                      for name, command in QUESTIONS.items())
    return (f"expect guest>\n"
            f"type stty -echo -onlcr; for m in {loads}; do [ -e $m ] && "
            f"insmod $m; done; workload exec 5; sleep 1000 &\\n\n"
            f"expect guest>\n"
            f"type (while :; do :; done) &\\n\n"
            f"expect guest>\n"
            f"type sleep 1; {asked}; echo '<''end>'; poweroff -f\\n\n")


def answers(console: str) -> dict[str, list[str]]:
    """What the guest printed, by question."""
    parts: dict[str, list[str]] = {}
    lines = parts.setdefault("", [])
    for line in console.replace("\r", "").splitlines():
        mark = re.search(r"<(\w+)>$", line)
        if mark:
            lines = parts.setdefault(mark[1], [])
        else:
            lines.append(line)
    return parts


def moments(trace: Path) -> dict[str, int]:
    """For each question the last position at which its process was there."""
    events = json.loads(vmrr(["timeline", trace, "--json"]).stdout)["events"]
    found: dict[str, int] = {}
    left = dict(QUESTIONS)
    exits = [event for event in events if event["kind"] == "exit"]
    asked_at = max((event["position"] for event in exits
                    if event["comm"] == "sleep"), default=0)
    for event in exits:
        if not left or event["position"] < asked_at:
            continue
        name, command = next(iter(left.items()))
        if event["comm"] == command.split()[0]:
            found[name] = event["position"]
            del left[name]
    return found


def facts_of(trace: Path, command: list[str], position: int) -> dict:
    done = vmrr([command[0], trace, *command[1:], "--at", position, "--json"])
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def compare_tasks(lines: list[str], tasks: list[dict]) -> str | None:
    ours = {task["pid"]: task for task in tasks if task["pid"] == task["tgid"]}
    for line in lines[1:]:
        pid, ppid, user, state, comm = line.split(None, 4)
        task = ours.pop(int(pid), None)
        if task is None:
            return f"the guest has {line!r}, vmrr has no such task"
        # proc(5) adds to a worker's name what it does, and cuts at 15.
        name = comm.strip()
        said = (task["ppid"], task["uid"], task["state"])
        uid = 0 if user == "root" else int(user)
        if (said != (int(ppid), uid, state[0]) or
                name[:len(task["comm"])] != task["comm"][:len(name)]):
            return f"the guest prints {line!r}, vmrr {task}"
    return f"vmrr has more: {list(ours.values())}" if ours else None


def compare_commands(lines: list[str], tasks: list[dict]) -> str | None:
    ours = {task["pid"]: task for task in tasks if task["pid"] == task["tgid"]}
    for line in lines[1:]:
        pid, command = line.split(None, 1)
        # busybox puts a name in braces where it is not that of the command.
        command = re.sub(r"^\{.*?\} ", "", command.strip())
        task = ours.pop(int(pid), None)
        if task is None:
            return f"the guest has {line!r}, vmrr has no such task"
        if task["cmdline"]:
            same = command == task["cmdline"]
        else:
            same = command.startswith("[" + task["comm"])
        if not same:
            return f"the guest prints {line!r}, vmrr {task}"
    return f"vmrr has more: {list(ours.values())}" if ours else None


def compare_lines(lines: list[str], ours: list[str]) -> str | None:
    for number, (theirs, own) in enumerate(zip(lines, ours), 1):
        if theirs != own:
            return f"line {number}: the guest prints {theirs!r}, vmrr {own!r}"
    if len(lines) != len(ours):
        return f"the guest prints {len(lines)} lines, vmrr {len(ours)}"
    return None


def module_lines(lines: list[str]) -> list[str]:
    """Name, size, state and address of lines of /proc/modules."""
    kept = []
    for line in lines:
        name, size, _, _, state, address = line.split()[:6]
        kept.append(f"{name} {size} {state} {int(address, 16):#x}")
    return kept


def look(evidence: Evidence, name: str, kernel: Path, append: str) -> None:
    trace = FOLDER / f"view-{name}.vmrr"
    script = FOLDER / "view.input"
    script.write_text(typing(), encoding="utf-8")
    done = vmrr(["record", "-o", trace, "--kernel", kernel, "--initrd",
                 initial_files(kernel), "--append", append, "--input", script])
    (FOLDER / f"view-{name}.console").write_text(done.stdout, encoding="utf-8")
    facts = info(trace)
    printed = answers(done.stdout)
    at = moments(trace) if done.returncode == 0 else {}
    fault = None
    if done.returncode != 0 or facts.get("end_reason") != "poweroff":
        fault = last_line(done.stderr)
    elif missing := [q for q in QUESTIONS if q not in printed or q not in at]:
        fault = f"no answer to {', '.join(missing)} (see view-{name}.console)"
    if not evidence.check(f"{name}: recorded", fault,
                          f"{facts.get('end_position')} steps, {append}"):
        return

    tasks = facts_of(trace, ["ps"], at["tasks"])["tasks"]
    evidence.check(f"{name}: vmrr ps is what ps prints",
                   compare_tasks(printed["tasks"], tasks),
                   f"{len(printed['tasks']) - 1} tasks, position {at['tasks']}")
    tasks = facts_of(trace, ["ps"], at["commands"])["tasks"]
    evidence.check(f"{name}: and its command lines",
                   compare_commands(printed["commands"], tasks),
                   f"{len(printed['commands']) - 1} tasks")
    log = vmrr(["dmesg", trace, "--at", at["dmesg"]]).stdout.splitlines()
    evidence.check(f"{name}: vmrr dmesg is what dmesg prints",
                   compare_lines(printed["dmesg"], log), f"{len(log)} lines")
    maps = vmrr(["maps", trace, "1", "--at", at["maps"]]).stdout.splitlines()
    evidence.check(f"{name}: vmrr maps is /proc/PID/maps",
                   compare_lines(printed["maps"], maps), f"{len(maps)} lines")
    modules = facts_of(trace, ["modules"], at["modules"])["modules"]
    ours = [f"{m['name']} {m['size']} {m['state']} {m['base']:#x}"
            for m in modules]
    evidence.check(f"{name}: vmrr modules is /proc/modules",
                   compare_lines(module_lines(printed["modules"]), ours),
                   f"{len(ours)} modules")


def main() -> int:
    need_program()
    chosen = sys.argv[1:] or ["cloud", "generic"]
    if set(chosen) - {"cloud", "generic"}:
        sys.exit(__doc__)
    evidence = Evidence("view")
    for kind in chosen:
        kernel = kernel_file(kind)
        look(evidence, kind, kernel, "console=ttyS0")
        look(evidence, f"{kind}-pti", kernel, "console=ttyS0 pti=on")
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
