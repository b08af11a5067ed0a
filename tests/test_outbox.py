"""Messages on their way out: many at once or one at a time, by who sends now and by nobody else."""

import random
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlmodel import col

from bot import outbox
from bot.core.answers import fresh_buttons, nudge_buttons
from bot.core.facts import ConsentState, Phrase, Purpose
from bot.core.talk import Nudge, Standing
from bot.errors import DelayedError, RejectedError, UncertainError, UnreachableError
from bot.journey import Delivered, Undelivered
from bot.outbox import FLIGHT, LEASE, PAUSE_NUDGES, SENDS_FOR
from bot.store import ledger
from bot.store.tables import (
    CampaignRow,
    CitizenRow,
    ConsentRow,
    FrozenRow,
    InboxRow,
    LinkRow,
    MarkRow,
    MessageRow,
    OfferRow,
)
from tests.world import World

CHATS = [str(number) for number in range(500, 504)]
TABLES = (MessageRow, OfferRow, CitizenRow, ConsentRow, FrozenRow, MarkRow)


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


@pytest.fixture
def queue(world):
    """Four people with a nudge that is due, and some of them with an answer that is too."""
    world.campaign()
    for chat in CHATS:
        world.joins(chat, "money")
    world.signal()
    world.journey.plan()
    world.journey.decide()
    with world.sessions.begin() as session:
        for chat in CHATS[::3]:
            citizen = ledger.citizen_by_chat(session, world.vault.fingerprint(f"chat:{chat}"))
            outbox.queue_reply(session, citizen, f"test:{chat}", {"text": "Dag"}, world.now)
            body = {"text": "Een vraag"}
            due = {"due_at": world.now, "expires_at": world.now + timedelta(days=1)}
            outbox.queue_notice(session, citizen, f"notice:{chat}", body, world.now, **due)
    world.journey.resign("sender")
    return world


def all_set_aside(world, owner="sender") -> list[int]:
    """Every message that waits, set aside for `owner`, several for one person among them."""
    with world.sessions.begin() as session:
        waiting = list(session.execute(select(MessageRow.id).where(col(MessageRow.state) == "due")).scalars())
        ledger.set_aside(session, waiting, owner, world.now + LEASE)
        assert outbox.is_sender(session, world.now, owner)
    return waiting


def states(world) -> dict[int, str]:
    with world.sessions() as session:
        return {
            row.id: row.state for row in session.execute(select(MessageRow).where(MessageRow.state != "sent")).scalars()
        }


def ledger_as_it_is(session):
    """Every row that leaving and settling may touch; PostgreSQL counts on after a rollback, so new rows have no id."""
    session.flush()
    found = {}
    for table in TABLES:
        columns = [column for column in table.__table__.columns if (table, column.name) != (ConsentRow, "id")]
        found[table.__tablename__] = sorted(map(repr, session.execute(select(*columns)).all()))
    return found


def tried(world, *steps):
    """What the ledger says after each of some ways to do the same, none of which is kept."""
    found = []
    for step in steps:
        with world.sessions() as session:
            said = step(session)
            found.append((said, ledger_as_it_is(session)))
            session.rollback()
    return found


def differing(one, other):
    """The rows that only one of them has."""
    assert one[0] == other[0]
    return [row for table in one[1] for row in sorted({*one[1][table]} ^ {*other[1][table]})]


# Many at once, or one at a time.


