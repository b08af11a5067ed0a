"""Who answers a request for contact, until when, and what becomes of it."""

import itertools
import json
import threading
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text as sql
from sqlmodel import col, select

from bot import contacts, mydata, staff
from bot.contacts import ClosedError, Outcome, Signature, Tab, TakenError
from bot.core.talk import Blocked, SharedContact
from bot.errors import RefusedError
from bot.store.tables import AuditRow, CitizenRow, ContactLineRow, ContactRequestRow, MessageRow
from tests.world import World

ANNA = "111"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MEI = Signature(name="Mei", team="wijkteam Oost", by="mei")
NOOR = Signature(name="Noor", team=None, by="noor")


@pytest.fixture
def world(sessions, wording, vault):
    world = World(sessions, wording, vault)
    with sessions.begin() as session:
        for login, role in (("mei", "contact"), ("noor", "contact"), ("ada", "administrator")):
            new = staff.NewStaff(login=login, name=f"{login.title()} van Dam", roles=[role])
            staff.add(session, new, staff_id=login, by="setup", now=world.now)
    world.joins(ANNA, "money")
    return world


def asks(world, chat=ANNA, how="chat"):
    """Somebody asks for contact; return the number of their request."""
    world.say(chat, "Kunt u mij helpen?")
    world.choose(chat, "ask")
    world.choose(chat, how)
    if how == "phone":
        world.hear(chat, SharedContact("+31612345678", own=True))
    world.choose(chat, f"{how}.morning")
    with world.sessions() as session:
        theirs = select(ContactRequestRow.id).where(ContactRequestRow.citizen_id == world.citizen(chat).id)
        return session.exec(theirs.order_by(col(ContactRequestRow.id).desc())).first()


def row(world, request):
    with world.sessions() as session:
        return session.get(ContactRequestRow, request)


def does(world, deed, *arguments, **named):
    with world.sessions.begin() as session:
        return deed(session, *arguments, now=world.now, **named)


def claims(world, request, by="mei"):
    return does(world, contacts.claim, world.wording, request, by=by)


def replies(world, request, text="Welke brief?", signed=MEI, **named):
    return does(world, contacts.reply, world.wording, world.vault, request, text, signed=signed, **named)


def reads(world, request, by="mei"):
    return does(world, contacts.lines, world.wording, world.vault, request, by=by)


def audited(world):
    with world.sessions() as session:
        rows = session.exec(select(AuditRow).order_by(col(AuditRow.id)))
        return [(row.who, row.action) for row in rows if row.action.startswith("contact.")]


# Whose it is.


