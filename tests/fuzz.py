"""`python -m tests.fuzz N --seed S`: N random updates against the bot, each held against what the dialogue may do.

The real application of python-telegram-bot and the real journey on SQLite, through the inbox and its worker; only the
wire to Telegram is a stand-in that says yes to everything. The model (`Held`) is written from DESIGN 4 and 5, not from
the code: who spoke may change in the ways that their words allow, and nobody else changes at all.
"""

import argparse
import asyncio
import json
import logging
import re
import shutil
import sqlite3
import string
import sys
import tempfile
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.fernet import Fernet
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from telegram import Update
from telegram.request import BaseRequest

import bot.wording
from bot.core.talk import RESEARCH, Blocked, Press, read_press
from bot.scene import stop_words
from bot.store import schema
from bot.store.vault import Vault
from bot.telegram.application import build_application, new_builder
from bot.telegram.inbox import _MALFORMED, _Worker
from tests.world import World

ACTIVE, TALKING, STOPPED, JOINING, BLOCKED = 101, 102, 103, 104, 105
KNOWN = (ACTIVE, TALKING, STOPPED, JOINING, BLOCKED)
PER_EXAMPLE = 25

# What the machine answers and who may go where, by the press or word that takes them there.
LEFT = {"left", "kicked"}


class Yes(BaseRequest):
    """Telegram, for once agreeing with everything. There is nothing on the wire."""

    read_timeout = 1.0

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass

    async def do_request(self, url, *_args, **_more):
        me = {"id": 1, "is_bot": True, "first_name": "Handreiking", "username": "handreiking_bot"}
        return 200, json.dumps({"ok": True, "result": me if url.endswith("getMe") else True}).encode()


# What may come.

_real: list[str] = []  # callback data of buttons that somebody was shown
_themes: list[str] = []  # the choices about themes
_codes: list[str] = []  # codes on letters
_any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)
_people = st.sampled_from(KNOWN)
_strangers = st.integers(1_000, 2**52)
_choices = st.sampled_from(
    ["yes", "no", "ask", "stop", "menu", "more", "later", "why", "me", "other", "unwelcome", "too_often", "contact",
     "chat", "phone", "desk", "chat.morning", "phone.evening", "cancel", "change", "remind", "kept", "leave", "none",
     "pause.30", "pause.off", "quiet.late", "often.60", "often.usual", "tone.warm", "research", "research.yes",
     "research.no", "yes.money", "no.money", "off.money", "ask.care", "renew.money", "yes._research", "yes.x", "themes",
     "nl", "ar", "en", "birth", "back.birth", "welcome", "expected", "sorry", "not_about_me", "q.yes", "language"]
)  # fmt: skip
# The presses that change most.
_ways = st.sampled_from(
    ["v1|w|0|yes", "v1|w|0|yes", "v1|d|0|yes.money", "v1|d|0|no.care", "v1|t|0|ask.free-time", "v1|t|0|yes.free-time",
     "v1|s|0|research", "v1|s|0|research.yes", "v1|e|0|yes", "v1|t|0|off.money", "v1|s|0|stop"]
)  # fmt: skip
_commands = st.sampled_from(
    ["start", "stop", "settings", "situation", "why", "mydata", "privacy", "help", "language", "about", "erase",
     "Start@handreiking_bot", "STOP", "", "start\n"]
)  # fmt: skip
_refs = st.one_of(
    st.integers(0, 60), st.integers(0, 36**12 - 1), st.sampled_from([2**31, 2**53, 2**63 - 1, 36**12 - 1])
)


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = (string.digits + string.ascii_lowercase)[digit] + digits
        if not number:
            return digits


def _near(data: str, draw) -> str:
    """Something that is almost this."""
    place = draw(st.integers(0, max(len(data) - 1, 0)))
    return draw(
        st.sampled_from(
            [data[:place], data[place:], data.upper(), data + data, f" {data}", f"{data}\n", data.replace("|", "||", 1),
             data.replace("v1", "v2", 1), data[:place] + draw(st.characters(codec=None, exclude_categories=()))
             + data[place + 1 :], data.replace("|", "\x00"), f"{data}.{data}"]
        )
    )  # fmt: skip


