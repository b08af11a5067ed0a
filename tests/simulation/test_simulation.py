"""The world, run for a while; and shown to notice what is broken."""

import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.broken import BREAKAGES
from tests.simulation.run import kind_of, live, told
from tests.simulation.town import BUSY

ROOT = Path(__file__).parents[2]
#: The seeds of `python -m tests`; a long run takes others.
SEEDS = range(4)


@pytest.fixture(autouse=True)
def _quiet_logs():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_always_holds_holds_in_a_town(seed, wording):
    lived = live(seed, wording=wording)

    assert lived.broken is None, told(lived)
    assert lived.counts["nudges"], "a town in which nobody is written to shows nothing"
    assert lived.counts["notes"], "a town in which no note arrives shows nothing of notes"


@pytest.mark.parametrize("seed", [100, 101])
def test_it_holds_in_a_busy_town_on_both_databases(seed, wording, database_url):
    lived = live(seed, url=database_url, wording=wording)

    assert lived.broken is None, told(lived)
    assert lived.faults.total() > 5


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_world_notices_what_is_broken(name):
    command = [sys.executable, "-m", "tests.simulation.broken", name]
    same = {**os.environ, "PYTHONHASHSEED": "0"}
    ran = subprocess.run(command, cwd=ROOT, env=same, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    fired = re.match(r"invariant (\d+):", ran.stdout)
    assert fired, ran.stdout
    assert int(fired[1]) in BREAKAGES[name].noticed_by, ran.stdout


def test_a_seed_gives_the_same_town_again(wording):
    kind = replace(BUSY, days=15)

    one, other = (live(7, kind=kind, wording=wording) for _ in range(2))

    assert (one.counts, one.faults, one.story) == (other.counts, other.faults, other.story)


def test_towns_are_many_citizen_days():
    assert sum(kind_of(seed).citizens * kind_of(seed).days for seed in SEEDS) >= 50_000
