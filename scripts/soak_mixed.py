#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""One long recording of mixed work, verified with several budgets. Evidence:
build/soak/mixed.txt.

  scripts/soak_mixed.py [STEPS]      default: 10^10
"""
from __future__ import annotations

import sys

from soak_evidence import (Evidence, FOLDER, GUESTS, info, need_program,
                           record_and_verify)

WORK = ["workload sha256 8", "workload exec 60", "workload copy 16",
        "workload float 300000", "workload fork 60",
        "gzip -c /bin/busybox | gunzip | md5sum",
        "find / -xdev | sort | md5sum", "sleep 3",
        "dd if=/dev/urandom bs=4k count=512 2>/dev/null | md5sum",
        "seq 1 20000 | sort -r | awk '{ s += $1 * 1.5 } END { print s }'",
        "for i in 1 2 3 4 5 6 7 8; do (workload sha256 1 &); done; wait",
        "cat /proc/interrupts | wc -l"]
# What one round of it takes, roughly.
ROUND_STEPS = 2_500_000_000


def main() -> int:
    need_program()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10**10
    evidence = Evidence("mixed")
    rounds = wanted // ROUND_STEPS + 2
    lines = ["expect librr guest ready", "expect guest>"]
    for number in range(rounds):
        for command in WORK:
            lines += [f"type {command}\\n", "expect guest>"]
        lines += [f"type echo round {number} over\\n", "expect guest>"]
    script = FOLDER / "mixed.input"
    script.write_text("\n".join(lines) + "\ntype poweroff -f\\n\n",
                      encoding="utf-8")
    text = record_and_verify(
        evidence, "mixed",
        ["--kernel", str(GUESTS / "vmlinuz"), "--initrd",
         str(GUESTS / "initramfs.cpio.gz"), "--input", str(script)],
        [f"round {rounds - 1} over"], "poweroff",
        budgets=(0, 997, 99_991, 10**8))
    if text is not None:
        steps = info(FOLDER / "mixed.vmrr")["end_position"]
        evidence.check(f"mixed: {wanted} steps or more", None if steps >= wanted
                       else f"only {steps}", f"{steps} steps")
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
