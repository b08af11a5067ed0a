"""`python -m tests`: every check, one after another, and what came of them. What is added goes to pytest.

`python -m tests --long N` lives N citizen-days of the simulation instead, on all cores, town after town; `--seed S`
begins with that seed, so that `--long 1 --seed S` is the one town of a failure again.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from tests.audit import NOT_RUN
from tests.simulation import run

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))

CHECKS = {
    "Format": ["ruff", "format", "--check", "."],
    "Lint": ["ruff", "check", "."],
    "Types": ["mypy"],
    "Who may import whom": ["lint-imports"],
    "Texts": ["handreiking", "check"],
    "Unsafe code": ["bandit", "-c", "pyproject.toml", "-r", "bot", "-q"],
    "Known holes in what we use": ["python", "-m", "tests.audit"],
    "A browser for the pages": ["python", "-m", "tests.chromium"],
    # Three on two cores: much of it waits for disks, processes and browsers.
    "Tests, on SQLite and on PostgreSQL": ["python", "-m", "pytest", "-n", "3", "-m", "not benchmark", "-q"],
}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(extra: list[str]) -> int:
    # The checks are about this tree, whatever this machine has set for a bot of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANDREIKING_")}
    results = {}
    for heading, (name, *arguments) in CHECKS.items():
        say(f"\n== {heading} ==")
        began = time.monotonic()
        command = [str(SCRIPTS / name), *arguments, *(extra if "pytest" in arguments else [])]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        results[heading] = ({0: "passed", NOT_RUN: "NOT RUN"}.get(code, "FAILED"), time.monotonic() - began)
    say("")
    for heading, (how, seconds) in results.items():
        say(f"{how}  {heading} ({seconds:.0f} s)")
    return int(any(how == "FAILED" for how, _ in results.values()))


def long(arguments: list[str]) -> int:
    """Exit code 1 when a town broke; which, and how it came to that, is printed."""
    parser = argparse.ArgumentParser(prog="python -m tests")
    parser.add_argument("--long", type=int, metavar="N", required=True, help="citizen-days to live")
    parser.add_argument("--seed", type=int, metavar="S", default=1_000, help="the seed of the first town")
    asked = parser.parse_args(arguments)
    return int(run.many(asked.long, asked.seed, say) > 0)


if __name__ == "__main__":
    sys.exit((long if "--long" in sys.argv else main)(sys.argv[1:]))