def test_of_two_who_press_at_once_one_has_it_and_the_other_is_told_who_was_earlier(world):
    request = asks(world)
    for _ in range(5):
        start, outcomes = threading.Barrier(2), {}

        def press(by, start=start, outcomes=outcomes):
            start.wait()
            try:
                outcomes[by] = claims(world, request, by).claimed_by
            except TakenError as error:
                outcomes[by] = error

        threads = [threading.Thread(target=press, args=(by,)) for by in ("mei", "noor")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        [winner] = [by for by, what in outcomes.items() if what == by]
        [refused] = [what for what in outcomes.values() if isinstance(what, TakenError)]
        assert row(world, request).claimed_by == winner
        name = f"{winner.title()} van Dam"
        assert str(refused) == f"{name} was earlier: they took this request on 24-11-2026 at 10:00."
        does(world, contacts.give_back, request, by=winner)


def test_whoever_comes_second_waits_for_the_first_to_commit(world):
    """The claim is one statement: a look before it would let both through."""
    request = asks(world)
    told = []

    def second():
        try:
            claims(world, request, "noor")
        except TakenError as error:
            told.append(str(error))

    with world.sessions.begin() as session:
        contacts.claim(session, world.wording, request, by="mei", now=world.now)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
    waiting.join()
    assert told == ["Mei van Dam was earlier: they took this request on 24-11-2026 at 10:00."]


@pytest.mark.parametrize("talks", [False, True], ids=["a promise that is late", "a talk that went silent"])
def test_what_somebody_does_at_the_very_moment_that_the_clock_looks_comes_first(world, engine, talks):
    """They take it back, or speak again: neither a new day nor that it is over has any sense then."""
    request = asks(world)
    if talks:
        replies(world, request)
    world.later(days=20)
    clock = threading.Thread(target=world.journey.upkeep)
    with world.sessions.begin() as session:
        who = session.get_one(ContactRequestRow, request).citizen_id
        session.get(CitizenRow, who, with_for_update={"key_share": True})
        theirs = session.get_one(ContactRequestRow, request)
        if talks:
            contacts.heard(session, world.wording, world.vault, theirs, "ik ben er weer", world.now)
        else:
            contacts.cancel(session, theirs, world.now)
        session.flush()
        clock.start()
        if engine.dialect.name == "postgresql":
            waits = sql("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while clock.is_alive() and not session.execute(waits).scalar_one():
                clock.join(0.01)
    clock.join()

    assert (row(world, request).state, row(world, request).moved) == ("talking" if talks else "cancelled", 0)
    with world.sessions() as session:
        keys = session.exec(select(MessageRow.key).where(col(MessageRow.key).startswith("contact:")))
        assert not [key for key in keys if "moved" in key or "closed" in key]


def test_only_who_has_it_reads_answers_notes_and_closes(world):
    request = asks(world, how="phone")
    world.say(ANNA, "Over mijn brief")
    claims(world, request)
    shut = {
        "read": lambda: reads(world, request, "noor"),
        "reply": lambda: replies(world, request, signed=NOOR),
        "note": lambda: does(world, contacts.note, world.wording, world.vault, request, "x", by="noor"),
        "phone": lambda: does(world, contacts.phone, world.wording, world.vault, request, by="noor"),
        "hand over": lambda: does(world, contacts.hand_over, world.wording, request, to="mei", by="noor"),
        "close": lambda: does(world, contacts.done, world.wording, request, by="noor"),
    }
    for deed in shut.values():
        with pytest.raises(TakenError):
            deed()
    with pytest.raises(RefusedError):
        does(world, contacts.give_back, request, by="noor")

    assert row(world, request).claimed_by == "mei"
    assert [line.text for line in reads(world, request)] == ["Over mijn brief"]
    assert does(world, contacts.phone, world.wording, world.vault, request, by="MEI ") == "+31612345678"
    assert audited(world) == [("mei", "contact.claim"), ("mei", "contact.read"), ("MEI ", "contact.phone")]


def test_who_does_nothing_loses_it_after_four_working_hours_and_who_does_something_keeps_it(world):
    request = asks(world)
    claims(world, request)
    assert row(world, request).claim_until == datetime(2026, 11, 24, 13, tzinfo=UTC)
    world.later(hours=3, minutes=50)
    does(world, contacts.note, world.wording, world.vault, request, "Gebeld, geen gehoor.", by="mei")
    # At 13.50 there are three hours and ten minutes left of this day.
    assert row(world, request).claim_until == datetime(2026, 11, 25, 8, 50, tzinfo=UTC)
    with pytest.raises(TakenError):
        claims(world, request, "noor")
    world.now = datetime(2026, 11, 25, 8, 51, tzinfo=UTC)

    assert claims(world, request, "noor").claimed_by == "noor"
    with pytest.raises(TakenError):
        replies(world, request)


def test_reading_it_again_and_again_does_not_keep_it(world):
    request = asks(world)
    claims(world, request)
    until = row(world, request).claim_until
    world.later(hours=2)
    reads(world, request)

    assert row(world, request).claim_until == until


def test_after_a_reply_it_stays_with_them_until_the_person_had_an_answer_to_give(world):
    request = asks(world)
    replies(world, request)
    assert row(world, request).claim_until is None
    world.later(days=6)
    with pytest.raises(TakenError):
        claims(world, request, "noor")

    world.deliver()
    world.say(ANNA, "Die van maandag.")
    known = row(world, request)
    assert (known.waiting_since, known.answer_by) == (world.now, date(2026, 12, 1))
    assert known.claim_until == datetime(2026, 11, 30, 13, tzinfo=UTC)
    world.later(hours=1)
    world.say(ANNA, "En nog iets.")
    assert row(world, request).waiting_since == known.waiting_since
    assert row(world, request).claim_until == known.claim_until
    replies(world, request, "Ik zoek het uit.")
    assert (row(world, request).waiting_since, row(world, request).answer_by) == (None, None)


def test_handed_over_it_is_the_colleagues_with_the_note_and_they_are_told_until_they_look(world):
    request = asks(world)
    claims(world, request)
    does(world, contacts.note, world.wording, world.vault, request, "Spreekt Turks.", by="mei")
    for nobody in ("ada", "mei"):
        with pytest.raises(RefusedError):
            does(world, contacts.hand_over, world.wording, request, to=nobody, by="mei")
    does(world, contacts.hand_over, world.wording, request, to="noor", by="mei")

    with world.sessions() as session:
        [told] = contacts.handed(session, "noor", now=world.now)
        counts = contacts.counts(session, "noor", now=world.now, today=world.now.date())
        assert contacts.colleagues(session, "mei")[0].login == "noor"
    assert (told.row.id, told.handed_by, counts.handed, counts.mine) == (request, "Mei van Dam", 1, 1)
    with pytest.raises(TakenError):
        reads(world, request, "mei")
    [note] = reads(world, request, "noor")
    assert (note.text, note.is_note) == ("Spreekt Turks.", True)
    with world.sessions() as session:
        assert contacts.handed(session, "noor", now=world.now) == []


def test_a_person_who_changes_their_request_keeps_who_helps_them(world):
    first = asks(world)
    claims(world, first)
    world.choose(ANNA, "change")
    world.choose(ANNA, "desk")
    world.choose(ANNA, "desk.any")

    with world.sessions() as session:
        [second] = session.exec(select(ContactRequestRow).where(ContactRequestRow.state == "open"))
    assert (second.id != first, second.how, second.claimed_by) == (True, "desk", "mei")


# What is said.


def test_the_same_press_arriving_twice_sends_one_reply(world):
    request = asks(world)
    world.say(ANNA, "Over mijn brief")
    [line] = reads(world, request)
    for _ in range(2):
        replies(world, request, after=line.id)
    world.deliver()
    assert sum("Welke brief?" in message.text for message in world.sent) == 1

    newest = reads(world, request)[-1].id
    replies(world, request, after=newest)
    world.deliver()
    assert sum("Welke brief?" in message.text for message in world.sent) == 2


def test_a_reply_tells_how_far_it_got(world):
    from bot.errors import RejectedError, UncertainError

    request = asks(world)
    replies(world, request, "Een")
    assert [line.delivery for line in reads(world, request)] == ["due"]
    world.deliver()
    world.fails = [RejectedError("chat not found"), UncertainError()]
    for text in ("Twee", "Drie"):
        replies(world, request, text)
        world.deliver()
    replies(world, request, "Vier")
    world.later(days=2)
    world.journey.upkeep()
    world.journey.lease("sender", 10)

    found = [(line.text, line.delivery, (line.error or "").split(":")[0]) for line in reads(world, request)]
    assert found[:3] == [("Een", "sent", ""), ("Twee", "failed", "rejected"), ("Drie", "uncertain", "")]


def test_the_stamp_changes_with_a_word_and_with_a_delivery_and_with_nothing_else(world):
    request = asks(world)

    def stamp():
        with world.sessions() as session:
            return contacts.stamp(session, request)

    seen = [stamp()]
    claims(world, request)
    assert stamp() == seen[-1]
    for deed in (lambda: world.say(ANNA, "Hallo"), lambda: replies(world, request), world.deliver):
        deed()
        seen.append(stamp())
    assert len(set(seen)) == 4


def test_notes_are_sealed_never_sent_wiped_at_the_end_and_shown_to_who_asks_what_is_kept(world):
    request = asks(world)
    does(world, contacts.note, world.wording, world.vault, request, "Heeft een tolk nodig.", by="mei")
    world.deliver()
    anna = world.citizen(ANNA)
    with world.sessions() as session:
        [line] = session.exec(select(ContactLineRow))
        kept = mydata.collect(session, world.wording, world.vault, anna, world.now)
        [asked] = kept["contact_requests"]
        bodies = json.dumps([message.body for message in session.exec(select(MessageRow))])
    assert "tolk" not in line.text_sealed
    assert "tolk" not in bodies
    assert all("tolk" not in text for text in world.phones[ANNA].texts)
    assert [(said["kind"], said["text"]) for said in asked["said"]] == [("note", "Heeft een tolk nodig.")]
    does(world, contacts.done, world.wording, request, by="mei")
    with world.sessions() as session:
        assert session.exec(select(ContactLineRow)).all() == []


@pytest.mark.parametrize("text", ["", "   ", "x" * (contacts.LONGEST_REPLY + 1)])
def test_nothing_empty_or_too_long_is_sent_or_kept(world, text):
    request = asks(world)
    for deed in (
        lambda: replies(world, request, text),
        lambda: does(world, contacts.note, world.wording, world.vault, request, text, by="mei"),
    ):
        with pytest.raises(RefusedError):
            deed()
    with world.sessions() as session:
        assert session.exec(select(ContactLineRow)).all() == []


def test_a_standard_reply_is_not_sent_with_a_gap_in_it(world):
    request = asks(world)
    with pytest.raises(RefusedError, match="left open"):
        replies(world, request, world.wording.say("standard.look-up", "nl"))
    with world.sessions() as session:
        assert session.exec(select(ContactLineRow)).all() == []


# How it ends.


def test_what_came_of_it_is_kept_without_a_word_about_anybody(world):
    request = asks(world, how="phone")
    claims(world, request)
    with pytest.raises(RefusedError):
        does(
            world,
            contacts.done,
            world.wording,
            request,
            by="mei",
            outcome=Outcome.REFERRED,
            referred_to="Mijn buurvrouw",
        )
    place = contacts.places(world.wording)[0]
    does(world, contacts.done, world.wording, request, by="mei", outcome=Outcome.REFERRED, referred_to=place)

    known = row(world, request)
    assert (known.state, known.outcome, known.referred_to, known.phone_sealed) == ("done", "referred", place, None)
    assert audited(world)[-1] == ("mei", "contact.done")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Outcome.HELPED, "talk.closed"), (Outcome.NOT_REACHED, "talk.not_reached"), (None, "talk.closed")],
)
def test_whoever_was_not_reached_reads_that_and_not_that_a_talk_is_over(world, outcome, words):
    request = asks(world, how="phone")
    does(world, contacts.done, world.wording, request, by="mei", outcome=outcome)
    world.deliver()

    assert world.phones[ANNA].last.text == world.wording.say(words, "nl")


