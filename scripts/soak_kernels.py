#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""Boots Debian's kernels to a shell and memtest86+ through its first pass,
recorded and verified. Evidence: build/soak/kernels.txt.

  scripts/soak_kernels.py [cloud|generic|rt|pvh|memtest]...
"""
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from soak_evidence import (Evidence, FOLDER, GUESTS, dependency, fetch_package,
                           need_program, record_and_verify)
from soak_payload import compression, vmlinux

KERNELS = {"cloud": "linux-image-cloud-amd64", "generic": "linux-image-amd64",
           "rt": "linux-image-rt-amd64"}
SHELL = r"""expect librr guest ready
expect guest>
type uname -rv\n
expect guest>
type echo sum $(seq 1 10000 | md5sum)\n
expect guest>
type grep . /sys/devices/system/cpu/vulnerabilities/*\n
expect guest>
type workload sha256 1; workload exec 10\n
expect guest>
type dmesg | grep -c 'Call Trace'\n
expect guest>
type poweroff -f\n
"""
# The sum of `seq 1 10000` is the host's.
SUM = subprocess.run("seq 1 10000 | md5sum", shell=True, check=True,
                     capture_output=True, text=True).stdout.split()[0]


def kernel_file(kind: str) -> Path:
    package = fetch_package(dependency(KERNELS[kind], r"linux-image-\d.*"))
    (kernel,) = package.glob("boot/vmlinuz-*")
    return kernel


def boot(evidence: Evidence, name: str, kernel: Path, kind: str) -> None:
    script = FOLDER / "shell.input"
    script.write_text(SHELL, encoding="utf-8")
    text = record_and_verify(
        evidence, f"kernel-{name}",
        ["--kernel", str(kernel), "--initrd",
         str(GUESTS / "initramfs.cpio.gz"), "--input", str(script)],
        ["librr guest ready", f"sum {SUM}", r"Linux|#1 SMP",
         "spectre_v2:Not affected", "meltdown:Not affected"], "poweroff",
        budgets=(0, 1000))
    if text is None:
        return
    version = next((line for line in text.splitlines()
                    if "Linux version" in line), "")
    evidence.add(f"kernel-{name}: payload {kind}: {version[15:]}")
    traces = [line for line in text.splitlines()
              if "Call Trace" in line and "grep" not in line]
    evidence.check(f"kernel-{name}: no call trace",
                   traces[0] if traces else None)


def memtest(evidence: Evidence) -> None:
    """It has no end: the first pass is over when it shows one."""
    image = fetch_package("memtest86+") / "boot/memtest86+x64.bin"
    script = FOLDER / "memtest.input"
    # Escape reboots the machine. Between the label and the count are commands
    # that move the terminal's cursor: the status is shown whole.
    script.write_text("expect Status: Pass\ntype \\e\n", encoding="utf-8")
    text = record_and_verify(
        evidence, "memtest", ["--kernel", str(image), "--memory", "16M",
                              "--input", str(script), "--max-time", "400"],
        ["Memtest86+", "Status: Pass", "Errors: 0"], "reset")
    if text is not None:
        evidence.check("memtest: no errors",
                       None if "FAIL" not in text.upper() else "it found some")


def main() -> int:
    need_program()
    if not shutil.which("apt-get"):
        sys.exit("apt-get is missing: this fetches Debian's packages")
    chosen = sys.argv[1:] or [*KERNELS, "pvh", "memtest"]
    unknown = set(chosen) - {*KERNELS, "pvh", "memtest"}
    if unknown:
        sys.exit(__doc__)
    evidence = Evidence("kernels")
    for name in chosen:
        if name == "memtest":
            memtest(evidence)
        elif name == "pvh":
            # The same kernel without its loader, by the entry of its PVH note.
            unpacked = FOLDER / "vmlinux.elf"
            unpacked.write_bytes(vmlinux(kernel_file("cloud")))
            boot(evidence, name, unpacked, "none, an ELF file with a PVH note")
        else:
            kernel = kernel_file(name)
            boot(evidence, name, kernel, compression(kernel))
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