@st.composite
def _presses(draw) -> str:
    """Callback data: of real buttons, whoever was shown them; of the right shape; nearly right; anything."""
    kind = draw(st.integers(0, 9))
    real = st.sampled_from(_real)
    if kind < 2:
        return draw(_ways)
    if kind < 5:
        return draw(real)
    if kind < 8:
        letters = draw(st.sampled_from(["l", "w", "n", "k", "q", "d", "t", "c", "r", "s", "y", "e", "x", "zz"]))
        choice = draw(st.sampled_from(_themes) if letters in {"d", "t"} else _choices)
        return f"v1|{letters}|{_base36(draw(_refs))}|{choice}"
    return _near(draw(real), draw) if kind < 9 else draw(_any_text)


@st.composite
def _texts(draw) -> str:
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return f"/{draw(_commands)}"
    if kind == 1:
        return f"/start {draw(st.one_of(st.sampled_from(_codes), st.sampled_from(_codes).map(str.lower), _any_text))}"
    if kind == 2:
        return draw(st.sampled_from(["stop", "STOP!", " s t o p ", "Stop.", "stoppen", "توقف", "nee", "ja", "dur"]))
    if kind == 3:
        return draw(st.sampled_from(["0612345678", "+31612345678", "123456782", "NL91ABNA0417164300", "06-1234 5678",
                                     "00" * 40, "+", "ik wil niet meer leven", "112", "help"]))  # fmt: skip
    if kind == 4:
        return draw(st.sampled_from(["a", "é", "\u202e", "\x00", "😀", "\ud800", "ﷺ", "  \n"])) * draw(
            st.sampled_from([1, 2, 4096, 5000])
        )
    return draw(_any_text)


@st.composite
def _senders(draw, person: int) -> dict[str, object]:
    sender: dict[str, object] = {"id": person, "is_bot": False, "first_name": draw(_any_text) or "A"}
    if draw(st.booleans()):
        sender["language_code"] = draw(st.sampled_from(["nl", "ar", "en-GB", "xx", "", "\ud800", "N" * 99]))
    return sender


@st.composite
def _messages(draw, person: int, chat: dict[str, object]) -> dict[str, object]:
    message: dict[str, object] = {
        "message_id": draw(st.integers(1, 2**31 - 1)),
        "date": draw(st.integers(0, 2**31 - 1)),
        "chat": chat,
        "from": draw(_senders(person)),
    }
    kind = draw(st.integers(0, 6))
    if kind < 4:
        message["text"] = draw(_texts())
        if message["text"].startswith("/"):
            length = len(message["text"].split()[0]) if message["text"].split() else 1
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
    elif kind == 4:
        number = draw(st.sampled_from(["+31612345678", "0612345678", "1", "x" * 300, "\ud800", "+99999999999999"]))
        message["contact"] = {"phone_number": number, "first_name": "A", "user_id": draw(st.sampled_from([person, 7]))}
    elif kind == 5:
        message["photo"] = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
    else:
        message["location"] = {"latitude": 1.5, "longitude": 2.5}
    return message


@st.composite
def well_shaped(draw) -> dict[str, object]:
    """An update of the shape that Telegram's own documents promise, whatever is in it."""
    person = draw(_strangers if draw(st.integers(0, 9)) == 9 else _people)
    private = {"id": person, "type": "private", "first_name": "A"}
    group = {"id": -draw(_strangers), "type": draw(st.sampled_from(["group", "supergroup", "channel"])), "title": "g"}
    chat = draw(st.sampled_from([private] * 9 + [group]))
    kind = draw(st.integers(0, 9))
    if kind < 5:
        query: dict[str, object] = {"id": "1", "from": draw(_senders(person)), "chat_instance": "1"}
        with_message = draw(st.integers(0, 3))
        if with_message == 1:
            query["message"] = draw(_messages(1, chat))
        elif with_message == 2:
            query["message"] = {"message_id": draw(st.integers(1, 60)), "date": 0, "chat": chat}
        if draw(st.integers(0, 20)):
            query["data"] = draw(_presses())
        else:
            query["game_short_name"] = "g"
        return {"callback_query": query}
    if kind < 8:
        return {"message": draw(_messages(person, chat))}
    if kind == 8:
        states = st.sampled_from(["member", "kicked", "left"])

        def member(status: str) -> dict[str, object]:
            more = {"until_date": 0} if status == "kicked" else {}
            return {"user": {"id": 1, "is_bot": True, "first_name": "H"}, "status": status, **more}

        change = {"chat": chat, "from": draw(_senders(person)), "date": 1}
        return {
            "my_chat_member": change
            | {"old_chat_member": member(draw(states)), "new_chat_member": member(draw(states))}
        }
    other = draw(st.sampled_from(["edited_message", "channel_post", "unheard_of"]))
    return {other: draw(_messages(person, chat))} if other in {"edited_message", "channel_post"} else {other: {}}


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _any_text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_any_text, inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def broken(draw) -> dict[str, object]:
    """An update of a shape that Telegram never sends: something missing, of another type, or huge."""
    update = json.loads(json.dumps(draw(well_shaped())))
    inside = update
    for _ in range(draw(st.integers(0, 3))):
        deeper = [value for value in inside.values() if isinstance(value, dict)]
        if not deeper:
            break
        inside = draw(st.sampled_from(deeper))
    if inside:
        name = draw(st.sampled_from(sorted(inside)))
        if draw(st.booleans()):
            del inside[name]
        else:
            inside[name] = draw(st.one_of(_json, st.integers(2**63, 2**80)))
    return update