@pytest.mark.parametrize("leaves", ["/stop", Blocked()])
def test_nobody_writes_to_whoever_left(world, leaves):
    request = asks(world)
    claims(world, request)
    world.say(ANNA, leaves) if isinstance(leaves, str) else world.hear(ANNA, leaves)
    for deed in (
        lambda: replies(world, request),
        lambda: reads(world, request),
        lambda: claims(world, request, "noor"),
    ):
        with pytest.raises(ClosedError):
            deed()


def test_a_talk_that_went_silent_is_closed_by_the_clock_whosever_it_is(world):
    request = asks(world)
    replies(world, request)
    world.deliver()
    world.later(days=14)
    world.journey.upkeep()

    assert row(world, request).state == "done"


# The queue.


def test_the_queue_goes_by_the_promise_and_a_talk_comes_in_when_the_person_wrote(world):
    numbers = {}
    for chat in ("201", "202", "203", "204"):
        world.joins(chat, "money")
        numbers[chat] = asks(world, chat)
    with world.sessions.begin() as session:
        session.get(ContactRequestRow, numbers["202"]).promised_by = date(2026, 11, 22)
        session.get(ContactRequestRow, numbers["203"]).promised_by = date(2026, 11, 25)
    replies(world, numbers["204"])
    world.deliver()

    def tab(name, login="mei", **named):
        with world.sessions() as session:
            found, count = contacts.queue(
                session, name, login, now=world.now, today=date(2026, 11, 24), limit=25, **named
            )
            assert len(found) == count
            return [one.row.id for one in found]

    assert tab(Tab.FREE) == [numbers[chat] for chat in ("202", "203", "201")]
    assert tab(Tab.MINE) == [numbers["204"]]
    assert tab(Tab.LATE) == [numbers["202"]]
    world.say("204", "Dank u, en nu?")
    claims(world, numbers["201"])
    assert tab(Tab.MINE) == [numbers["204"], numbers["201"]]
    assert tab(Tab.MINE, "noor") == []
    does(world, contacts.done, world.wording, numbers["201"], by="mei")
    assert tab(Tab.CLOSED) == [numbers["201"]]
    assert tab(Tab.FREE, language="ar") == []
    with world.sessions() as session:
        counts = contacts.counts(session, "mei", now=world.now, today=date(2026, 11, 24))
    assert (counts.open, counts.mine, counts.free, counts.late, counts.today, counts.tomorrow) == (3, 1, 2, 1, 0, 2)


