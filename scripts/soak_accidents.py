#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a Linux boot that meet an accident: killed, a disk that is full,
slow or broken, a second writer. Evidence: build/soak/accidents.txt.

  scripts/soak_accidents.py [kill|full|slow|writers]... [--choices SEED]

A disk of a few megabytes takes root, and slow and broken ones take strace;
what the host does not have is said and counts as a failure.
"""
from __future__ import annotations

import argparse
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from soak_evidence import (Evidence, FOLDER, GUESTS, VMRR, info, last_line,
                           need_program, vmrr)

KILLS = 20
BOOT = ["--kernel", str(GUESTS / "vmlinuz"), "--initrd",
        str(GUESTS / "initramfs.cpio.gz"), "--seed", "1", "--date", "1700000000"]
SCRIPT = "expect librr guest ready\nexpect guest>\ntype poweroff -f\\n\n"
TRACE = FOLDER / "accident.vmrr"


def boot_arguments(trace: Path) -> list[str]:
    script = FOLDER / "boot.input"
    script.write_text(SCRIPT, encoding="utf-8")
    return ["record", "-o", str(trace), *BOOT, "--input", str(script)]


def check_prefix(trace: Path, shown: bytes | None) -> str | None:
    """What is wrong with a cut-off trace, or None: it has to open and to
    verify, and to hold what `shown` begins with."""
    facts = info(trace)
    if not facts:
        return f"does not open: {vmrr(['info', trace]).stderr.strip()}"
    if facts["being_written"]:
        return "claims to be being written"
    done = vmrr(["verify", trace])
    if done.returncode != 0 or "exact" not in done.stderr:
        return f"verify ended with {done.returncode}: {done.stderr.strip()}"
    if shown is not None:
        held = subprocess.run([VMRR, "console", trace], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if held.returncode != 0 or not shown.startswith(held.stdout):
            return "its console is not what was shown"
    return None


# --- kill -9 ------------------------------------------------------------------

def start_recording(trace: Path, shown: Path) -> subprocess.Popen:
    """A recording that has begun: it says so before its first step."""
    trace.unlink(missing_ok=True)
    with open(shown, "wb") as output:
        process = subprocess.Popen([VMRR, *boot_arguments(trace)],
                                   stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.PIPE)
    for line in process.stderr:
        if b"recording to" in line:
            return process
    raise RuntimeError("the recording did not begin")


def kill(evidence: Evidence, choices: random.Random) -> None:
    shown = FOLDER / "accident.console"
    process = start_recording(TRACE, shown)
    begin = time.monotonic()
    process.stderr.read()
    process.wait()
    whole = time.monotonic() - begin
    evidence.add(f"kill: a boot takes {whole:.2f} s from its first step")
    most = 0.0
    number = 0
    while number < KILLS:
        moment = choices.uniform(0.0, whole * 0.98)
        process = start_recording(TRACE, shown)
        time.sleep(moment)
        killed = time.time()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        if process.returncode != -signal.SIGKILL:
            whole = min(whole, moment)  # the host is faster than it was
            continue
        number += 1
        # Each flush writes all that was recorded up to it.
        lost = max(0.0, killed - TRACE.stat().st_mtime)
        most = max(most, lost)
        fault = check_prefix(TRACE, shown.read_bytes())
        facts = info(TRACE)
        if fault is None and facts["complete"]:
            fault = "claims to be complete"
        if fault is None and lost > 1.0:
            fault = f"{lost:.3f} s are lost"
        evidence.check(
            f"kill {number} after {moment:.3f} s", fault,
            f"verified up to {facts.get('end_position')}, "
            f"{facts.get('digest_count')} digests, {lost:.3f} s lost")
    evidence.add(f"kill: at most {most:.3f} s lost")


# --- a full disk --------------------------------------------------------------

def ended_by_disk(evidence: Evidence, name: str, trace: Path, done,
                  wanted: str, reads_images: bool,
                  end: int | None = None) -> None:
    """The recording failed as it should, and what it left is good. It may be
    complete, if nothing but its index found no room: then it has to reach `end`,
    where the whole recording ends."""
    fault = None
    message = last_line(done.stderr)
    if done.returncode != 4:
        fault = f"record ended with {done.returncode}: {message}"
    elif not re.search(wanted, message) or str(trace) not in message:
        fault = f"the message says not what is wrong: {message}"
    elif reads_images:
        fault = check_prefix(trace, None)
        facts = info(trace)
        if fault is None and facts["complete"] and facts["end_position"] != end:
            fault = "claims to be complete"
    else:
        opened = vmrr(["verify", trace])
        if opened.returncode != 3 or not opened.stderr.strip():
            fault = (f"a trace without images: verify ended with "
                     f"{opened.returncode}: {opened.stderr.strip()}")
    facts = info(trace) if reads_images else {}
    size = trace.stat().st_size if trace.exists() else 0
    evidence.check(
        name, fault,
        f"exit code 4, {message!r}, {size} bytes, " +
        (f"verified up to {facts.get('end_position')}" if reads_images else
         "without its images: refused"))


def file_limit(size: int):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


# How much two recordings of a boot may differ in size: where heartbeats come
# depends on how fast the host is.
LITTLE = 65536


def full(evidence: Evidence, choices: random.Random) -> None:
    TRACE.unlink(missing_ok=True)
    dense = [*boot_arguments(TRACE), "--digest-every", "200000"]
    done = vmrr(dense)
    facts = info(TRACE)
    if not evidence.check("full: there is room", None if done.returncode == 0
                          else last_line(done.stderr),
                          f"{facts.get('bytes', {}).get('total')} bytes"):
        return
    total = facts["bytes"]["total"]
    images = facts["bytes"]["image"] + 4096
    sizes = [(size, True) for size in sorted(
        [images + choices.randrange(4096, total - images - 4096)
         for _ in range(5)] + [total - LITTLE])]
    sizes += [(choices.randrange(4096, images - 8192), False)
              for _ in range(2)]
    for size, reads_images in sizes:
        TRACE.unlink(missing_ok=True)
        done = vmrr(dense, preexec_fn=file_limit(size))
        ended_by_disk(evidence, f"full: at most {size} bytes in a file", TRACE,
                      done, "too large", reads_images, facts["end_position"])
    for size, reads_images in sizes:
        disk_of(evidence, (size + 4095) // 4096 * 4096, facts, reads_images)


def disk_of(evidence: Evidence, size: int, whole: dict,
            reads_images: bool) -> None:
    """The same on a disk that is as small."""
    if size >= whole["bytes"]["total"]:
        return
    folder = FOLDER / "disk"
    folder.mkdir(exist_ok=True)
    name = f"full: a disk of {size} bytes"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}",
                              "librr-soak", folder], capture_output=True,
                             text=True, check=False)
    if mounted.returncode != 0:
        evidence.check(name, f"not tried: {last_line(mounted.stderr)}")
        return
    try:
        trace = folder / "full.vmrr"
        done = vmrr([*boot_arguments(trace), "--digest-every", "200000"])
        ended_by_disk(evidence, name, trace, done, "No space left",
                      reads_images, whole["end_position"])
    finally:
        subprocess.run(["umount", folder], check=True)


# --- a slow disk, and one that breaks -----------------------------------------

def traced(inject: list[str], arguments: list[str]):
    options = [word for rule in inject for word in ("-e", f"inject={rule}")]
    calls = ",".join(rule.split(":")[0] for rule in inject)
    return subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
         *options, VMRR, *arguments], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False)


def slow(evidence: Evidence, _: random.Random) -> None:
    if shutil.which("strace") is None:
        evidence.check("slow", "not tried: strace is missing")
        return
    for what, options, rules in (
            ("each write takes 0.2 s", [], ["pwrite64:delay_exit=200000"]),
            ("each wait for the disk takes 2 s", ["--sync"],
             ["fdatasync:delay_exit=2000000"])):
        TRACE.unlink(missing_ok=True)
        begin = time.monotonic()
        done = traced(rules, [*boot_arguments(TRACE), *options])
        took = time.monotonic() - begin
        fault = None
        if done.returncode != 0:
            fault = f"record ended with {done.returncode}: {last_line(done.stderr)}"
        else:
            verified = vmrr(["verify", TRACE])
            if verified.returncode != 0:
                fault = last_line(verified.stderr)
        evidence.check(f"slow: {what}", fault,
                       f"recorded in {took:.1f} s, verified up to "
                       f"{info(TRACE).get('end_position')}")
    for what, options, rules, wanted in (
            ("a write fails", [], ["pwrite64:error=EIO:when=12"],
             "Input/output error"),
            ("all writes fail from one on", [],
             ["pwrite64:error=ENOSPC:when=12+"], "No space left"),
            ("a wait for the disk fails", ["--sync"],
             ["fdatasync:error=EIO:when=4"], "Input/output error"),
            ("neither writes nor cuts work", [],
             ["pwrite64:error=EIO:when=12+", "ftruncate:error=EIO:when=2+"],
             "Input/output error")):
        TRACE.unlink(missing_ok=True)
        done = traced(rules, [*boot_arguments(TRACE), *options])
        ended_by_disk(evidence, f"broken: {what}", TRACE, done, wanted, True)


# --- two writers --------------------------------------------------------------

def writers(evidence: Evidence, _: random.Random) -> None:
    process = start_recording(TRACE, FOLDER / "accident.console")
    time.sleep(1)
    second = vmrr(boot_arguments(TRACE))
    facts = info(TRACE)
    process.stderr.read()
    process.wait()
    fault = None
    message = last_line(second.stderr)
    if second.returncode != 4 or "being written by another" not in message:
        fault = f"the second ended with {second.returncode}: {message}"
    elif not facts.get("being_written"):
        fault = "info says not that it is being written"
    elif process.returncode != 0:
        fault = f"the first ended with {process.returncode}"
    else:
        done = vmrr(["verify", TRACE])
        if done.returncode != 0 or not info(TRACE)["complete"]:
            fault = last_line(done.stderr)
    evidence.check("writers: the second is refused, the first verifies", fault,
                   f"exit code 4, {message!r}")


PARTS = {"kill": kill, "full": full, "slow": slow, "writers": writers}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part",
                        help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--choices", type=int, default=None,
                        help="seed of moments and sizes (default: drawn)")
    arguments = parser.parse_args()
    if set(arguments.parts) - set(PARTS):
        parser.error("no such part")
    need_program()
    seed = arguments.choices
    if seed is None:
        seed = random.SystemRandom().getrandbits(32)
    evidence = Evidence("accidents")
    for name in arguments.parts or PARTS:
        evidence.add(f"{name} begins, choices {seed}")
        PARTS[name](evidence, random.Random(seed))
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
