"""The five things that the bot may be killed at, each on a database of its own.

Of every kill it is known when it happened: a random instant after the work began, as long as the work lasts.
"""

import asyncio
import csv
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bot.core.facts import Origin
from bot.signals import Incoming
from bot.store import schema
from tests.forked import forked
from tests.town import DEADLINE, SOURCE, town, until

LASTS_S = {"import": 0.4, "plan": 1.0, "deliver": 0.5, "answer": 0.6, "migrate": 0.3}
ALEMBIC = threading.Lock()  # it keeps what it works on in one place for all threads
ROWS, SIGNALS, PEOPLE = 1500, 20, 10
SENT, PRESSED = 20, 6  # for each kill
PATIENCE_S = 600.0


@dataclass
class Outcome:
    """What became of one kind of work. `in_flight`: messages on their way at the kills, the most that may be unsure."""

    phase: str
    database: str
    kills: int = 0
    lost: int = 0
    twice: int = 0
    in_flight: int = 0
    uncertain: int = 0
    recovered_s: list[float] = field(default_factory=list)


async def importing(there, kills, chance, outcome):
    """`signal import` of a file; it is handed in again and must end up with every row once."""
    for number in range(kills):
        file = there.directory / f"{number}.csv"
        with file.open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["id", "type", "time", "card", "deadline"])
            moment = there.clock.now().isoformat()
            rows.writerows([f"{number}-{row}", DEADLINE, moment, "zorgtoeslag", "2026-12-31"] for row in range(ROWS))
        words = ("signal", "import", file, "--source", SOURCE)
        while not await killed(await there.spawn(*words), chance.uniform(0, LASTS_S["import"])):
            with there.engine.begin() as connection:  # it was done before; again
                connection.execute(text("DELETE FROM signal WHERE external_id LIKE :some"), {"some": f"{number}-%"})
        died = time.monotonic()
        again = await there.spawn(*words)
        code, complaint = await again.ended()
        assert code == 0, complaint
        outcome.recovered_s.append(time.monotonic() - died)
        outcome.kills += 1
    stored = there.count("SELECT count(*) FROM signal")
    outcome.lost = max(0, kills * ROWS - stored)
    outcome.twice = max(0, stored - kills * ROWS)


async def planning(there, kills, chance, outcome):
    """Signals to everybody; each must lead to one offer for each person, decided about, and one nudge in all."""
    await there.populate(range(1000, 1000 + PEOPLE))
    process = await there.run()
    for number in range(kills):
        await asyncio.to_thread(_hand_in, there, number)
        await asyncio.sleep(chance.uniform(0, LASTS_S["plan"]))
        process, died = await killed_and_begun_again(there, process, outcome)
        await until(lambda: unplanned(there) == 0, seconds=PATIENCE_S)
        outcome.recovered_s.append(time.monotonic() - died)
    await settled(there)
    await process.stop()
    offers = there.count("SELECT count(*) FROM offer")
    outcome.lost = unplanned(there) + max(0, kills * SIGNALS * PEOPLE - offers)
    outcome.twice = max(0, offers - kills * SIGNALS * PEOPLE) + nudged_twice(there, range(1000, 1000 + PEOPLE))
    outcome.uncertain = unsure(there)


def _hand_in(there, number):
    there.world.now = there.clock.now()
    there.world.journey.receive(
        [
            Incoming(
                source=SOURCE,
                external_id=f"{number}-{one}",
                type=DEADLINE,
                origin=Origin.CALENDAR,
                occurred_at=there.clock.now() + timedelta(days=30),
                card="zorgtoeslag",
            )
            for one in range(SIGNALS)
        ]
    )


async def delivering(there, kills, chance, outcome):
    """One signal to everybody, and kills all over the broadcast."""
    people = range(1000, 1000 + SENT * (kills + 1))
    await there.populate(people)
    process = await there.run()
    await there.signal(process)
    died = None
    for _ in range(kills):
        before = arrived(there).total()
        await until(lambda before=before: arrived(there).total() > before, look_s=0.01, seconds=PATIENCE_S)
        if died is not None:
            outcome.recovered_s.append(time.monotonic() - died)
        await asyncio.sleep(chance.uniform(0, LASTS_S["deliver"]))
        process, died = await killed_and_begun_again(there, process, outcome)
    before = arrived(there).total()
    await until(lambda: arrived(there).total() > before, look_s=0.01, seconds=PATIENCE_S)
    outcome.recovered_s.append(time.monotonic() - died)
    await settled(there)
    await process.stop()
    reached = there.nudged(people)
    outcome.uncertain = unsure(there)
    outcome.lost = max(0, sum(count == 0 for count in reached.values()) - outcome.uncertain)
    outcome.twice = nudged_twice(there, people) + said_twice(there)


