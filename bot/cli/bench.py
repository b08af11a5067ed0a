"""How fast this program is on this machine: the benchmarks of the clone that it runs from."""

import subprocess  # nosec B404  # it runs our own benchmarks
import sys
from pathlib import Path
from typing import Annotated

import typer

import bot
from bot.cli.parts import Json
from bot.errors import RefusedError

# As the path was found, not where a link leads: a clone is known by what lies beside `bot`.
CLONE = Path(bot.__file__).parents[1]

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="An area or a benchmark; all if left out.")]


def bench(names: Names = None, json: Json = False) -> None:
    """Measure how fast this is on this machine, as ratios to a baseline. Exit code 1 when a must is missed."""
    if not (CLONE / "tests" / "benchmarks" / "__main__.py").is_file():
        raise RefusedError(
            "The benchmarks are not installed. Clone the repository and install `.[test]` there with pip's -e."
        )
    command = [sys.executable, "-m", "tests.benchmarks", *(names or []), *(["--json"] if json else [])]
    done = subprocess.run(command, cwd=CLONE, check=False)  # nosec B603  # noqa: S603 - our own module, and names it looks up
    raise typer.Exit(done.returncode)