# One in ten is broken.
_updates = st.integers(0, 9).flatmap(lambda lot: st.tuples(st.just(lot > 0), well_shaped() if lot else broken()))
histories = st.lists(_updates, min_size=PER_EXAMPLE, max_size=PER_EXAMPLE)


# What may come of it.


@dataclass(frozen=True)
class Person:
    """All that the ledger holds of one person, but for what only time changes."""

    row: dict[str, object]
    consents: tuple[tuple[object, ...], ...]
    others: frozenset[tuple[object, ...]]

    @property
    def standing(self) -> str:
        return str(self.row["standing"])


# Tables with rows of a person. `offer` and `link` are among them: a stop closes offers, a code on a letter ties.
_TABLES = ("answer", "contact_request", "opinion", "signal", "link", "offer", "message", "decision")


class Held:
    """The ledger before and after, and what is allowed to lie between."""

    def __init__(self, file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.row_factory = sqlite3.Row
            rows = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM citizen")}
            consents: dict[str, list] = {number: [] for number in rows}
            for row in connection.execute("SELECT citizen_id, theme, state, id FROM consent ORDER BY id"):
                consents[row[0]].append(tuple(row)[1:])
            others: dict[str, set] = {number: set() for number in rows}
            for table in _TABLES:
                for row in connection.execute(f"SELECT * FROM {table} WHERE citizen_id IS NOT NULL"):
                    others[row["citizen_id"]].add((table, *row))
        self.people: dict[str, Person] = {}
        for number, row in rows.items():
            row.pop("next_ok_at")
            self.people[row["chat_hash"]] = Person(row, tuple(consents[number]), frozenset(others[number]))


@dataclass
class Fuzz:
    """A town that is put back as it was before each history, and what was met so far."""

    directory: Path
    counts: Counter = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.file = self.directory / "fuzz.db"
        self.engine = schema.open_engine(f"sqlite:///{self.file}")

        @event.listens_for(self.engine, "connect")
        def _fast(connection, _):
            connection.execute("PRAGMA synchronous=OFF")

        schema.migrate(self.engine)
        self.sessions = sessionmaker(self.engine, class_=Session, expire_on_commit=False)
        self.vault = Vault([Fernet.generate_key()], b"the tests' own finding key, 32 b")
        self.world = World(self.sessions, bot.wording.load(), self.vault)
        self._people()
        with self.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        self.engine.dispose()
        shutil.copy(self.file, self.directory / "before.db")
        self.began = self.world.now
        self.runner = asyncio.Runner()
        builder = new_builder("1:fuzz").request(Yes()).get_updates_request(Yes())
        self.application = build_application(builder, self.world.journey)
        self.runner.run(self.application.initialize())

    def _people(self) -> None:
        world = self.world
        world.campaign()
        for chat in (ACTIVE, TALKING, STOPPED, BLOCKED):
            world.joins(str(chat), "money", "care")
        _codes[:] = [world.code_for(f"letter-{number}") for number in range(3)]
        world.say(str(JOINING), "/start")
        world.signal(in_days=50)
        world.later(days=1)
        world.tick()
        for chat in (ACTIVE, TALKING):
            for word in ("/mydata", "/situation", "/why", "/language", "hallo", "/settings"):
                world.say(str(chat), word)
            for screen in ("themes", "research", "pause", "quiet", "often", "tone"):
                world.choose(str(chat), screen)
        world.choose(str(TALKING), "ask")
        world.choose(str(TALKING), "phone")
        world.say(str(STOPPED), "/stop")
        world.hear(str(BLOCKED), Blocked())
        shown = [b.data for phone in world.phones.values() for m in phone.shown.values() for b in m.buttons]
        _real[:] = sorted({data for data in shown if data})
        _themes[:] = [
            f"{verb}.{theme}" for verb in ("yes", "no", "ask", "off", "renew") for theme in world.wording.themes
        ]

    def close(self) -> None:
        self.runner.run(self.application.shutdown())
        self.runner.close()
        self.engine.dispose()

    def lives(self, history) -> None:
        """Go through a history from the beginning, one update after another, and hold the ledger after each."""
        self.engine.dispose()
        for beside in self.directory.glob("fuzz.db-*"):
            beside.unlink()
        shutil.copy(self.directory / "before.db", self.file)
        self.world.now = self.began
        before = Held(self.file)
        number = 10_000
        for good, update in history:
            number += 1
            body = {"update_id": number, **{k: v for k, v in update.items() if k != "update_id"}}
            state, error = self._takes(number, json.dumps(body))
            after = Held(self.file)
            self._hold(body, before, after, state, error, good=good)
            before = after
        self.world.journey.take_in([(number, '{"update_id": 1}')])
        assert not self.world.journey.unheard(), "an update that came twice waits twice"
        self.world.phones.clear()
        for outgoing in self.world.deliver():
            assert outgoing.text, "an empty message"
            assert len(outgoing.text) <= 4096
            assert all(len((button.data or "").encode()) <= 64 for button in outgoing.buttons)

    def _takes(self, number: int, body: str) -> tuple[str, str | None]:
        """Store it and work it off as the inbox does, with its retries; how it ended."""
        journey = self.world.journey
        journey.take_in([(number, body)])
        for _ in range(6):
            self.runner.run(self._work(journey.unheard()))
            with closing(sqlite3.connect(self.file)) as connection:
                how = connection.execute("SELECT state, error FROM inbox WHERE update_id = ?", [number]).fetchone()
            if how[0] != "new":
                break
            self.world.later(minutes=5)
        return how

    async def _work(self, waiting) -> None:
        worker = _Worker(self.world.journey, self.application, asyncio.Event())
        async with asyncio.TaskGroup() as lanes:
            for one in waiting:
                worker._give(one, lanes)

    def _hold(self, body, before: Held, after: Held, state: str, error: str | None, *, good: bool) -> None:
        heard = read(body, self.application.bot)
        self.counts["updates"] += 1
        self.counts[f"{'well shaped' if good else 'broken'}, {state}"] += 1
        assert state in {"done", "dead"}, state
        if good:
            assert state == "done", f"a well shaped update became a dead letter: {error}"
        speaker = None if heard is None else self.vault.fingerprint(f"chat:{heard.person}")
        apologies = 0
        for who, was in before.people.items():
            now = after.people[who]
            if state == "dead":
                sorry = [row for row in now.others - was.others if row[2] == f"update:{body['update_id']}:error"]
                apologies += len(sorry)
                # Whoever could not be heard is left alone for a while: it may have been a stop.
                quiet = {"paused_until": was.row["paused_until"]} if sorry else {}
                now = replace(now, row=now.row | quiet, others=now.others - set(sorry))
            if who != speaker or state == "dead":
                assert now == was, f"somebody changed without having spoken: {now.others ^ was.others} by {heard}"
        assert apologies <= 1, "an apology for everybody"
        new = set(after.people) - set(before.people)
        assert new <= (set() if state == "dead" else {speaker}), "somebody came who had said nothing"
        if state == "done" and speaker in after.people:
            allowed(before.people.get(speaker), after.people[speaker], heard, self.counts)


@dataclass(frozen=True)
class Said:
    """Who said what, as DESIGN reads an update: presses, words, and the chat itself."""

    person: str
    press: Press | None = None
    words: str | None = None
    gone: bool = False


def read(body, application_bot) -> Said | None:
    """What an update says, and who; None when it is not for us, or cannot be read."""
    try:
        update = Update.de_json(body, application_bot)
        user, chat = update.effective_user, update.effective_chat
        if user is None or (chat is not None and chat.type != "private"):
            return None
        if update.callback_query is not None:
            return Said(str(user.id), press=read_press(update.callback_query.data or ""))
        if update.my_chat_member is not None:
            return Said(str(user.id), gone=update.my_chat_member.new_chat_member.status in LEFT)
        words = update.message.text if update.message is not None else None
        return Said(str(user.id), words=words if isinstance(words, str) else None)
    except _MALFORMED:
        return None


def allowed(was: Person | None, now: Person, said: Said, counts: Counter) -> None:
    """Whether what was said may have made this of the person who said it."""
    press = said.press
    choice = press.choice if press else ""
    before = was.standing if was else None
    stops = (said.words is not None and _is_stop(said.words)) or choice == "stop"
    edge = (before, now.standing)
    if before != now.standing:
        counts[f"standing: {before or 'nobody'} to {now.standing}"] += 1
    ways = {
        "joining": before in {None, "erased"} and not said.gone,
        "active": before in {"joining", "stopped", "blocked", "erased"} and press is not None
        and (press.kind, choice) == ("w", "yes"),
        "stopped": stops,
        "blocked": said.gone,
        "erased": press is not None and (press.kind, choice) == ("e", "yes"),
    }  # fmt: skip
    assert before == now.standing or ways[now.standing], f"{edge} by {said}"
    old = was.consents if was else ()
    assert now.consents[: len(old)] == old, "a consent was written over"
    joins = edge[1] == "active" and before != "active"
    for place, (theme, state, _) in enumerate(now.consents[len(old) :], len(old)):
        counts[f"consent: {state}"] += 1
        earlier = [row[1] for row in now.consents[:place] if row[0] == theme]
        if state in {"given", "refused"}:
            answers = {"given": {"yes", "renew"}, "refused": {"no", "off"}}[state]
            verb, _, about = choice.partition(".")
            if theme == RESEARCH:
                assert (press.kind, choice) == ("s", "research.yes" if state == "given" else "research.no"), said
            else:
                assert press is not None, said
                assert press.kind in {"d", "t"}, said
                assert (verb in answers, about) == (True, theme), said
            assert "asked" in earlier, f"{theme} was {state} without having been asked"
            assert before == "active", "consent of somebody who does not take part"
        if state == "withdrawn":
            assert "given" in earlier, "a consent was withdrawn that nobody gave"
            takes_back = choice in {f"no.{theme}", f"off.{theme}", "research.no"}
            assert stops or said.gone or joins or takes_back or edge[1] == "erased", said
    if was is not None and before in {"stopped", "blocked"} and now.standing == before:
        assert last_states(now) == last_states(was) or all(state == "asked" for _, state, _ in now.consents[len(old) :])


def last_states(person: Person) -> dict[object, object]:
    return {theme: state for theme, state, _ in person.consents if state != "asked"}


def _is_stop(words: str) -> bool:
    return bool(re.match(r"/stop(@\w+)?(\s|$)", words, re.IGNORECASE)) or bool(
        " ".join(re.sub(r"[^\w\s]", "", words).casefold().split()) in STOP_WORDS
    )


STOP_WORDS: set[str] = set()


@contextmanager
def town(directory: Path):
    fuzz = Fuzz(directory)
    STOP_WORDS.update(stop_words(fuzz.world.wording))
    try:
        yield fuzz
    finally:
        fuzz.close()


def hunt(fuzz: Fuzz, updates: int, number: int | None = None) -> None:
    """Send `updates` updates, in histories of 25. Raises AssertionError with the shortest history that fails."""

    @settings(
        max_examples=-(-updates // PER_EXAMPLE),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(histories)
    def holds(history):
        fuzz.lives(history)

    (holds if number is None else seed(number)(holds))()


def main() -> int:
    ask = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    ask.add_argument("updates", type=int)
    ask.add_argument("--seed", type=int, default=1)
    chosen = ask.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as directory, town(Path(directory)) as fuzz:
        hunt(fuzz, chosen.updates, chosen.seed)
        for what, count in sorted(fuzz.counts.items()):
            sys.stdout.write(f"{count:8}  {what}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
