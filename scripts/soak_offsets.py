#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""Where Debian's cloud kernel has the fields of its tasks, from five sources:
the BTF in the memory of a guest, the BTF and the DWARF of its vmlinux, its
headers, and pahole of both kinds. They have to agree. Evidence:
build/soak/offsets.txt. Fetches the kernel with debug information (283 MB).

  scripts/soak_offsets.py
"""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from soak_evidence import (Evidence, FOLDER, GUESTS, fetch_package,
                           last_line, need_program, vmrr)
from soak_kernels import SHELL, kernel_file

# What the names of the line are in the kernel's source.
MEMBERS = {
    "mm": "task_struct.mm", "tasks": "task_struct.tasks",
    "comm": "task_struct.comm", "pid": "task_struct.pid",
    "tgid": "task_struct.tgid", "thread": "task_struct.thread",
    "state": "task_struct.__state", "stack": "task_struct.stack",
    "real_parent": "task_struct.real_parent", "pgd": "mm_struct.pgd",
    "grouplead": "task_struct.group_leader", "fs": "thread_struct.fsbase",
    "threadgroup": "task_struct.thread_group", "sp": "thread_struct.sp",
    "signal": "task_struct.signal", "thread_node": "task_struct.thread_node",
    "thread_head": "signal_struct.thread_head"}
# These are no places in structures.
CONSTANTS = {"version", "threadsize", "commsize"}


def debug_kernel(release: str) -> Path:
    package = fetch_package(f"linux-image-{release}-dbg",
                            only="./usr/lib/debug/boot/vmlinux-*")
    return package / f"usr/lib/debug/boot/vmlinux-{release}"


def headers_tree(release: str) -> Path:
    """As scripts/guests has it, so that its links find each other."""
    return GUESTS / f"headers/linux-headers-{release}"


def ours(*arguments: str | Path) -> dict[str, int]:
    done = vmrr(["offsets", *arguments, "--json"])
    if done.returncode != 0:
        raise RuntimeError(last_line(done.stderr))
    return {each["name"]: each["value"]
            for each in json.loads(done.stdout)["offsets"]}


def pahole(kernel: Path, kind: str) -> dict[str, int]:
    found: dict[str, int] = {}
    layouts: dict[str, str] = {}
    for name, member in MEMBERS.items():
        aggregate, field = member.split(".")
        if aggregate not in layouts:
            layouts[aggregate] = subprocess.run(
                ["pahole", "-F", kind, "-C", aggregate, kernel], check=True,
                capture_output=True, text=True).stdout
        place = re.search(rf"\b{field}(\[\d+\])*(\s+__attribute__.*)?;\s+"
                          rf"/\*\s+(\d+)\s", layouts[aggregate])
        if place:
            found[name] = int(place[3])
    return found


def main() -> int:
    need_program()
    if shutil.which("pahole") is None:
        sys.exit("pahole is missing: apt-get install pahole")
    evidence = Evidence("offsets")
    kernel = kernel_file("cloud")
    release = kernel.name.removeprefix("vmlinuz-")
    trace = FOLDER / "offsets.vmrr"
    script = FOLDER / "offsets.input"
    script.write_text(SHELL, encoding="utf-8")
    done = vmrr(["record", "-o", trace, "--kernel", kernel, "--initrd",
                 GUESTS / "initramfs.cpio.gz", "--input", script])
    if not evidence.check("recorded", None if done.returncode == 0 else
                          last_line(done.stderr), release):
        return 1
    vmlinux = debug_kernel(release)
    sources = {
        "the guest's BTF": ours(trace, "--at", "1400000000"),
        "vmlinux's BTF": ours(vmlinux, "--types", "btf"),
        "vmlinux's DWARF": ours(vmlinux, "--types", "dwarf"),
        "the headers": ours(headers_tree(release)),
        "pahole, BTF": pahole(vmlinux, "btf"),
        "pahole, DWARF": pahole(vmlinux, "dwarf")}
    first = sources["the guest's BTF"]
    for source, values in sources.items():
        names = set(MEMBERS) | (CONSTANTS & set(values))
        wrong = [f"{name} is {values.get(name)}, not {first.get(name)}"
                 for name in sorted(names)
                 if values.get(name) != first.get(name) or name not in first]
        evidence.check(f"{source}: the same as in the guest's BTF",
                       ", ".join(wrong) or None, f"{len(names)} values")
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
