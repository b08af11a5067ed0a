"""A register of many people, made by the database itself: what the benchmarks of planning are measured on."""

import base64
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

import bot.wording
from bot import campaigns
from bot.core.facts import Origin
from bot.journey import Journey
from bot.signals import Incoming
from bot.store import schema
from bot.store.vault import Vault

#: A Tuesday, ten o'clock in Amsterdam.
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
#: One for all processes of a benchmark, as they share the key of draws that is sealed with it.
SEALING = base64.urlsafe_b64encode(b"the benchmark's own sealing key.")
PASS = "stadspas"
NEW_HERE = "nl.inwonersituaties.nieuw-in-gemeente-gemeld.v1"
LANGUAGES = ((70, "nl"), (80, "en"), (88, "ar"), (93, "tr"), (97, "pl"), (100, "uk"))


@dataclass(frozen=True)
class Register:
    """An open database with people in it. `ids` gives those of the first so many."""

    engine: Engine
    journey: Journey

    @property
    def sessions(self) -> sessionmaker[Session]:
        return self.journey.sessions

    def ids(self, count: int) -> list[str]:
        return [f"c{number:08d}" for number in range(count)]

    def starts(self, name: str) -> str:
        """Let one of the example campaigns run."""
        source = (bot.wording.data("messages") / "campaigns" / f"{name}.toml").read_text(encoding="utf-8")
        wording = self.journey.wording
        file = campaigns.read(source, wording)
        with self.sessions.begin() as session:
            campaigns.add(session, file, wording, by="eva", now=NOW)
            campaigns.approve(session, file.id, wording, by="sam", now=NOW)
            campaigns.start(session, file.id, wording, by="eva", now=NOW)
        return file.id

    def told_by(self, ids: Sequence[str], tag: str) -> list[Incoming]:
        """A signal from each of these people about themselves."""
        return [
            Incoming(
                source="urn:bench", external_id=f"{tag}:{known}", type=NEW_HERE, origin=Origin.SELF, occurred_at=NOW,
                citizen=known,
            )
            for known in ids
        ]  # fmt: skip


def opened(url: str) -> Register:
    """The register at this address, brought up to date."""
    engine = schema.open_engine(url)
    schema.migrate(engine)
    numbers = itertools.count()
    journey = Journey(
        sessions=sessionmaker(engine, class_=Session, expire_on_commit=False),
        wording=bot.wording.load(),
        vault=Vault([SEALING], b"the benchmark's own finding key."),
        clock=lambda: NOW,
        new_id=lambda: f"n{next(numbers):08d}",
    )
    return Register(engine, journey)


def willing(url: str, people: int) -> Register:
    """People who all take part and said yes to free time; each third had two nudges, of which one was answered."""
    register = opened(url)
    say = _Sql(register.engine, people)
    say.people(stopped=0, paused=0)
    say.consent("free-time", "asked", 11, 0, 100)
    say.consent("free-time", "given", 11, 0, 100)
    say.nudge(1, 31, 33, 200, 30)  # longer ago than any pause lasts
    say.nudge(2, 31, 33, 320, 30)
    say.answers("message.id % 2 = 0")
    say.done()
    return register


def city(url: str, people: int) -> Register:
    """A whole city, in the shares that `engine.md` measured: for each million people 2.1 M consents, 0.8 M contacts.

    The largest audience, that of money, is a fifth of it; 50,000 said "not now".
    """
    register = opened(url)
    say = _Sql(register.engine, people)
    say.people(stopped=15, paused=1)
    say.consent("money", "asked", 10, 0, 35)
    say.consent("money", "given", 10, 0, 26)
    say.consent("money", "refused", 10, 26, 32)
    say.consent("money", "withdrawn", 10, 0, 2)
    for number, theme in enumerate(("free-time", "children", "care", "living", "work")):
        say.consent(theme, "asked", 11 + number, 0, 15)
        say.consent(theme, "given", 11 + number, 0, 13)
    say.nudge(1, 31, 45, 1, 90)
    say.nudge(2, 31, 25, 100, 100)
    say.nudge(3, 32, 10, 210, 100)
    say.answers("message.id % 8 < 4")
    say.links()
    say.done()
    return register