def mishap(session, world, rng, citizens):
    """Something that happened to one of them, or to all, since the nudges were planned."""
    citizen = rng.choice(citizens)
    person = update(CitizenRow).where(col(CitizenRow.id) == citizen)
    nudges = update(MessageRow).where(col(MessageRow.citizen_id) == citizen, col(MessageRow.purpose) == 2)
    consents = update(ConsentRow).where(col(ConsentRow.citizen_id) == citizen)
    campaign = update(CampaignRow)
    other_words = [
        {"variant": variant, "language": "nl", "wording_hash": "other", "first_sent_at": world.now}
        for variant in sorted(world.wording.variants)[::2]
    ]
    happened = [
        lambda: session.execute(person.values(standing=Standing.STOPPED)),
        lambda: session.execute(person.values(chat_sealed=None)),
        lambda: session.execute(person.values(paused_until=world.now + timedelta(days=3))),
        lambda: session.execute(person.values(language=rng.choice(["en", "ar", "xx"]))),
        lambda: session.execute(person.values(zone="Asia/Tokyo")),
        lambda: session.execute(person.values(quiet_from=world.now.time(), quiet_until=world.now.time())),
        lambda: session.execute(consents.values(valid_until=world.now)),
        lambda: session.execute(consents.values(state=ConsentState.WITHDRAWN)),
        lambda: session.execute(nudges.values(expires_at=world.now - timedelta(seconds=1))),
        lambda: session.execute(nudges.values(variant="zorgtoeslag.gone.1")),
        lambda: session.execute(nudges.values(owner="another")),
        lambda: session.execute(nudges.values(state="withdrawn")),
        lambda: ledger.add_new(
            session, LinkRow, [{"reference_hash": "r", "citizen_id": citizen, "linked_at": world.now}]
        ),
        lambda: ledger.set_mark(session, PAUSE_NUDGES, {"because": "a look", "who": "sam"}, world.now),
        lambda: session.execute(campaign.values(state="paused")),
        lambda: session.execute(campaign.values(approved_by="eva")),
        lambda: session.execute(campaign.values(card="gone")),
        lambda: ledger.add_new(session, FrozenRow, other_words),
    ]
    rng.choice(happened)()


def test_letting_go_at_once_and_one_at_a_time_come_to_the_same(queue):
    """All but what their order decides: the hourly maximum lets the first ones go, whoever that is."""
    messages = all_set_aside(queue)
    citizens = [queue.citizen(chat).id for chat in CHATS]

    @settings(max_examples=25)
    @given(st.integers(0, 2**32), st.integers(0, 3))
    def agree(seed, mishaps):
        def after(session, batches):
            rng = random.Random(seed)
            for _ in range(mishaps):
                mishap(session, queue, rng, citizens)
            session.flush()
            now = queue.now + timedelta(hours=rng.choice([0, 0, 0, 12, 24 * 30]))
            left = []
            for batch in batches:
                left += outbox.let_go(session, queue.wording, queue.vault, now, "sender", batch)
                session.flush()
            return sorted(left, key=lambda outgoing: outgoing.id)

        at_once, one_by_one, backwards = tried(
            queue,
            lambda session: after(session, [messages]),
            lambda session: after(session, [[message] for message in messages]),
            lambda session: after(session, [[message] for message in reversed(messages)]),
        )
        assert differing(at_once, one_by_one) == []
        assert differing(at_once, backwards) == []

    agree()


def test_two_nudges_for_one_person_leave_one_whether_together_or_apart(queue):
    """Each of them is a contact that stands in the other's way, until one of them is withdrawn."""
    messages = all_set_aside(queue)
    with queue.sessions.begin() as session:
        nudges = select(MessageRow).where(col(MessageRow.purpose) == 2).order_by(col(MessageRow.id))
        first, second, *_ = session.execute(nudges).scalars()
        second.citizen_id = first.citizen_id
        pair = [first.id, second.id]
    assert set(pair) <= set(messages)

    def left(batches):
        return lambda session: [
            outgoing.id
            for batch in batches
            for outgoing in outbox.let_go(session, queue.wording, queue.vault, queue.now, "sender", batch)
        ]

    together, apart = tried(queue, left([pair]), left([[pair[0]], [pair[1]]]))

    assert together == apart
    assert len(together[0]) == 1


def test_a_nudge_whose_offer_was_closed_meanwhile_does_not_leave(queue):
    messages = all_set_aside(queue)
    citizen = queue.citizen(CHATS[0]).id
    with queue.sessions.begin() as session:
        closed = update(OfferRow).where(col(OfferRow.citizen_id) == citizen)
        session.execute(closed.values(state="closed", outcome="uncertain", closed_at=queue.now))

    left = queue.journey.depart("sender", messages)

    assert sorted(outgoing.chat for outgoing in left if outgoing.purpose == 2) == CHATS[1:]
    with queue.sessions() as session:
        of_them = select(MessageRow).where(MessageRow.citizen_id == citizen, MessageRow.purpose == 2)
        nudge = session.execute(of_them).scalars().one()
        offer = session.execute(select(OfferRow).where(OfferRow.citizen_id == citizen)).scalars().one()
    assert (nudge.state, nudge.error) == ("withdrawn", "uncertain")
    assert (offer.state, offer.outcome) == ("closed", "uncertain")


def test_no_more_than_the_hourly_maximum_leave_together(world):
    world.campaign(hourly_maximum=2)
    for chat in CHATS:
        world.joins(chat, "money")
    world.signal()

    assert len(world.tick()) == 2
    world.later(minutes=61)
    assert len(world.tick()) == 2


