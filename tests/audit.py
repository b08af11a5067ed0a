"""`python -m tests.audit`: whether a hole is known in a version that we use, as far as somebody who knows can be asked.

Exit code 0: asked about every package, nothing known. 1: something is known. 75: nobody could be asked about some of
them, which is no good news, only none; `python -m tests` then says NOT RUN, and does not fail on a machine without a
way out.
"""

import json
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PIP_AUDIT = Path(sysconfig.get_path("scripts")) / "pip-audit"
SERVICES = ("pypi", "osv")
NOT_RUN = 75
#: Holes that are let pass, each with its reason. There are none.
LET_PASS: Mapping[str, str] = {}


def asked(service: str) -> Sequence[Mapping[str, Any]] | None:
    """What this service knows of each pinned package; None when it does not answer."""
    command = [
        PIP_AUDIT, "--requirement", ROOT / ".constraints.txt", "--no-deps", "--disable-pip", "--format", "json",
        "--progress-spinner", "off", "--vulnerability-service", service, "--timeout", "10",
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: Sequence[Mapping[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, LookupError):
        return None
    return found


def judge(answers: Sequence[Sequence[Mapping[str, Any]] | None]) -> tuple[int, list[str]]:
    """The exit code and what to say. A hole that one of them knows is a hole; what none knows is not audited."""
    known: dict[str, list[str]] = {}
    names: set[str] = set()
    for package in (package for answer in answers if answer is not None for package in answer):
        names.add(package["name"])
        if "skip_reason" not in package:
            holes = [hole["id"] for hole in package["vulns"] if hole["id"] not in LET_PASS]
            known.setdefault(package["name"], []).extend(holes)
    said = [f"{name}: {', '.join(sorted(set(holes)))}" for name, holes in sorted(known.items()) if holes]
    if said:
        return 1, said
    if not names or len(known) < len(names):
        count = f"{len(known)} of {len(names)} packages" if names else "any package"
        return NOT_RUN, [f"NOT RUN: no advisory service could be asked about {count}. Run this where one answers."]
    return 0, [f"{len(known)} packages, nothing known."]


def main() -> int:
    answers: list[Sequence[Mapping[str, Any]] | None] = []
    for service in SERVICES:
        answers.append(asked(service))
        code, said = judge(answers)
        if code != NOT_RUN:
            break
    sys.stdout.write("\n".join(said) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