def test_a_page_of_the_queue_follows_the_page_before(world):
    first = asks(world)
    with world.sessions.begin() as session:
        known = session.get(ContactRequestRow, first).model_dump()
        for number in range(6):
            session.add(ContactRequestRow(**known | {"id": 10**6 + number}))
    with world.sessions() as session:
        pages = [
            contacts.queue(session, Tab.FREE, "mei", now=world.now, today=world.now.date(), limit=3, offset=offset)
            for offset in (0, 3, 6)
        ]
    ids = [one.row.id for rows, _ in pages for one in rows]
    assert (len(ids), len(set(ids)), {count for _, count in pages}) == (7, 7, {7})


def test_the_counts_and_the_tabs_say_what_is_true_of_each_request(world):
    """The database's answer against plain Python, for every kind of request at once."""
    request = asks(world)
    known = row(world, request).model_dump()
    today, now = date(2026, 11, 24), world.now
    kinds = itertools.product(
        ("open", "talking", "done", "cancelled"),
        (None, "mei", "noor"),
        (None, -1, 0, 1),
        (-1, 0, 1, 2),
        (None, -1, 1),
        (0, 1),
    )
    rows = []
    for number, (state, by, claim, promised, answer, moved) in enumerate(kinds):
        closed = now - timedelta(days=number % 10) if state in {"done", "cancelled"} else None
        rows.append(
            ContactRequestRow(
                **known
                | {
                    "id": 10**6 + number, "state": state, "claimed_by": by, "claimed_at": by and now,
                    "claim_until": None if by is None or claim is None else now + timedelta(hours=claim),
                    "promised_by": today + timedelta(days=promised), "moved": moved, "closed_at": closed,
                    "answer_by": None if answer is None or state != "talking" else today + timedelta(days=answer),
                }
            )
        )  # fmt: skip
    with world.sessions.begin() as session:
        session.delete(session.get(ContactRequestRow, request))
        session.add_all([ContactRequestRow(**one.model_dump()) for one in rows])

    def is_open(one):
        return one.state in {"open", "talking"}

    def free(one):
        return is_open(one) and (one.claimed_by is None or contacts.lapsed(one, now))

    def late(one):
        due = contacts.due(one)
        return is_open(one) and ((due is not None and due < today) or (one.state == "open" and one.moved > 0))

    def due_in(one, days):
        return is_open(one) and contacts.due(one) == today + timedelta(days=days) and not late(one)

    wanted = {
        Tab.MINE: {one.id for one in rows if contacts.is_theirs(one, "mei", now)},
        Tab.FREE: {one.id for one in rows if free(one)},
        Tab.LATE: {one.id for one in rows if late(one)},
        Tab.CLOSED: {one.id for one in rows if not is_open(one) and one.closed_at >= now - timedelta(days=7)},
    }
    with world.sessions() as session:
        for tab, ids in wanted.items():
            found, count = contacts.queue(session, tab, "mei", now=now, today=today, limit=10_000)
            assert ({one.row.id for one in found}, count) == (ids, len(ids))
            if tab is not Tab.CLOSED:
                days = [one.due or date.max for one in found]
                assert days == sorted(days)
            assert all(one.is_free == free(one.row) for one in found)
        counts = contacts.counts(session, "mei", now=now, today=today)
    assert (counts.mine, counts.free, counts.late) == tuple(len(wanted[tab]) for tab in (Tab.MINE, Tab.FREE, Tab.LATE))
    assert counts.open == sum(is_open(one) for one in rows)
    assert (counts.today, counts.tomorrow) == tuple(sum(due_in(one, days) for one in rows) for days in (0, 1))