def test_settling_at_once_and_one_at_a_time_come_to_the_same(queue):
    messages, citizens = all_set_aside(queue), [queue.citizen(chat).id for chat in CHATS]
    flying = {outgoing.id: outgoing.chat for outgoing in queue.journey.depart("sender", messages)}
    per_chat = [[message for message, whose in flying.items() if whose == chat] for chat in CHATS]
    errors = (
        UncertainError("?"),
        RejectedError("no"),
        UnreachableError("gone"),
        DelayedError(3),
        DelayedError(9, everybody=True),
    )

    @settings(max_examples=25)
    @given(st.integers(0, 2**32))
    def agree(seed):
        rng = random.Random(seed)
        results = [
            Delivered(message, 7000 + message) if rng.random() < 0.5 else Undelivered(message, rng.choice(errors))
            # Of one person no two are ever on their way.
            for message in map(rng.choice, rng.sample(per_chat, rng.randint(1, len(per_chat))))
        ]
        farewell = {"text": "Dag", "sealed": queue.vault.seal("Dag"), outbox.FAREWELL: True}
        given_up = set(rng.sample(sorted(flying), 2))
        erased = rng.choice([None, *citizens])

        def after(session, batches):
            session.execute(update(MessageRow).where(col(MessageRow.id).in_(given_up)).values(state="uncertain"))
            if erased is not None:
                person = update(CitizenRow).where(col(CitizenRow.id) == erased)
                session.execute(person.values(standing=Standing.ERASED))
                last = update(MessageRow).where(col(MessageRow.citizen_id) == erased, col(MessageRow.purpose) == 0)
                session.execute(last.values(body=farewell))
            for batch in batches:
                outbox.settle(session, queue.now, batch, timedelta(seconds=1))
                session.flush()

        at_once, one_by_one = tried(
            queue, lambda session: after(session, [results]), lambda session: after(session, [[one] for one in results])
        )
        assert differing(at_once, one_by_one) == []

    agree()


def test_the_buttons_of_a_fresh_nudge_are_those_of_a_nudge_that_nobody_answered(queue):
    [nudge, *_] = [row for row in queue.nudges() if row.state == "due"]
    with queue.sessions() as session:
        talked_of = outbox.nudge_of(session, queue.wording, nudge, "Europe/Amsterdam", queue.now)

    assert isinstance(talked_of, Nudge)
    assert talked_of.words == Phrase(nudge.variant)
    assert fresh_buttons(nudge.id, talked_of.card) == nudge_buttons(talked_of)


# By who sends now.


def test_a_second_sender_gets_nothing_while_the_first_one_asks(queue):
    assert queue.journey.lease("first", 3)
    for _ in range(10):
        queue.later(seconds=5)
        assert queue.journey.lease("second", 100) == []
        queue.journey.lease("first", 1)


def test_after_a_kill_another_takes_over_within_fifteen_seconds_with_what_was_only_set_aside(queue):
    set_aside = {lease.message for lease in queue.journey.lease("first", 100)}
    queue.later(seconds=SENDS_FOR.total_seconds())

    taken = {lease.message for lease in queue.journey.lease("second", 100)}

    assert SENDS_FOR <= timedelta(seconds=10) < LEASE
    assert set_aside
    assert taken == set_aside


def test_who_stops_in_good_order_makes_room_at_once(queue):
    set_aside = {lease.message for lease in queue.journey.lease("first", 100)}
    queue.journey.resign("nobody")
    assert queue.journey.lease("second", 100) == []

    queue.journey.resign("first")

    assert {lease.message for lease in queue.journey.lease("second", 100)} == set_aside


def test_a_sender_that_wakes_up_after_another_took_over_lets_nothing_go(queue):
    mine = [lease.message for lease in queue.journey.lease("first", 100)]
    queue.later(seconds=12)
    theirs = queue.journey.lease("second", 3)

    assert queue.journey.depart("first", mine) == []

    assert len(queue.journey.depart("second", [lease.message for lease in theirs])) == len(theirs) == 3


def test_the_mark_alone_decides_who_lets_go(queue):
    """Whoever took over may not have taken back what was set aside: the first version does not."""
    mine = all_set_aside(queue, "first")
    until = (queue.now + SENDS_FOR).isoformat()
    with queue.sessions.begin() as session:
        ledger.set_mark(session, "sender", {"owner": "second", "until": until}, queue.now)

    assert queue.journey.depart("first", mine) == []
    assert set(states(queue).values()) == {"leased"}


