"""A scrape of the service as it runs shows what happened."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from bot.errors import UncertainError, UnreachableError
from bot.operating.metrics import FRESH_S, Figures, Reading, registry
from bot.store import vitals
from bot.store.tables import ContactRequestRow
from bot.watch import Watch
from tests.test_end_to_end import ANNA
from tests.world import TUESDAY_TEN, World

DEADLINE = "nl.kalenders.aanvraagtermijn-nadert.v1"


def figures(scraped):
    """Every sample by its name and labels, without the role."""
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "role")): sample.value
        for family in text_string_to_metric_families(scraped)
        for sample in family.samples
    }


async def test_a_scrape_shows_what_happened_to_a_citizen(watched):
    async with watched() as (stage, scrape):
        await stage.joins(ANNA, "money")
        await stage.signal(DEADLINE, kaart="zorgtoeslag", uiterlijk="2026-12-31")
        await stage.press(ANNA, "more")
        await stage.says(ANNA, "card.zorgtoeslag.body")
        await stage.until(lambda: stage.journey.watch.seen().sends.get(("nudge", "sent")))
        replies = stage.journey.watch.seen().sends["reply", "sent"]
        status, scraped = await scrape()
        ready, live = await scrape("/health/ready"), await scrape("/health/live")
        elsewhere, posted = await scrape("/admin"), await scrape("/health/ready", at=stage.api_port)

    shown = figures(scraped)
    assert status == 200
    assert shown["handreiking_sends_total", "sent", "nudge"] == 1
    assert shown["handreiking_sends_total", "sent", "reply"] >= replies > 5
    assert shown["handreiking_sends_total", "uncertain", "nudge"] == 0
    assert shown["handreiking_update_lag_seconds_count",] > 5
    assert shown["handreiking_step_seconds_count", "decide"] >= 1
    assert shown["handreiking_due_message_age_seconds", "nudge"] == 0
    assert shown["handreiking_ledger_readable",] == 1
    assert shown["handreiking_silent_duties",] == 0
    assert shown["handreiking_last_done_seconds", "loop"] < 30
    assert shown["handreiking_database_bytes",] > 10_000
    assert shown["process_resident_memory_bytes",] > 1_000_000
    assert (ready[0], live[0], elsewhere[0], posted[0]) == (200, 200, 404, 200)


async def test_every_figure_says_in_words_what_it_is_and_whose(watched):
    async with watched() as (_, scrape):
        _, scraped = await scrape()

    ours = [family for family in text_string_to_metric_families(scraped) if family.name.startswith("handreiking_")]
    assert len(ours) > 20
    for family in ours:
        assert len(family.documentation) > 15, family.name
        assert {sample.labels["role"] for sample in family.samples} <= {"all"}


async def test_nothing_of_a_person_is_in_a_scrape(watched):
    async with watched() as (stage, scrape):
        await stage.joins(ANNA, "money")
        _, scraped = await scrape()

    assert str(ANNA) not in scraped.replace(".0", "").split()
    assert "Test" not in scraped


def of(world, watch=None, time=lambda: 0.0):
    watch = watch or Watch(time=time)
    reading = Reading(world.sessions, lambda: world.now, ZoneInfo("Europe/Amsterdam"), time)
    return figures(generate_latest(registry(Figures(reading, watch, "all", lambda: 0))).decode())


def test_the_queues_are_shown_with_the_age_of_their_oldest(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.campaign()
    world.joins("111", "money")
    world.journey.take_in([(5000, "{}")])
    world.signal()
    world.later(seconds=90)
    waits = of(world)
    world.journey.plan()
    world.later(seconds=30)
    planned = of(world)
    world.journey.decide()
    world.later(seconds=10)
    decided = of(world)

    assert waits["handreiking_unplanned_signals",] == 1
    assert waits["handreiking_unplanned_signal_age_seconds",] == 90
    assert waits["handreiking_unheard_update_age_seconds",] == 90
    assert planned["handreiking_unplanned_signals",] == 0
    assert planned["handreiking_overdue_offer_age_seconds",] == 30
    assert decided["handreiking_overdue_offers",] == 0
    assert decided["handreiking_due_messages", "nudge"] == 1
    assert decided["handreiking_due_message_age_seconds", "nudge"] == 10


def test_what_got_stuck_what_is_promised_and_what_is_held_is_shown(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.joins("111", "money")
    world.fails += [UncertainError("?"), UnreachableError("blocked")]
    world.say("111", "/help")
    world.journey.take_in([(5000, "{}")])
    for _ in range(5):
        world.journey.fail(5000, "KeyError")
    world.journey.pause_nudges("a wrong number", who="sam")
    world.journey.learn()
    world.later(days=3)
    shown = of(world)

    assert shown["handreiking_uncertain_messages",] == 1
    assert shown["handreiking_dead_letters",] == 1
    assert shown["handreiking_nudges_paused",] == 1
    assert shown["handreiking_policy_age_seconds",] == timedelta(days=3).total_seconds()


def test_promises_are_late_on_the_day_after_on_the_municipalitys_calendar(sessions, wording, vault):
    world = World(sessions, wording, vault)
    world.joins("111")
    with sessions.begin() as session:
        for number, days in enumerate((-1, 0, 2)):
            session.add(
                ContactRequestRow(
                    id=number, citizen_id=world.citizen("111").id, how="chat", daypart="any", language="nl",
                    asked_at=world.now, promised_by=world.now.date() + timedelta(days=days), state="open",
                )
            )  # fmt: skip
    shown = of(world)
    world.now = TUESDAY_TEN.replace(hour=23, minute=30)  # half past midnight in Amsterdam
    later = of(world)

    assert [shown[f"handreiking_contact_promises{which}",] for which in ("", "_due_today", "_late")] == [3, 1, 1]
    assert later["handreiking_contact_promises_late",] == 2


def test_a_scrape_asks_the_database_once_in_some_seconds(sessions, wording, vault):
    world = World(sessions, wording, vault)
    now = 0.0
    reading = Reading(sessions, lambda: world.now, ZoneInfo("Europe/Amsterdam"), lambda: now)
    first = reading.take()
    world.journey.take_in([(1, "{}")])
    same = reading.take()
    now = FRESH_S
    again = reading.take()

    assert (first.updates.waiting, same.updates.waiting, again.updates.waiting) == (0, 0, 1)


async def test_without_its_database_it_still_answers_and_says_so(sessions, engine, wording, vault):
    world = World(sessions, wording, vault)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE message RENAME TO away"))
    shown = of(world)

    assert shown["handreiking_ledger_readable",] == 0
    assert "handreiking_due_messages" not in {name for name, *_ in shown}


def test_the_figures_use_what_is_narrow_and_never_read_all_messages(engine, sessions):
    """On both databases the plans name an index for what got stuck and for what is due."""
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with sessions() as session:
        if engine.dialect.name == "postgresql":  # it reads small tables whole, whatever indexes there are
            session.execute(text("SET LOCAL enable_seqscan = off"))
        for where, index in (
            ("message WHERE state = 'uncertain'", "ix_message_uncertain"),
            ("inbox WHERE state = 'dead'", "ix_inbox_dead"),
            ("message WHERE state = 'due' AND due_at <= '2026-01-01'", "ix_message_due"),
            ("signal WHERE outcome IS NULL", "ix_signal_open"),
            ("offer WHERE state = 'open' AND look_at <= '2026-01-01'", "ix_offer_look"),
        ):
            plan = str(session.execute(text(f"{explain} SELECT count(*) FROM {where}")).all())
            assert index in plan, plan


def test_steps_that_fail_are_counted(sessions, wording, vault):
    world = World(sessions, wording, vault)

    def broken():
        raise ZeroDivisionError

    world.journey.clock = broken
    for _ in range(2):
        try:
            world.journey.plan()
        except ZeroDivisionError:
            continue
    world.journey.clock = lambda: world.now
    shown = of(world, world.journey.watch)

    assert shown["handreiking_step_failures_total", "plan"] == 2
    assert world.journey.watch.age_s("plan") is None


async def test_it_says_at_work_in_the_ledger_and_signs_off(watched, sessions):
    async with watched() as (stage, _):
        stage.sandbox.start(ANNA, first_name="Anna", language="nl")
        await stage.until(lambda: {"poll", "call_dates", "sweep", "unheard"} <= stage.journey.watch.seen().ages.keys())
        await asyncio.to_thread(stage.lookout.report)
        with sessions() as session:
            [process] = vitals.processes(session)
    with sessions() as session:
        gone = vitals.processes(session)

    assert (process.name, process.role) == ("test", "all")
    assert {"loop", "tick", "send", "hear", "poll"} <= process.worked.keys()
    assert gone == []
