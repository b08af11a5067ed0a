"""`python -m tests`: every check, one after another, and what came of them. What is added goes to pytest."""

import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))

CHECKS = {
    "Format": ["ruff", "format", "--check", "."],
    "Lint": ["ruff", "check", "."],
    "Types": ["mypy"],
    "Who may import whom": ["lint-imports"],
    "Texts": ["handreiking", "check"],
    "Tests, on SQLite and on PostgreSQL": ["python", "-m", "pytest", "-n", "2", "-m", "not benchmark", "-q"],
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
        failed = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0
        results[heading] = (failed, time.monotonic() - began)
    say("")
    for heading, (failed, seconds) in results.items():
        say(f"{'FAILED' if failed else 'passed'}  {heading} ({seconds:.0f} s)")
    return int(any(failed for failed, _ in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
