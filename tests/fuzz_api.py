"""`python -m tests.fuzz_api N --seed S`: Schemathesis against the real server, N cases for each operation and phase.

All of its checks, with data that fits the document and data that does not. The server is the API on a real journey and
SQLite, over HTTP, with limits that N cases do not reach.
"""

import argparse
import logging
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvicorn
from cryptography.fernet import Fernet
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import bot.wording
from bot import api, offers, signals
from bot.journey import Journey
from bot.service import listen
from bot.store import schema
from bot.store.vault import Vault

SOURCE = "urn:nld:oin:00000001234567890000:systeem:kalender"
SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
ROOT = Path(__file__).parents[1]
CONFIG = """
# 413 is how a batch of too many events is refused.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
# 422 for rules that no schema can say: numbers of persons in a name, a card that does not know the signal, two dates.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429]
"""
NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)


@contextmanager
def server(directory: Path) -> Iterator[tuple[str, str]]:
    """The API on a port of its own; its address and a key."""
    engine = schema.open_engine(f"sqlite:///{directory / 'api.db'}")
    schema.migrate(engine)
    sessions = sessionmaker(engine, class_=Session, expire_on_commit=False)
    wording = bot.wording.load()
    vault = Vault([Fernet.generate_key()], b"the tests' own finding key, 32 b")
    ids = iter(range(1, 10**9))
    journey = Journey(
        sessions=sessions, wording=wording, vault=vault, clock=lambda: NOW, new_id=lambda: f"c{next(ids):07d}"
    )
    with sessions.begin() as session:
        types = signals.known_types(card.facts() for card in wording.cards.values())
        key = signals.new_key(session, SOURCE, types, by="test", now=NOW, legal_basis="a law", dpia="D-1")

    def find(given: str) -> signals.Source | None:
        with sessions.begin() as session:
            return signals.find_source(session, given, now=NOW)

    app = api.build(
        receive=journey.receive,
        offer=partial(offers.offer, journey),
        sources=find,
        wording=lambda: wording,
        clock=lambda: NOW,
        limits=api.Limits(per_minute=10**9, wrong_per_minute=10**9),
    )
    running = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", key
    finally:
        running.should_exit = True
        thread.join()
        engine.dispose()


def hunt(directory: Path, cases: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Run Schemathesis; its exit code is 0 when every check of every case held."""
    with server(directory) as (url, key):
        command = [
            SCHEMATHESIS, "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {key}", "--checks", "all",
            "--mode", "all", "--max-examples", str(cases), "--seed", str(seed), "--continue-on-failure", "--no-color",
            "--wait-for-schema", "30", "--generation-database", "none",
        ]  # fmt: skip
        (directory / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
        environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz_hooks", "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.fuzz_api", description=__doc__)
    ask.add_argument("cases", type=int)
    ask.add_argument("--seed", type=int, default=1)
    chosen = ask.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as directory:
        ran = hunt(Path(directory), chosen.cases, chosen.seed)
    sys.stdout.write(ran.stdout + ran.stderr)
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
