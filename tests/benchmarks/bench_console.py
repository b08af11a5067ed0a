"""The staff's pages over HTTP, in a city with ten thousand campaigns behind it."""

import itertools
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from bot import console, staff
from bot.campaigns import State
from bot.console.desk import COOKIE
from bot.store import ledger
from tests.benchmarks import register
from tests.benchmarks.figure import Figure
from tests.benchmarks.register import NOW, Register
from tests.browser import pages
from tests.browser.served import served
from tests.console.conftest import PEOPLE

CITIZENS = 100_000
CAMPAIGNS = 10_000
WAITING = 500
DEEDS = 5_000
ROUNDS = 20
#: How many campaigns are in each state that still asks for somebody; the others are over.
ALIVE = ((State.RUNNING, 20), (State.PAUSED, 20), (State.APPROVED, 40), (State.DRAFT, 100))
BIG = "zorgtoeslag-deadline"

OLD = """
INSERT INTO campaign
(id, card, definition, state, created_at, starts_at, ends_at, approved_by, approved_at, approved_hash)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
SELECT printf('old-%05d', i), card, replace(definition, '"id": "{big}"', printf('"id": "old-%05d"', i)), '{over}',
created_at, datetime(starts_at, (-i % 900) || ' days') || '.000000', datetime(starts_at, (30 - i % 900) || ' days') ||
'.000000', approved_by, approved_at, approved_hash FROM n, campaign WHERE campaign.id = '{big}'
"""
EDITS = """
INSERT INTO campaign_edit (campaign_id, at, "by", content_hash)
SELECT id, created_at, CASE id % 2 WHEN 0 THEN 'eva' ELSE 'rik' END, 'x' FROM campaign WHERE id LIKE 'old-%'
"""
#: Half of all that was sent belongs to one campaign, the rest is spread over the others.
SENT = """
UPDATE message SET campaign_id = CASE WHEN id % 2 = 0 THEN '{big}' ELSE printf('old-%05d', 1 + id % {count}) END
"""
OFFERS = """
INSERT INTO offer (id, signal_id, campaign_id, citizen_id, state, look_at, window_end, outcome, decisions, created_at)
SELECT 'o' || id, '{signal}', '{big}', id, 'closed', '{now}', '{now}',
CASE abs(random()) % 4 WHEN 0 THEN 'sent' WHEN 1 THEN 'no_consent' WHEN 2 THEN 'resting' ELSE 'language' END, 1, '{now}'
FROM citizen
"""
REQUESTS = """
INSERT INTO contact_request (id, citizen_id, card, how, daypart, language, asked_at, promised_by, state, remind, moved)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
SELECT i, printf('c%08d', i), 'zorgtoeslag', 'chat', 'any', 'nl', '{now}', date('{now}', (i % 9 - 3) || ' days'),
CASE WHEN i <= {waiting} THEN 'open' ELSE 'done' END, 0, 0 FROM n
"""


def pages_for_staff(scratch: Path) -> list[Figure]:
    """Every page that somebody of the staff finds from home, each asked for again and again, as each of them."""
    city = _filled(register.city(f"sqlite:///{scratch / 'city.db'}", CITIZENS))
    tokens = (f"bench-{number:027d}" for number in itertools.count())
    new_desk = console.Desk(journey=city.journey, new_token=lambda: next(tokens), people=tuple(PEOPLE))
    town = _Town(city, console.build(new_desk))
    with served(town.app) as town.address:
        walked = pages.found(town)
        times = {page: _asked(town, *page) for page in walked.pages}
        bare = _asked(town, None, "/accessibility")
    slowest = max(times, key=lambda page: _p95(times[page]))
    everything = [took for each in times.values() for took in each]
    what = f"with {CAMPAIGNS:,} campaigns and {CITIZENS:,} citizens (SQLite)"
    return [
        Figure(
            what=f"p95 of {len(times)} pages for staff over HTTP, {what}", measured=_p95(everything), unit="ms",
            must=100, hoped=50, least=False, baseline=f"a page without a question to the database: {_p95(bare):.1f} ms;"
            f" median of all: {statistics.median(everything):.1f} ms",
        ),
        Figure(
            what=f"p95 of the slowest of them, {what}", measured=_p95(times[slowest]), unit="ms", must=100, hoped=50,
            least=False, baseline=f"{slowest[1]} as {slowest[0]}",
        ),
    ]  # fmt: skip


@dataclass
class _Town:
    """What the walk through the pages needs."""

    city: Register
    app: FastAPI
    address: str = ""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def token(self, login: str) -> str:
        token = f"walk-{next(self._numbers):028d}"
        with self.city.sessions.begin() as session:
            staff.open_session(session, staff.known_as(session, login), token, NOW, means=staff.Means.DEMO)
        return token


def _filled(city: Register) -> Register:
    city.starts(BIG)
    with city.sessions.begin() as session:
        for login, roles in PEOPLE.items():
            new = staff.NewStaff(login=login, name=login.title(), roles=roles)
            staff.add(session, new, staff_id=login, by="setup", now=NOW)
        for number in range(DEEDS):
            ledger.audit(session, NOW, ("eva", "sam", "mei")[number % 3], "contact.read", str(number))
    [receipt] = city.journey.receive(city.told_by(city.ids(1), "bench"))
    filled = {
        "big": BIG, "count": CAMPAIGNS - 1, "over": State.STOPPED, "signal": receipt.id, "waiting": WAITING,
        "now": f"{NOW:%Y-%m-%d %H:%M:%S}.000000",
    }  # fmt: skip
    with city.engine.begin() as connection:
        for statement in (OLD, EDITS, SENT, OFFERS, REQUESTS):
            connection.execute(text(statement.format(**filled).replace(":", r"\:")))
        first = 1
        for state, count in ALIVE:
            these = f"BETWEEN 'old-{first:05d}' AND 'old-{first + count - 1:05d}'"
            connection.execute(text(f"UPDATE campaign SET state = '{state}' WHERE id {these}"))
            first += count
        connection.execute(text("ANALYZE"))
    return city


def _asked(town: _Town, login: str | None, address: str) -> list[float]:
    """How long each of some requests took, in ms, over one connection as a browser keeps it."""
    cookie = {} if login is None else {"cookie": f"{COOKIE}={town.token(login)}"}
    took = []
    with httpx.Client(base_url=town.address, headers=cookie, timeout=60) as client:
        client.get(address)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = client.get(address)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code < 500, address
    return took


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[-1]