def test_a_sender_whose_mark_ran_out_unnoticed_goes_on_where_nobody_took_over(queue):
    mine = [lease.message for lease in queue.journey.lease("first", 3)]
    queue.later(seconds=12)

    assert len(queue.journey.depart("first", mine)) == 3


def test_nothing_is_sent_twice_when_the_old_one_wakes_up(queue):
    """It fell asleep with messages set aside, and with others on their way whose fate it knows."""
    first = all_set_aside(queue, "first")
    flying = queue.journey.depart("first", first[:4])
    queue.later(seconds=SENDS_FOR.total_seconds())
    left = [outgoing.id for outgoing in flying]
    while leased := queue.journey.lease("second", 2):
        going = queue.journey.depart("second", [lease.message for lease in leased])
        left += [outgoing.id for outgoing in going]
        queue.journey.depart("second", [], [Delivered(outgoing.id, 8000 + outgoing.id) for outgoing in going])
    assert (
        queue.journey.depart("first", first, [Delivered(outgoing.id, 9000 + outgoing.id) for outgoing in flying]) == []
    )

    assert len(flying) == 4
    assert len(left) == len(set(left)) > 4
    assert "sending" not in states(queue).values()


@pytest.mark.parametrize("given_up", [False, True])
def test_what_a_sender_that_lost_its_part_knows_is_written_down_all_the_same(queue, given_up):
    [message] = [lease.message for lease in queue.journey.lease("first", 1)]
    queue.journey.depart("first", [message])
    queue.later(seconds=SENDS_FOR.total_seconds())
    assert queue.journey.lease("second", 1)
    if given_up:
        queue.later(seconds=FLIGHT.total_seconds())
        assert queue.journey.sweep() == 1
        assert states(queue)[message] == "uncertain"

    queue.journey.depart("first", [], [Delivered(message, 9001)])

    with queue.sessions() as session:
        row = session.get(MessageRow, message)
        assert (row.state, row.channel_id) == ("sent", 9001)


def test_of_two_that_ask_at_once_for_the_first_time_one_sends(queue):
    """On PostgreSQL both may find no mark; what one of them makes is what the other then sees."""
    with queue.sessions.begin() as session:
        ledger.clear_mark(session, "sender")
    with queue.sessions.begin() as session:
        assert outbox.is_sender(session, queue.now, "first")
    with queue.sessions.begin() as session:
        assert not outbox.is_sender(session, queue.now, "second")
        assert outbox.is_sender(session, queue.now, "first")


def test_a_message_that_no_key_opens_ends_and_the_others_leave(queue):
    stranger = Fernet(Fernet.generate_key()).encrypt(b"1").decode()
    with queue.sessions.begin() as session:
        nudges = select(MessageRow).where(col(MessageRow.purpose) == Purpose.NUDGE).order_by(col(MessageRow.id))
        nudge = session.execute(nudges).scalars().first()
        lost = nudge.citizen_id
        session.execute(update(CitizenRow).where(col(CitizenRow.id) == lost).values(chat_sealed=stranger))
    waiting = all_set_aside(queue)

    leaving = queue.journey.depart("sender", waiting)

    with queue.sessions() as session:
        theirs = select(MessageRow).where(col(MessageRow.citizen_id) == lost, col(MessageRow.id).in_(waiting))
        failed = session.execute(theirs).scalars().all()
        assert {(row.state, row.error, row.owner) for row in failed} == {("failed", "unreadable", None)}
        offer = session.get(OfferRow, nudge.offer_id)
        assert (offer.state, offer.outcome) == ("closed", "rejected")
    assert {message.id for message in leaving}.isdisjoint({row.id for row in failed})
    assert leaving
    assert sum(queue.journey.watch.seen().sends.values()) == len(failed)


def test_an_update_that_no_key_opens_fails_like_any_other_and_the_others_are_heard(world):
    stranger = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    world.journey.take_in([(7001, '{"update_id": 7001}'), (7002, '{"update_id": 7002}')])
    with world.sessions.begin() as session:
        session.execute(update(InboxRow).where(col(InboxRow.update_id) == 7001).values(body_sealed=stranger))

    heard = {one.update_id: one.body for one in world.journey.unheard()}

    assert heard == {7001: "", 7002: '{"update_id": 7002}'}
