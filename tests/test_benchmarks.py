"""The benchmarks are all there and print; how fast anything is, no test says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import table
from tests.benchmarks.figure import Figure

ROOT = Path(__file__).parents[1]

TINY = """
from tests.benchmarks.figure import Figure

def counted_letters(scratch):
    (scratch / "word").write_text("hand")
    letters = len((scratch / "word").read_text())
    bars = {{"must": {must}, "hoped": 9, "least": True}}
    return [Figure(what="letters in a word", measured=letters, unit="×", baseline="1", **bars)]

def _not_one(scratch):
    raise AssertionError
"""

#: What is to be measured, by the file that measures it.
ROWS = {
    "console": {"pages_for_staff"},
    "intake": {
        "signals_over_http_on_sqlite", "signals_over_http_on_postgresql", "csv_on_sqlite", "csv_on_postgresql",
        "updates_by_webhook",
    },
    "planning": {"planned_in_bulk", "audience_preview", "launch", "two_planners", "memory_of_run"},
    "sender": {"thirty_a_second", "a_thousand_a_second", "presses_meanwhile"},
}  # fmt: skip


@pytest.fixture
def clone(tmp_path):
    """A clone in which there is one small benchmark."""
    (tmp_path / "bot").symlink_to(ROOT / "bot")
    here = tmp_path / "tests" / "benchmarks"
    here.mkdir(parents=True)
    for path in (ROOT / "tests" / "benchmarks").glob("*.py"):
        if not path.name.startswith("bench_"):
            shutil.copy(path, here)
    (here / "bench_small.py").write_text(TINY.format(must=3), encoding="utf-8")
    return tmp_path


def bench(clone, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANDREIKING_")}
    command = [sys.executable, "-m", "bot", "bench", *arguments]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("area", ROWS)
def test_every_row_that_is_wanted_is_measured(area):
    assert ROWS[area] <= {one.function for one in table.found() if one.module == f"bench_{area}"}


def test_the_command_prints_the_table_for_this_machine(clone):
    done = bench(clone)

    measured_on, _, headings, _, row = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert "Python 3." in measured_on
    assert [cell.strip() for cell in headings.split("|")] == list(table.HEADINGS)
    assert [cell.strip() for cell in row.split("|")] == ["letters in a word", "≥ 3 ×", "≥ 9 ×", "4 ×", "1", "reached"]


def test_a_must_that_is_missed_ends_with_exit_code_1(clone):
    (clone / "tests" / "benchmarks" / "bench_small.py").write_text(TINY.format(must=5), encoding="utf-8")

    done = bench(clone, "small", "--json")

    assert done.returncode == 1, done.stderr
    assert [figure["verdict"] for figure in json.loads(done.stdout)["figures"]] == ["short"]


def test_a_benchmark_that_breaks_is_told_and_does_not_pass(clone):
    (clone / "tests" / "benchmarks" / "bench_small.py").write_text("def broken(scratch):\n    1 / 0\n")

    done = bench(clone)

    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "ZeroDivisionError" in done.stderr


def test_a_name_that_no_benchmark_has_is_refused_with_those_there_are(clone):
    done = bench(clone, "fast")

    assert done.returncode == 2
    assert "small.counted_letters" in done.stderr


def test_without_the_repository_the_command_says_where_the_benchmarks_are(clone):
    shutil.rmtree(clone / "tests")

    done = bench(clone)

    assert done.returncode == 1
    assert "Clone the repository" in done.stderr


@pytest.mark.parametrize(
    ("measured", "least", "verdict"),
    [(9, True, "short"), (10, True, "reached"), (40, True, "hoped"), (9, False, "reached"), (11, False, "short")],
)
def test_a_figure_is_held_against_what_it_must_be(measured, least, verdict):
    hoped = 40 if least else 5
    figure = Figure(what="", measured=measured, unit="×", must=10, hoped=hoped, least=least, baseline="")

    assert figure.verdict == verdict
