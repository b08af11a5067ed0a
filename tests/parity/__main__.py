"""`python -m tests.parity`: every published number that can be had, beside ours. Exit code 1 when one differs.

What is not beside the repository is fetched by pip into a cache, some minutes the first time; `--no-fetch` leaves it.
`--coverage [SCALE]` holds the intervals against worlds whose truth is known instead, with 200 · SCALE runs each.
"""

import argparse
import sys

from tests.estimators.truths import coverage
from tests.parity import sources
from tests.parity.cases import FROM_SDIST, Line, binary, heartsteps

#: Cases of learning.md that are none of an estimator of ours, or whose data no package registry has.
LEFT_OUT = {
    "4.6 VW cb_test.ldf": "the data are in no package; contextual bandits by VW are no part of ours",
    "4.7 Thornton HIV incentives": "the data are in no package",
}


def say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def table(found: list[Line]) -> None:
    say(f"{'case':4}  {'what':58}  {'published':>13}  {'ours':>16}  {'difference':>10}  status")
    for line in found:
        status = "equal" if line.equal else "DIFFERS"
        say(
            f"{line.case:4}  {line.what:58}  {line.published:13.8g}  {line.ours:16.10g}  "
            f"{line.ours - line.published:10.1e}  {status}"
        )


def parity(*, fetch: bool) -> int:
    found, missing = list(binary()), dict(LEFT_OUT)
    path = sources.find(sources.HEARTSTEPS)
    if path is None:
        missing["4.1 WCLS"] = f"{sources.HEARTSTEPS} (GPL-3) is not in {' or '.join(map(str, sources.places()))}"
    else:
        found += heartsteps(path)
    for name, cases in FROM_SDIST.items():
        reason = None if sources.find(name) else (sources.fetch(name) if fetch else "not fetched")
        path = sources.find(name)
        if path is None:
            missing[name] = str(reason)
        else:
            found += cases(sources.Archive(path))
    found.sort(key=lambda line: line.case)
    table(found)
    say()
    for name, reason in missing.items():
        say(f"NOT HAD  {name}: {reason}")
    wrong = sum(not line.equal for line in found)
    say(f"{len(found) - wrong} of {len(found)} published numbers are equal.")
    return int(wrong > 0)


def covered(scale: float, seed: int) -> int:
    say(f"{'interval':45}  {'runs':>5}  {'covered':>7}  {'said':>5}  {'mean error (its error)':>24}  status")
    found = coverage(scale, seed)
    for one in found:
        error = f"{one.bias:+.4f} ({one.bias_se:.4f})"
        status = "honest" if one.honest else "NOT HONEST"
        say(f"{one.what:45}  {one.runs:5}  {one.rate:7.3f}  {one.nominal:5.2f}  {error:>24}  {status}")
    return int(not all(one.honest for one in found))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity")
    parser.add_argument("--no-fetch", action="store_true", help="take only what is there")
    parser.add_argument(
        "--coverage", nargs="?", type=float, const=10.0, metavar="SCALE", help="simulated truths instead"
    )
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args(arguments)
    return covered(asked.coverage, asked.seed) if asked.coverage else parity(fetch=not asked.no_fetch)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
