"""Planning for many at once: who would get it is one answer, and two planners are as one."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert
from sqlmodel import col, select

from bot import campaigns, planning, preview
from bot.campaigns import CampaignFile
from bot.campaigns.file import Audience, Trigger, WavesPart
from bot.core.facts import Choice, ConsentState, Origin, Reason, Sensitivity, Tone
from bot.errors import RefusedError
from bot.signals import Incoming
from bot.store.tables import (
    AnswerRow,
    CitizenRow,
    ConsentRow,
    DecisionRow,
    LinkRow,
    MessageRow,
    OfferRow,
    SignalRow,
)
from tests.world import TUESDAY_TEN, World

DEADLINE = "zorgtoeslag-deadline"
PASS = "stadspas"
DEADLINE_NEAR = "nl.kalenders.aanvraagtermijn-nadert.v1"
NEW_HERE = "nl.inwonersituaties.nieuw-in-gemeente-gemeld.v1"


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


# Who would get this.

days = st.integers(0, 400).map(lambda count: timedelta(days=count))
answers = st.tuples(st.sampled_from(list(Choice)), st.integers(0, 20), st.none() | st.integers(1, 60))
contact = st.tuples(
    st.sampled_from(["zorgtoeslag", "stadspas", "mantelzorg"]),
    days,
    st.sampled_from(list(Tone)),
    st.sampled_from(["sent", "uncertain", "due", "leased", "sending", "failed", "withdrawn", "expired"]),
    st.lists(answers, max_size=3, unique_by=lambda answer: answer[0]),
)
person = st.fixed_dictionaries(
    {
        "language": st.sampled_from(["nl", "nl", "en", "ar", "tr"]),
        "zone": st.sampled_from(["Europe/Amsterdam", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
        "standing": st.sampled_from(
            ["active", "active", "active", "active", "stopped", "blocked", "joining", "erased"]
        ),
        "paused_until": st.none() | st.integers(-30, 30),
        "rest_days": st.none() | st.sampled_from([14, 60, 200]),
        "rested_anew": st.none() | days,
        "linked": st.booleans(),
        "consents": st.lists(
            st.tuples(
                st.sampled_from(["money", "money", "money", "free-time"]),
                st.sampled_from([ConsentState.GIVEN, ConsentState.GIVEN, *ConsentState]),
                st.integers(-5, 700),
            ),
            max_size=4,
        ),
        "contacts": st.lists(contact, max_size=4),
        "told": st.lists(
            st.tuples(st.sampled_from(["achttien-geworden", "inkomen-gedaald", "verhuisd"]), st.integers(0, 100)),
            max_size=2,
        ),
    }
)


def settle(session, number, one, now):
    """This person and everything that happened to them, in the ledger."""
    known = f"p{number}"
    session.add(
        CitizenRow(
            id=known,
            chat_hash=known,
            language=one["language"],
            zone=one["zone"],
            standing=one["standing"],
            created_at=now,
            paused_until=None if one["paused_until"] is None else now + timedelta(days=one["paused_until"]),
            rest_days=one["rest_days"],
            rested_anew=None if one["rested_anew"] is None else now - one["rested_anew"],
        )
    )
    session.flush()
    if one["linked"]:
        session.add(LinkRow(reference_hash=known, citizen_id=known, linked_at=now))
    for place, (what, ago) in enumerate(one["told"]):
        at = now - timedelta(days=ago)
        session.add(
            SignalRow(
                id=f"{known}t{place}", source="urn:handreiking:citizen", external_id=f"{known}t{place}",
                type=f"nl.inwonersituaties.{what}-gemeld.v1", origin=Origin.SELF, occurred_at=at, received_at=at,
                citizen_id=known, addressed=True, data={}, outcome="planned",
            )
        )  # fmt: skip
    for theme, state, ends in one["consents"]:
        until = now + timedelta(days=ends) if state is ConsentState.GIVEN else None
        session.add(
            ConsentRow(
                citizen_id=known, theme=theme, state=state, at=now, valid_until=until, text="", wording="w",
                language="nl",
            )
        )  # fmt: skip
        session.flush()
    for place, (card, ago, tone, state, given_answers) in enumerate(one["contacts"]):
        at = now - ago
        message = MessageRow(
            key=f"{known}:{place}", citizen_id=known, purpose=2, state=state, due_at=at, created_at=at,
            closed_at=at if state in {"sent", "uncertain"} else None, card=card, variant=f"{card}.warm.1", tone=tone,
            sensitivity=Sensitivity.S1,
        )  # fmt: skip
        session.add(message)
        session.flush()
        for choice, after, until in given_answers:
            told = at + timedelta(days=after)
            chosen = None if until is None else told + timedelta(days=until)
            session.add(AnswerRow(message_id=message.id, citizen_id=known, choice=choice, at=told, until=chosen))
    session.flush()
    return known


@pytest.fixture
def draft(sessions, wording):
    """Change the example campaign in a way that nothing else in the ledger knows of."""

    def changed(**changes):
        text = CampaignFile.model_validate(
            {**wording_file(wording), **{name: value for name, value in changes.items() if value is not None}}
        )
        with sessions.begin() as session:
            campaigns.add(session, text, wording, by="eva", now=TUESDAY_TEN)
        return text.id

    return changed


def wording_file(wording):
    from bot.wording import data

    text = (data("messages") / "campaigns" / f"{DEADLINE}.toml").read_text(encoding="utf-8")
    return campaigns.read(text, wording).definition()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"audience": {"linked_only": True}},
        {"languages": ["nl", "en"]},
        {"audience": {"situations": ["turned-18", "lower-income"]}},
        {"waves": {"number": 3, "days_between": 5}},
        {"audience": {"linked_only": True, "situations": ["lower-income"]}, "waves": {"number": 2, "days_between": 9}},
        {"period": {"from": "2026-12-01", "until": "2027-10-31"}},
        {"period": {"from": "2026-01-01", "until": "2026-11-01"}},
    ],
    ids=[
        "as it is",
        "linked only",
        "two languages",
        "who told",
        "in waves",
        "who told, linked, in waves",
        "begins later",
        "is over",
    ],
)
def test_the_narrowed_way_and_the_plain_way_agree_about_everybody(changes, sessions, wording, vault, draft):
    campaign = draft(**changes)
    met = Counter()

    @settings(max_examples=60)
    @given(people=st.lists(person, min_size=1, max_size=3))
    def agree(people):
        with sessions() as session:
            asked = preview.question(session, wording, vault, campaign, TUESDAY_TEN)
            plain = Counter()
            for number, one in enumerate(people):
                known = settle(session, number, one, TUESDAY_TEN)
                answer = preview.why_not(session, asked, known)
                plain[None if answer is None else answer.reason] += 1
            funnel = preview.preview(session, asked)
            session.rollback()
        reached = plain.pop(None, 0)
        assert (funnel.reached, dict(funnel.reasons)) == (reached, dict(plain))
        assert funnel.people == len(people)
        met.update({None: reached} | plain)

    agree()
    assert len(met) > 1, "a town in which everybody is answered alike shows little"


def test_cards_end_on_the_date_of_each_persons_own_clock(sessions, wording, vault, draft):
    """Where it is the next day already the card is out of date, and a day behind it is not in force yet."""
    card = wording.cards["zorgtoeslag"]
    said = replace(
        wording, cards={**wording.cards, card.id: card.model_copy(update={"review_due": TUESDAY_TEN.date()})}
    )
    campaign = draft()
    late = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    one = {
        "language": "nl", "standing": "active", "paused_until": None, "rest_days": None, "rested_anew": None,
        "linked": False, "consents": [("money", ConsentState.GIVEN, 30)], "contacts": [], "told": [],
    }  # fmt: skip
    with sessions() as session:
        for number, zone in enumerate(["Europe/Amsterdam", "Pacific/Kiritimati", "Pacific/Pago_Pago"]):
            settle(session, number, {**one, "zone": zone}, late)
        funnel = preview.preview(session, preview.question(session, said, vault, campaign, late))

    assert dict(funnel.reasons) == {Reason.CARD_NOT_IN_FORCE: 1}
    assert funnel.reached == 2


def test_the_preview_asks_about_the_day_that_the_calendar_gives_next(sessions, wording, vault, world):
    campaign = world.campaign(PASS)
    with sessions() as session:
        now = preview.question(session, wording, vault, campaign, world.now)
        later = preview.question(session, wording, vault, campaign, world.now + timedelta(days=100))
        told = preview.question(session, wording, vault, campaign, world.now, kind=NEW_HERE)
        with pytest.raises(RefusedError, match=NEW_HERE):
            preview.question(session, wording, vault, campaign, world.now, kind="nl.something.else.v1")

    assert now.signal.occurred_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert later.signal.occurred_at == now.signal.occurred_at, (
        "the next one lies outside the period, and this one is told to be over"
    )
    assert (told.signal.origin, told.signal.occurred_at) == (Origin.SELF, world.now)
    assert now.runs


def test_who_is_said_to_be_reached_gets_the_nudge_and_nobody_else(world):
    campaign = world.campaign()
    world.joins("111", "money")
    world.joins("222", "money", "children")
    world.joins("333", "children")
    world.joins("444", "money")
    world.say("444", "/stop")
    with world.sessions() as session:
        funnel = preview.preview(session, preview.question(session, world.wording, world.vault, campaign, world.now))
    world.signal()

    assert {nudge.chat for nudge in world.tick()} == {"111", "222"}
    assert (funnel.people, funnel.reached) == (4, 2)
    assert dict(funnel.reasons) == {Reason.NO_CONSENT: 1, Reason.STOPPED: 1}


def joined(world, *chats):
    for chat in chats:
        world.joins(chat, "money")


def told(world, chat, code):
    world.say(chat, "/situation")
    world.choose(chat, code)


def test_a_campaign_for_who_told_something_writes_to_them_and_says_so(world):
    """Nobody else even gets an offer, and what was told is looked at for its own card and in its own days only."""
    world.campaign(audience=Audience(situations=("lower-income", "turned-18")))
    joined(world, "111", "222", "333", "444")
    told(world, "111", "lower-income")
    told(world, "222", "lower-income")
    told(world, "333", "moved")
    world.later(days=62)
    told(world, "222", "turned-18")
    world.signal()

    assert {nudge.chat for nudge in world.tick()} == {"222"}, "what the first one told is over by now"
    offers = {offer.citizen_id: offer.outcome for offer in world.offers()}
    assert offers == {world.citizen("111").id: Reason.NOT_IN_AUDIENCE, world.citizen("222").id: "sent"}
    [decision] = [row for row in world.decisions() if row.plan == "send"]
    assert len(decision.inputs["citizen"]["told"]) == 2, "that of the campaign's own situations, and nothing else"
    assert world.journey.replay(decision.id).differences == []
    world.say("222", "/why")
    [why] = [text for text in world.phones["222"].texts if "kozen en die ons iets vertelden" in text]
    assert "Ik ben 18 geworden" in why
    assert "verdien minder" not in why, "the day of that was over"
    assert "keken niet" not in why


def test_what_is_taken_back_counts_no_more_even_when_the_message_waits(world):
    world.campaign(audience=Audience(situations=("lower-income",)))
    joined(world, "111", "222")
    told(world, "111", "lower-income")
    told(world, "222", "lower-income")
    world.later(hours=11)
    world.signal()
    world.tick()
    world.say("111", "/situation")
    world.choose("111", "back.lower-income")
    world.later(hours=13)

    assert {nudge.chat for nudge in world.tick()} == {"222"}, "what waited for the morning was asked about again"
    assert {offer.citizen_id: offer.outcome for offer in world.offers()} == {
        world.citizen("111").id: Reason.NOT_IN_AUDIENCE, world.citizen("222").id: "sent",
    }  # fmt: skip


def test_nobody_told_anything_is_an_outcome_of_its_own(world):
    world.campaign(audience=Audience(situations=("lower-income",)))
    joined(world, "111")
    world.signal()
    world.tick()

    assert [signal.outcome for signal in world.signals()] == [Reason.NOT_IN_AUDIENCE]


def test_waves_come_one_after_the_other_and_everybody_is_in_one(world):
    campaign = world.campaign(waves=WavesPart(number=3, days_between=7))
    chats = [str(number) for number in range(100, 118)]
    joined(world, *chats)
    people = {chat: world.citizen(chat).id for chat in chats}
    with world.sessions() as session:
        asked = preview.question(session, world.wording, world.vault, campaign, world.now)
        funnel = preview.preview(session, asked)
        said = {chat: preview.why_not(session, asked, citizen) for chat, citizen in people.items()}
    world.signal()
    waves = []
    for _ in range(3):
        waves.append({nudge.chat for nudge in world.tick()})
        world.later(days=7)

    assert set().union(*waves) == set(chats)
    assert [len(wave) > 0 for wave in waves] == [True, True, True]
    assert sum(map(len, waves)) == len(chats), "nobody twice"
    assert waves[0] == {chat for chat, objection in said.items() if objection is None}
    assert (funnel.reached, funnel.reasons[Reason.WAVE]) == (len(waves[0]), len(waves[1]) + len(waves[2]))
    held = [row for row in world.decisions() if row.plan == "hold"]
    assert {row.reason for row in held} == {Reason.WAVE}
    assert all(world.journey.replay(row.id).differences == [] for row in world.decisions())


def test_who_is_meant_by_a_signal_waits_for_no_wave(world):
    told_kind = "nl.inwonersituaties.inkomen-gedaald-gemeld.v1"
    trigger = Trigger(signals=(told_kind, DEADLINE_NEAR))
    world.campaign(waves=WavesPart(number=12, days_between=4), trigger=trigger)
    chats = [str(number) for number in range(100, 106)]
    joined(world, *chats)
    for chat in chats:
        told(world, chat, "lower-income")

    assert {nudge.chat for nudge in world.tick()} == set(chats)


# Many at once.


def town(world, count, *themes):
    """People who take part and consent to `themes`; their ids."""
    ids = [f"c{number:05d}" for number in range(count)]
    now = world.now
    with world.sessions.begin() as session:
        people = [
            {
                "id": known, "chat_hash": known, "chat_sealed": world.vault.seal(known), "language": "nl",
                "zone": "Europe/Amsterdam", "standing": "active", "created_at": now, "holdout": False, "surveys": 0,
            }
            for known in ids
        ]  # fmt: skip
        session.execute(insert(CitizenRow.__table__), people)
        consents = [
            {
                "citizen_id": known, "theme": theme, "state": "given", "at": now,
                "valid_until": now + timedelta(days=700), "text": "yes", "wording": "w", "language": "nl",
            }
            for known in ids
            for theme in themes
        ]  # fmt: skip
        session.execute(insert(ConsentRow.__table__), consents)
    return ids


def told_by(ids, tag, kind=NEW_HERE, now=TUESDAY_TEN):
    return [
        Incoming(
            source="urn:t", external_id=f"{tag}:{known}", type=kind, origin=Origin.SELF, occurred_at=now, citizen=known
        )
        for known in ids
    ]


def test_a_batch_of_signals_ends_as_each_alone_would(world):
    world.campaign(PASS)
    ids = town(world, 3, "free-time")
    other = replace(told_by(ids[:1], "other")[0], type="nl.inwonersituaties.kind-gekregen-gemeld.v1")
    unknown = replace(told_by(ids[:1], "unknown")[0], citizen=None, reference="nobody-we-know")
    elsewhere = replace(told_by(ids[:1], "elsewhere")[0], card="zorgtoeslag")
    wrong = replace(told_by(ids[:1], "wrong")[0], origin=Origin.REGISTER)
    everybody = replace(told_by(ids[:1], "everybody")[0], citizen=None)

    receipts = world.journey.receive([*told_by(ids, "a"), other, unknown, elsewhere, wrong, everybody])
    assert world.journey.plan() == 8

    outcomes = {signal.id: signal.outcome for signal in world.signals()}
    assert [outcomes[receipt.id] for receipt in receipts] == [
        *["planned"] * 3, "no_campaign", "unknown_person", "no_campaign", "signal_not_enabled", "planned",
    ]  # fmt: skip
    assert Counter(offer.citizen_id for offer in world.offers()) == dict.fromkeys(ids, 2)


def test_of_two_offers_to_a_person_in_one_batch_one_is_sent(world):
    world.campaign(PASS)
    world.campaign()
    ids = town(world, 5, "free-time", "money")
    world.journey.receive(told_by(ids, "a"))
    world.signal()
    world.journey.plan()

    assert world.journey.decide() == 10
    assert Counter(nudge.citizen_id for nudge in world.nudges()) == dict.fromkeys(ids, 1)
    assert all(world.journey.replay(decision.id).differences == [] for decision in world.decisions())


def test_a_decision_that_was_held_and_then_sent_keeps_both_points(world):
    world.campaign(PASS)
    [known] = town(world, 1, "free-time")
    with world.sessions.begin() as session:
        session.get(CitizenRow, known).paused_until = world.now + timedelta(days=3)
    world.journey.receive(told_by([known], "a"))
    world.journey.plan()
    world.journey.decide()
    [held] = world.offers()
    world.later(days=3)
    world.journey.decide()

    [offer] = world.offers()
    assert (held.state, held.outcome, held.look_at) == ("open", Reason.PAUSED, TUESDAY_TEN + timedelta(days=3))
    assert (offer.state, offer.decisions) == ("queued", 2)
    assert [decision.plan for decision in world.decisions()] == ["hold", "send"]


# Two planners.


def test_a_planner_leaves_alone_whom_another_one_decides_about(world, engine):
    """Neither sees what the other has not committed yet, so the same person must not be with both."""
    world.campaign(PASS)
    world.campaign()
    *ids, before = town(world, 7, "free-time", "money")
    due = world.now + timedelta(days=30)
    # Somebody was decided about before, so that there is a policy, and nothing is new but the people.
    known = [*told_by([before], "b"), replace(told_by([before], "d", DEADLINE_NEAR, due)[0], origin=Origin.CALENDAR)]
    world.journey.receive(known)
    world.journey.plan()
    world.journey.decide()
    world.journey.receive(told_by(ids, "a"))
    world.journey.plan()
    with world.sessions() as first:
        planning.decide_due(first, world.wording, world.vault, world.now, 200)
        other = threading.Thread(target=lambda: _another_campaign_decides(world))
        if engine.dialect.name == "sqlite":  # one writer: the other one waits for the commit
            other.start()
            first.commit()
        else:
            other.start()
            other.join(timeout=30)
            assert not other.is_alive(), "it waits for the other planner"
            first.commit()
        other.join(timeout=30)
    while world.journey.decide():
        pass

    assert Counter(nudge.citizen_id for nudge in world.nudges()) == dict.fromkeys([*ids, before], 1)
    assert Counter(offer.state for offer in world.offers()) == {"queued": 7, "open": 8}


def _another_campaign_decides(world):
    world.signal()
    world.journey.plan()
    while world.journey.decide():
        pass


def test_two_planners_at_once_decide_each_offer_once_and_bother_nobody_twice(world, sessions):
    world.campaign(PASS)
    world.campaign()
    ids = town(world, 60, "free-time", "money")
    world.journey.receive([signal for tag in "ab" for signal in told_by(ids, tag)])
    world.signal()
    failures = []

    def plans():
        try:
            for _ in range(40):
                world.journey.plan(limit=7)
                world.journey.decide(limit=11)
        except Exception as error:  # noqa: BLE001 - a thread's fault is told by the test
            failures.append(error)

    planners = [threading.Thread(target=plans) for _ in range(2)]
    for planner in planners:
        planner.start()
    for planner in planners:
        planner.join()
    while world.journey.plan() or world.journey.decide():
        pass

    assert failures == []
    assert Counter(nudge.citizen_id for nudge in world.nudges()) == dict.fromkeys(ids, 1)
    with sessions() as session:
        numbers = session.exec(select(DecisionRow.offer_id, DecisionRow.number)).all()
        looked = session.exec(select(func.sum(col(OfferRow.decisions)))).one()
    assert len(numbers) == len(set(numbers)) == looked == 180


def test_a_stop_during_a_decision_leaves_nothing_waiting(world):
    """Whoever stops while a planner holds them waits for its commit, and then takes back what it queued."""
    world.campaign()
    world.joins("111", "money")
    world.signal()
    world.journey.plan()
    with world.sessions() as deciding:
        planning.decide_due(deciding, world.wording, world.vault, world.now, 200)
        stopping = threading.Thread(target=lambda: world.say("111", "/stop"))
        stopping.start()
        deciding.commit()
    stopping.join(timeout=30)

    assert [nudge.state for nudge in world.nudges()] == ["withdrawn"]
