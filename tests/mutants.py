"""`python -m tests.mutants N --seed S`: break `bot/core` in N ways drawn by lot, and tell how many the tests notice.

mutmut makes all mutants and runs the tests that reach each; the whole (`mutmut run`) takes hours on two cores. The
interval is Wilson's, at 95 %, corrected for the share of all mutants that was drawn.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import sysconfig
import tomllib
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parents[1]
MUTMUT = Path(sysconfig.get_path("scripts")) / "mutmut"
NOBODY = "no such mutant"
NOTICED = {"killed", "timeout", "segfault"}
# A worker of mutmut that ended by itself, as with names of tests that it cannot pass on: run those once more, by hand.
BROKE_OFF = 255


def interval(killed: int, drawn: int, whole: int) -> tuple[float, float]:
    """Between which shares the score of all mutants lies, with 95 % confidence."""
    z = 1.96 * math.sqrt((whole - drawn) / max(whole - 1, 1))
    share = killed / drawn
    middle = (share + z * z / (2 * drawn)) / (1 + z * z / drawn)
    half = z / (1 + z * z / drawn) * math.sqrt(share * (1 - share) / drawn + z * z / (4 * drawn * drawn))
    return middle - half, middle + half


def found() -> dict[str, int | None]:
    """Every mutant with the exit code of its tests; None: not run yet."""
    whole: dict[str, int | None] = {}
    for meta in (ROOT / "mutants").rglob("*.meta"):
        whole |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return whole


def mutmut(*names: str) -> None:
    subprocess.run([MUTMUT, "run", "--max-children", "1", *names], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)


def by_hand(name: str) -> int:
    """The exit code of the tests on one mutant, without mutmut's workers."""
    chosen = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", *chosen["pytest_add_cli_args"]]
    return subprocess.run(
        [*command, *chosen["pytest_add_cli_args_test_selection"]],
        cwd=ROOT / "mutants",
        env=os.environ | {"MUTANT_UNDER_TEST": name, "PYTHONPATH": "."},
        check=False,
        stdout=subprocess.DEVNULL,
    ).returncode


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    ask.add_argument("count", type=int, nargs="?", default=400)
    ask.add_argument("--seed", type=int, default=1)
    given = ask.parse_args()
    if not found():
        subprocess.run([MUTMUT, "run", NOBODY], cwd=ROOT, check=False, capture_output=True)  # makes them and runs none
    names = sorted(found())
    drawn = random.Random(given.seed).sample(names, min(given.count, len(names)))
    mutmut(*drawn)
    codes = {name: by_hand(name) if code == BROKE_OFF else code for name, code in found().items() if name in drawn}
    results = {name: status_by_exit_code[codes[name]] for name in sorted(drawn)}
    killed = sum(result in NOTICED for result in results.values())
    low, high = interval(killed, len(drawn), len(names))
    for name, result in results.items():
        if result not in NOTICED:
            sys.stdout.write(f"{result}  {name}\n")
    counts = ", ".join(f"{count} {result}" for result, count in Counter(results.values()).most_common())
    sys.stdout.write(f"{len(drawn)} of {len(names)} mutants, seed {given.seed}: {counts}\n")
    sys.stdout.write(f"noticed: {killed / len(drawn):.1%}; of all, between {low:.1%} and {high:.1%}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
