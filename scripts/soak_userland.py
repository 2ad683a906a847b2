#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""A Debian with perl, python3, gcc, sqlite3 and openssl as the guest's initial
file system: what scripts/userland/checks.sh prints there has to be what it
prints on the host, in a chroot of the same tree, byte for byte. Recorded and
verified. Evidence: build/soak/userland.txt. Takes root and debootstrap.

  scripts/soak_userland.py [--pack-only]
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from soak_evidence import (Evidence, FOLDER, GUESTS, ROOT, need_program,
                           record_and_verify)

SUITE = "bookworm"
PACKAGES = "perl,python3,gcc,libc6-dev,sqlite3,openssl"
TREE = GUESTS / "userland/root"
CHECKS = ROOT / "scripts/userland"
# The C library chooses between versions of its functions by the CPU. Results
# of sin() and its kind may differ in the last bit between those with FMA and
# those without, which our CPU model lacks; so the host does without, too.
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F"}


def mirror() -> str:
    """Where apt gets the suite's packages from."""
    lines = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)",
         "Created-By: Packages"], check=True, capture_output=True,
        text=True).stdout.splitlines()
    for line in lines:
        codename, _, address = line.partition(" ")
        if codename == SUITE:
            return address
    sys.exit(f"apt knows no mirror of {SUITE}: run apt-get update")


def make_tree() -> None:
    done = TREE.parent / "done"
    if not done.exists():
        shutil.rmtree(TREE, ignore_errors=True)
        TREE.parent.mkdir(parents=True, exist_ok=True)
        with open(TREE.parent / "debootstrap.log", "wb") as log:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}",
                 SUITE, TREE, mirror()], check=True, stdout=log, stderr=log)
        for folder in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc",
                       "usr/share/locale", "usr/share/man"):
            shutil.rmtree(TREE / folder, ignore_errors=True)
        # One key, made once: both sides sign with it.
        (TREE / "checks").mkdir()
        subprocess.run(["openssl", "genrsa", "-out",
                        TREE / "checks/rsa.pem", "2048"], check=True,
                       stderr=subprocess.DEVNULL)
        done.touch()
    for path in CHECKS.iterdir():
        shutil.copy(path, TREE / "checks")
    init = (CHECKS / "userland_init").read_text(encoding="utf-8")
    (TREE / "init").write_text(init, encoding="utf-8")
    (TREE / "init").chmod(0o755)


def pack() -> Path:
    image = TREE.parent / "userland.cpio"
    # Not compressed: the guest would only have to undo it, and a trace is
    # compressed anyway.
    with open(image, "wb") as output:
        names = subprocess.run(["find", ".", "-mindepth", "1", "-print0"],
                               cwd=TREE, check=True, capture_output=True)
        subprocess.run(["cpio", "--null", "--quiet", "-o", "-H", "newc"],
                       cwd=TREE, check=True, input=b"\0".join(
                           sorted(names.stdout.split(b"\0")[:-1])) + b"\0",
                       stdout=output)
    return image


def on_host() -> str:
    """What the checks print in a chroot of the tree."""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c",
         'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/tmp" &&'
         ' exec chroot "$0" sh /checks/checks.sh', TREE],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"the checks fail on the host: {done.stderr.strip()}")
    (FOLDER / "userland.host").write_text(done.stdout, encoding="utf-8")
    return done.stdout


def in_guest(text: str) -> str | None:
    """The checks' part of the guest's console."""
    found = re.search(r"^== begin\n(.*)^== status (\d+)\n",
                      text.replace("\r", ""), re.MULTILINE | re.DOTALL)
    return found.group(1) if found and found.group(2) == "0" else None


def difference(host: str, guest: str | None) -> str | None:
    if guest is None:
        return "the checks did not end well in the guest"
    (FOLDER / "userland.guest").write_text(guest, encoding="utf-8")
    ours, theirs = guest.splitlines(), host.splitlines()
    for number, (a, b) in enumerate(zip(ours, theirs), 1):
        if a != b:
            return f"line {number} is {a!r}, on the host {b!r}"
    return None if guest == host else (
        f"{len(ours)} lines, on the host {len(theirs)}")


def main() -> int:
    need_program()
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("this takes root and debootstrap")
    evidence = Evidence("userland")
    make_tree()
    image = pack()
    if sys.argv[1:] == ["--pack-only"]:
        return 0
    host = on_host()
    evidence.add(f"host: {len(host.splitlines())} lines, "
                 f"{len(host)} bytes; image of {image.stat().st_size} bytes")
    text = record_and_verify(
        evidence, "userland",
        ["--kernel", str(GUESTS / "vmlinuz"), "--initrd", str(image),
         "--memory", "3G", "--append",
         "console=ttyS0 quiet GLIBC_TUNABLES=" + ENVIRONMENT["GLIBC_TUNABLES"]],
        [r"== begin", r"== end", r"== status 0"], "poweroff",
        budgets=(0, 1_000_003))
    if text is None:
        return 1
    fault = difference(host, in_guest(text))
    evidence.check("userland: the guest prints what the host prints", fault,
                   f"{len(host.splitlines())} lines")
    return evidence.exit_code()


if __name__ == "__main__":
    sys.exit(main())