async def answering(there, kills, chance, outcome):
    """People press a button on their nudge, some at each kill; each press is heard once and answered once."""
    people = list(range(1000, 1000 + PRESSED * kills))
    await there.populate(people)
    process = await there.run()
    await there.signal(process)
    await until(lambda: sum(there.nudged(people).values()) == len(people), seconds=PATIENCE_S)
    await settled(there)
    label = there.world.wording.say("button.more", "nl")
    for number in range(kills):
        group = people[PRESSED * number : PRESSED * (number + 1)]
        for citizen in group:
            there.sandbox.press(citizen, label)
        await asyncio.sleep(chance.uniform(0, LASTS_S["answer"]))
        process, died = await killed_and_begun_again(there, process, outcome)
        heard = PRESSED * (number + 1)
        await until(lambda heard=heard: there.count("SELECT count(*) FROM answer") == heard, seconds=PATIENCE_S)
        await settled(there)
        outcome.recovered_s.append(time.monotonic() - died)
    await process.stop()
    answers = there.count("SELECT count(*) FROM answer")
    stuck = there.count("SELECT count(*) FROM inbox WHERE state != 'done'")
    replied = there.count("SELECT count(DISTINCT citizen_id) FROM message WHERE key LIKE 'update:%' AND purpose = 0")
    outcome.uncertain = unsure(there)
    outcome.lost = len(people) - answers + stuck + max(0, len(people) - replied)
    outcome.twice = max(0, answers - len(people)) + said_twice(there) + nudged_twice(there, people)


async def migrating(there, kills, chance, outcome):
    """`migrate` of an empty database and of one of the first shape with rows, by turns."""
    attempts = 0
    while outcome.kills < kills:
        attempts += 1
        url = await asyncio.to_thread(there.bare, f"bare_{attempts}")
        rows = await asyncio.to_thread(_of_the_first_shape, url) if attempts % 2 else 0
        first = await there.spawn("migrate", HANDREIKING_DATABASE_URL=url)
        if not await killed(first, chance.uniform(0, LASTS_S["migrate"])):
            continue
        died = time.monotonic()
        again = await there.spawn("migrate", HANDREIKING_DATABASE_URL=url)
        code, complaint = await again.ended()
        assert code == 0, complaint
        outcome.recovered_s.append(time.monotonic() - died)
        outcome.kills += 1
        outcome.lost += await asyncio.to_thread(_lost, url, rows)


PHASES = {
    "import": importing,
    "plan": planning,
    "deliver": delivering,
    "answer": answering,
    "migrate": migrating,
}


async def killed(process, after_s):
    """Kill it so long after it opened the database; False when it had ended by then."""
    await process.line_with("opened")
    await asyncio.sleep(after_s)
    return await process.kill()


async def killed_and_begun_again(there, process, outcome):
    """Kill it, and begin another one at once, as whoever watches over it does; also when it was killed."""
    assert await process.kill(), process.complaints.read_text()[-2000:]
    died = time.monotonic()
    outcome.kills += 1
    with there.engine.connect() as connection:
        flying = set(connection.execute(text("SELECT id FROM message WHERE state = 'sending'")).scalars())
    # Those of an earlier kill are given up later, and count once.
    outcome.in_flight += len(flying - there.flew)
    there.flew |= flying
    return await there.run(), died


def unplanned(there):
    """Signals that nobody planned yet, and offers about which nobody decided yet."""
    return there.count("SELECT count(*) FROM signal WHERE outcome IS NULL") + there.count(
        "SELECT count(*) FROM offer WHERE decisions = 0"
    )


async def settled(there):
    """Nothing is left that may leave by itself; what was on its way at a kill is known to be in doubt only later."""
    waiting = "SELECT count(*) FROM message WHERE state IN ('due', 'leased')"
    await until(lambda: there.count(waiting) == 0, seconds=PATIENCE_S)


def unsure(there):
    return there.count("SELECT count(*) FROM message WHERE state IN ('sending', 'uncertain')")


def arrived(there):
    """For each chat, how many messages and changed messages the phone got."""
    found = Counter()
    for call in there.sandbox.calls():
        if call.method in {"sendMessage", "editMessageText"} and call.answer.get("ok"):
            found[int(call.params["chat_id"])] += 1
    return found


def nudged_twice(there, people):
    return sum(count - 1 for count in there.nudged(people).values() if count > 1)


def said_twice(there):
    """What arrived beyond what the ledger knows to have left, or to have left perhaps."""
    got, left = arrived(there), there.people_and_messages()
    return sum(
        max(0, count - left[chat]["sent"] - left[chat]["sending"] - left[chat]["uncertain"])
        for chat, count in got.items()
    )


def empty_database(engine, name, folder):
    """The address of a database without tables, beside the one of `engine`."""
    if engine.dialect.name == "sqlite":
        return f"sqlite:///{folder / name}.db"
    name = f"{engine.url.database}_{name}"
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return engine.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def _of_the_first_shape(url):
    """Make a database as the first release left it, with signals in it; return how many."""
    engine = schema.open_engine(url)
    config = schema._config(engine)
    with ALEMBIC:
        command.upgrade(config, ScriptDirectory.from_config(config).get_base())
    row = (
        "INSERT INTO signal (id, source, external_id, type, origin, occurred_at, received_at, addressed, data)"
        " VALUES (:id, 's', :id, 't', 'calendar', '2026-11-24 09:00', '2026-11-24 09:00', false, '{}')"
    )
    with engine.begin() as connection:
        connection.execute(text(row), [{"id": f"s{number}"} for number in range(ROWS)])
    engine.dispose()
    return ROWS


def _lost(url, rows):
    """How many of so many signals are gone; the shape must be today's."""
    engine = schema.open_engine(url)
    has, wants = schema.shape(engine)
    assert has == wants is not None
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT count(*) FROM signal")).scalar_one()
    engine.dispose()
    return rows - kept


async def phase(name, database, url, *, kills, chance, directory, bare):
    """Kill so often at one kind of work, on the migrated database at `url`. `bare` makes an empty one, by its name."""
    outcome = Outcome(name, database)
    async with town(directory, url, begin=forked) as there:
        there.bare = bare
        await PHASES[name](there, kills, chance, outcome)
    return outcome