# Working hours.

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPANS = st.integers(0, 80).map(lambda quarters: timedelta(minutes=15 * quarters))


def at_work(moment):
    local = moment.astimezone(AMSTERDAM)
    return local.weekday() < 5 and local.date() not in holidays.country_holidays("NL") and 9 <= local.hour < 17


@given(MOMENTS, SPANS)
def test_so_many_working_hours_later_just_so_much_working_time_has_gone_by(wording, moment, span):
    moment = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    quarter = timedelta(minutes=15)
    end = contacts.working_hours_after(moment, span, wording.municipality)

    passed = sum(
        (quarter for step in range((end - moment) // quarter) if at_work(moment + step * quarter)), start=timedelta(0)
    )
    assert passed == span
    assert end >= moment


@given(MOMENTS, SPANS, SPANS)
def test_more_working_hours_end_later_and_can_be_counted_in_two_parts(wording, moment, first, second):
    def after(start, span):
        return contacts.working_hours_after(start, span, wording.municipality)

    assert after(moment, first) <= after(moment, first + second)
    assert after(after(moment, first), second) == after(moment, first + second)


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ("2026-11-24T10:00", "2026-11-24T14:00"),
        ("2026-11-24T16:30", "2026-11-25T12:30"),
        ("2026-11-27T16:30", "2026-11-30T12:30"),
        ("2026-11-28T11:00", "2026-11-30T13:00"),
        ("2026-12-24T16:00", "2026-12-28T12:00"),
        ("2026-03-27T16:00", "2026-03-30T12:00"),
    ],
)
def test_nobody_loses_a_request_at_night_in_a_weekend_or_on_a_holiday(wording, taken, free):
    def local(text):
        return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM)

    taken = local(taken).astimezone(UTC)
    assert contacts.working_hours_after(taken, timedelta(hours=4), wording.municipality) == local(free)
