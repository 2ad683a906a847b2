#!/usr/bin/env python3
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""Random instructions on the host's CPU and on ours, until so many cases ran.
Evidence: build/soak/differential.txt; the coverage table of each seed:
build/soak/differential-SEED.txt.

  scripts/soak_differential.py [CASES [SEED]]   default: 10^7, seed drawn
"""
from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time

from soak_evidence import Evidence, FOLDER, ROOT

TEST = ROOT / "build/bin/differential_test"
# For each form; some 2000 forms make this half a million cases.
CASES_PER_FORM = 250


def main() -> int:
    if not TEST.exists():
        sys.exit(f"{TEST} is missing: run scripts/build differential_test")
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10**7
    seed = (int(sys.argv[2]) if len(sys.argv) > 2 else
            random.SystemRandom().getrandbits(32))
    evidence = Evidence("differential")
    cases = faults = 0
    begin = time.monotonic()
    while cases < wanted:
        table = FOLDER / f"differential-{seed}.txt"
        table.unlink(missing_ok=True)
        done = subprocess.run(
            [TEST], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", check=False,
            env={**os.environ, "LIBRR_DIFF_SEED": str(seed),
                 "LIBRR_DIFF_CASES": str(CASES_PER_FORM),
                 "LIBRR_DIFF_REPORT": str(table)})
        sums = [tuple(map(int, found)) for found in re.findall(
            r"(\d+) forms, (\d+) cases, (\d+) of them faults, (\d+) diff",
            done.stdout)]
        forms, some, faulted, differences = map(sum, zip(*sums or [(0,) * 4]))
        fault = None
        if done.returncode != 0 or differences != 0 or some == 0:
            (FOLDER / f"differential-{seed}.log").write_text(
                done.stdout + done.stderr, encoding="utf-8")
            fault = f"{differences} differences (differential-{seed}.log)"
        if not evidence.check(f"seed {seed}", fault,
                              f"{forms} forms, {some} cases, {faulted} of them "
                              "faults, 0 differences"):
            return 1
        cases += some
        faults += faulted
        seed += 1
    evidence.add(f"{cases} cases, {faults} of them faults, 0 differences, "
                 f"{time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