class _Sql:
    """Rows for everybody in one statement each; what one person has follows from their number."""

    def __init__(self, engine: Engine, people: int) -> None:
        self._postgres = engine.dialect.name == "postgresql"
        self._connection = engine.connect()
        if self._postgres:
            self._with, self._from = "", f"generate_series(0, {people - 1}) AS n(i)"
            self._id = "'c' || lpad(i::text, 8, '0')"
        else:
            self._with = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {people - 1})"
            self._from, self._id = "n", "printf('c%08d', i)"

    def people(self, *, stopped: int, paused: int) -> None:
        self._insert(
            "citizen (id, chat_hash, chat_sealed, language, zone, standing, created_at, paused_until, holdout, surveys,"
            " privacy_told)",
            f"{self._id}, '{'h' * 56}' || i, '{'s' * 120}', {self._pick(1, LANGUAGES)},"
            f" {self._pick(2, ((1, 'Europe/Lisbon'), (100, 'Europe/Amsterdam')))},"
            f" {self._pick(3, ((stopped, 'stopped'), (100, 'active')))}, {self._ago('500')},"
            f" CASE WHEN {_share(4)} < {paused} THEN {self._ago('-20')} END, {_share(5)} < 10, 0, 'x'",
        )

    def consent(self, theme: str, state: str, salt: int, first: int, until: int) -> None:
        ago = {"asked": "420 + i % 300", "withdrawn": "100"}.get(state, "419 + i % 300")
        valid = self._ago("419 + i % 300 - 731") if state == "given" else "NULL"
        self._insert(
            "consent (citizen_id, theme, state, at, valid_until, text, wording, language)",
            f"{self._id}, '{theme}', '{state}', {self._ago(ago)}, {valid}, '{'t' * 150}', 'theme.ask@0123', 'nl'",
            f"{_share(salt)} >= {first} AND {_share(salt)} < {until}",
        )

    def nudge(self, number: int, salt: int, percent: int, days: int, spread: int) -> None:
        at = self._ago(f"{days} + i % {spread}")
        self._insert(
            "message (key, citizen_id, purpose, state, due_at, created_at, closed_at, card, variant, tone,"
            " sensitivity)",
            f"'k{number}.' || i, {self._id}, 2, 'sent', {at}, {at}, {at},"
            f" {self._pick(salt + 20, ((30, 'zorgtoeslag'), (100, 'kwijtschelding')))}, 'x.warm.1', 'warm', 'S1'",
            f"{_share(salt)} < {percent}",
        )

    def answers(self, which: str) -> None:
        choice = "CASE id % 16 WHEN 0 THEN 'not_now' WHEN 1 THEN 'no' WHEN 2 THEN 'too_often' ELSE 'more' END"
        self._run(
            "INSERT INTO answer (message_id, citizen_id, choice, at)"
            f" SELECT id, citizen_id, {choice}, closed_at FROM message WHERE {which}"
        )

    def links(self) -> None:
        self._insert(
            "link (reference_hash, citizen_id, linked_at)",
            f"'r' || i, {self._id}, {self._ago('50')}",
            f"{_share(7)} < 20",
        )

    def done(self) -> None:
        self._run("ANALYZE")
        self._connection.commit()
        self._connection.close()

    def _insert(self, into: str, values: str, which: str = "0 = 0") -> None:
        self._run(f"INSERT INTO {into} {self._with} SELECT {values} FROM {self._from} WHERE {which}")

    def _run(self, statement: str) -> None:
        self._connection.execute(text(statement.replace(":", r"\:")))

    def _ago(self, days: str) -> str:
        if self._postgres:
            return f"timestamptz '{NOW:%Y-%m-%d %H:%M}+00' - ({days}) * interval '1 day'"
        return f"strftime('%Y-%m-%d %H:%M:%S.000000', '{NOW:%Y-%m-%d %H:%M:%S}', (-({days})) || ' days')"

    def _pick(self, salt: int, shares: Sequence[tuple[int, str]]) -> str:
        whens = " ".join(f"WHEN {_share(salt)} < {until} THEN '{value}'" for until, value in shares)
        return f"CASE {whens} END"


def _share(salt: int) -> str:
    """A number from 0 to 99 that follows from the person's number and the salt."""
    return f"((i * CAST({2654435761 + 2 * salt} AS BIGINT) / 1024) % 100)"
