#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged traces. Evidence: build/soak/attack.txt.

  scripts/soak_attack.py small [COUNT [FIRST]]   default: 100 000 from 0
  scripts/soak_attack.py real [COUNT [SEED]]     default: 200, seed drawn

`small` damages the trace of a guest of 10^5 steps, in one process under ASan
(build-asan/bin/attack_traces). `real` damages the trace of a Linux boot and
gives the copies to vmrr, with an address space of 4 GiB: each is refused, or
exact up to the damage, with the recorded events before it.
"""
from __future__ import annotations

import collections
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

from soak_evidence import (Evidence, FOLDER, GUESTS, ROOT, VMRR, info,
                           last_line, need_program, vmrr)

ATTACK = ROOT / "build-asan/bin/attack_traces"
CHUNK = 2000
MAX_SECONDS = 900
# Of the boot: a little more than until the kernel's first output.
REAL_STEPS = 150_000_000
ADDRESS_SPACE = 4 << 30


def small(evidence: Evidence, count: int, first: int) -> None:
    if not ATTACK.exists():
        sys.exit(f"{ATTACK} is missing: scripts/soak attack builds it")
    sums: collections.Counter = collections.Counter()
    begin = time.monotonic()
    for start in range(first, first + count, CHUNK):
        some = min(CHUNK, first + count - start)
        done = subprocess.run([ATTACK, str(some), str(start)],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", check=False,
                              cwd=FOLDER)
        head, *lines = done.stdout.splitlines() or [""]
        if not evidence.check(
                f"small: cases {start} to {start + some - 1}",
                None if done.returncode == 0 else
                f"ended with {done.returncode}: {done.stderr.strip()[:2000]}",
                head):
            return
        for line in lines:
            what, _, number = line.rpartition(": ")
            sums[what.rpartition(": ")[2]] += int(number)
    text = ", ".join(f"{number} {what}" for what, number in sums.most_common())
    evidence.add(f"small: {sum(sums.values())} copies in "
                 f"{time.monotonic() - begin:.0f} s: {text}")


def damage(data: bytes, tail: int, choices: random.Random) -> tuple[str, bytes]:
    """A damaged copy; every other one behind offset `tail`."""
    low = choices.choice([0, tail])
    at = choices.randrange(low, len(data))
    length = choices.randrange(1, 65)
    kind = choices.choice(["bits", "run", "cut", "insert", "remove"])
    if kind == "bits":
        copy = bytearray(data)
        for _ in range(choices.randrange(1, 9)):
            copy[choices.randrange(low, len(data))] ^= 1 << choices.randrange(8)
        return kind, bytes(copy)
    if kind == "run":
        return kind, (data[:at] + choices.randbytes(length) +
                      data[at + length:])[:len(data)]
    if kind == "cut":
        return kind, data[:at]
    if kind == "insert":
        return kind, data[:at] + choices.randbytes(length) + data[at:]
    return kind, data[:at] + data[at + length:]


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def check_copy(copy: Path, events: list[str]) -> tuple[str, str | None]:
    """What came of it, and what must not be."""
    try:
        done = vmrr(["verify", copy], preexec_fn=limit, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        return "hangs", f"verify takes more than {MAX_SECONDS} s"
    message = done.stderr.strip()
    if done.returncode not in (0, 3) or not message:
        return "fails", f"verify ended with {done.returncode}: {message}"
    listed = subprocess.run([VMRR, "events", copy], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=False,
                            errors="replace", preexec_fn=limit)
    lines = listed.stdout.splitlines()
    if listed.returncode not in (0, 3):
        return "fails", f"events ended with {listed.returncode}"
    if lines != events[:len(lines)]:
        wrong = next(i for i, line in enumerate(lines)
                     if i >= len(events) or line != events[i])
        return "lies", f"event {wrong} is not the recorded one: {lines[wrong]}"
    if done.returncode == 0:
        return "exact", None
    if "exact" in message or lines:
        return "exact up to the damage", None
    return "refused", None


def real(evidence: Evidence, count: int, seed: int) -> None:
    trace = FOLDER / "attacked.vmrr"
    copy = FOLDER / "damaged.vmrr"
    done = vmrr(["record", "-o", trace, "--kernel", GUESTS / "vmlinuz",
                 "--initrd", GUESTS / "initramfs.cpio.gz", "--max-position",
                 str(REAL_STEPS), "--digest-every", "500000"])
    facts = info(trace)
    if not evidence.check("real: recorded", None if done.returncode == 0 else
                          last_line(done.stderr), str(facts.get("bytes"))):
        return
    data = trace.read_bytes()
    events = vmrr(["events", trace]).stdout.splitlines()
    tail = facts["bytes"]["header"] + facts["bytes"]["image"]
    choices = random.Random(seed)
    outcomes: collections.Counter = collections.Counter()
    for number in range(count):
        kind, damaged = damage(data, tail, choices)
        copy.write_bytes(damaged)
        outcome, fault = check_copy(copy, events)
        outcomes[outcome] += 1
        if fault is not None:
            kept = FOLDER / f"attack-{seed}-{number}.vmrr"
            copy.rename(kept)
            evidence.check(f"real: copy {number} ({kind})", fault)
    text = ", ".join(f"{n} {what}" for what, n in outcomes.most_common())
    evidence.check(f"real: {count} copies, seed {seed}",
                   "see above" if evidence.failures else None, text)


def main() -> int:
    part, *numbers = sys.argv[1:] or [""]
    if part not in ("small", "real") or len(numbers) > 2:
        sys.exit(__doc__)
    need_program()
    evidence = Evidence("attack")
    values = [int(number) for number in numbers]
    if part == "small":
        small(evidence, *(values + [100_000, 0][len(values):]))
    else:
        drawn = random.SystemRandom().getrandbits(32)
        real(evidence, *(values + [200, drawn][len(values):]))
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
