# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""What the soak_*.py scripts share: where things are, how a package is
fetched without being installed, how a guest is recorded and verified, and the
file that the evidence goes to."""
from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VMRR = Path(os.environ.get("LIBRR_VMRR", ROOT / "build/bin/vmrr"))
FOLDER = ROOT / "build/soak"
GUESTS = ROOT / "build/guests"
PACKAGES = GUESTS / "packages"


class Evidence:
    """Appends dated lines to a file in build/soak, and shows them."""

    def __init__(self, name: str) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.path = FOLDER / f"{name}.txt"
        self.failures = 0

    def add(self, line: str) -> None:
        now = datetime.datetime.now().isoformat(timespec="seconds")
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{now} {line}\n")
        print(now, line, flush=True)

    def check(self, what: str, fault: str | None, facts: str = "") -> bool:
        """One line: what was checked and that it holds, or the fault."""
        if fault is not None:
            self.failures += 1
            self.add(f"{what}: FAILED: {fault}")
            return False
        self.add(f"{what}: ok{'; ' if facts else ''}{facts}")
        return True

    def exit_code(self) -> int:
        return 1 if self.failures else 0


def vmrr(arguments: list[str], **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(VMRR), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False, **options)


def info(trace: Path) -> dict:
    done = vmrr(["info", "--json", trace])
    return json.loads(done.stdout) if done.returncode == 0 else {}


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def fetch_package(name: str, only: str = "*") -> Path:
    """Debian's package `name`, unpacked but not installed, or those of its
    files that match `only`; its folder."""
    folder = PACKAGES / name
    if folder.is_dir():
        return folder
    PACKAGES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root",
                    "download", name], cwd=PACKAGES, check=True,
                   stdout=subprocess.DEVNULL)
    (archive,) = PACKAGES.glob(f"{name}_*.deb")
    partial = PACKAGES / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive],
                          stdout=subprocess.PIPE) as tar:
        subprocess.run(["tar", "-x", "-C", partial, "--wildcards", only],
                       stdin=tar.stdout, check=True)
    archive.unlink()
    partial.rename(folder)
    return folder


def dependency(package: str, pattern: str) -> str:
    """The first dependency of `package` whose name matches."""
    depends = subprocess.run(["apt-cache", "depends", package], check=True,
                             capture_output=True, text=True).stdout
    for name in re.findall(r"Depends: (\S+)", depends):
        if re.fullmatch(pattern, name):
            return name
    raise RuntimeError(f"{package} depends on nothing like {pattern}")


def record_and_verify(evidence: Evidence, name: str, arguments: list[str],
                      wanted: list[str], end_reason: str,
                      budgets: tuple[int, ...] = (0,)) -> str | None:
    """Records to NAME.vmrr, expects `wanted` (regular expressions) in the
    console's output, and verifies. Returns the console's text, or None."""
    trace = FOLDER / f"{name}.vmrr"
    begin = time.monotonic()
    done = vmrr(["record", "-o", trace, *arguments])
    took = time.monotonic() - begin
    (FOLDER / f"{name}.console").write_text(done.stdout, encoding="utf-8")
    facts = info(trace)
    missing = [text for text in wanted if not re.search(text, done.stdout)]
    fault = None
    if done.returncode != 0:
        fault = f"record ended with {done.returncode}: {last_line(done.stderr)}"
    elif missing:
        fault = f"the console shows no {missing[0]!r} (see {name}.console)"
    elif facts.get("end_reason") != end_reason:
        fault = f"ended by {facts.get('end_reason')}, not {end_reason}"
    if not evidence.check(
            f"{name}: recorded", fault,
            f"{facts.get('end_position')} steps, {took:.0f} s, "
            f"{facts.get('bytes', {}).get('total')} bytes, "
            f"{facts.get('digest_count')} digests, ended by "
            f"{facts.get('end_reason')}"):
        return None
    for budget in budgets:
        done = vmrr(["verify", trace,
                     *(["--budget", str(budget)] if budget else [])])
        fault = None if done.returncode == 0 else done.stderr.strip()
        lines = [line for line in done.stderr.splitlines() if "exact" in line]
        if not evidence.check(f"{name}: verified"
                              f"{f', budget {budget}' if budget else ''}",
                              fault, last_line("\n".join(lines))):
            return None
    return (FOLDER / f"{name}.console").read_text(encoding="utf-8")


def need_program() -> None:
    if not VMRR.exists():
        sys.exit(f"{VMRR} is missing: run scripts/build")
