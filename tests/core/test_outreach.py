import itertools
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import holidays
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core import outreach
from bot.core.facts import (
    Answer,
    Campaign,
    Card,
    CardStatus,
    Choice,
    Citizen,
    Contact,
    Learning,
    Level,
    Objection,
    Origin,
    Reason,
    Rules,
    Sensitivity,
    Signal,
    SignalRule,
    Tone,
    Waves,
)
from bot.core.outreach import is_civil, next_civil_moment, objection, rule_for, window

NOW = datetime(2026, 3, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules()
RULE = SignalRule(type="moved", origin=Origin.SELF, earliest_day=0, latest_day=400, enabled=True)
RULE_OF_DAY = SignalRule(type="day", origin=Origin.CALENDAR, earliest_day=-30, latest_day=30, enabled=True)
CARD = Card(
    id="stadspas",
    version=1,
    theme="meedoen",
    sensitivity=Sensitivity.S1,
    level=Level.INFORM_AND_OFFER_CONTACT,
    status=CardStatus.PUBLISHED,
    valid_from=date(2026, 1, 1),
    valid_until=date(2027, 12, 31),
    review_due=date(2027, 10, 1),
    max_sends=2,
    min_gap_days=21,
    silence_after_no_days=365,
    signals=(RULE,),
)
CAMPAIGN = Campaign(
    id="c1",
    card="stadspas",
    theme="meedoen",
    variants=("a",),
    languages=frozenset({"nl", "en"}),
    linked_only=False,
    starts_at=NOW - 30 * DAY,
    ends_at=NOW + 400 * DAY,
    learning=Learning.FIXED,
    running=True,
)
CITIZEN = Citizen(id="p1", language="nl", zone="Europe/Amsterdam", active=True, consents={"meedoen": NOW + 500 * DAY})
SIGNAL = Signal(id="s1", type="moved", origin=Origin.SELF, occurred_at=NOW - DAY, citizen="p1")


def ask(*, signal=SIGNAL, card=CARD, campaign=CAMPAIGN, citizen=CITIZEN, rules=RULES, now=NOW) -> Objection | None:
    return objection(signal, card, campaign, citizen, rules, now)


def sent(days_ago, *choices, card="stadspas", nudge=None, until=None):
    at = NOW - days_ago * DAY
    return Contact(
        nudge=nudge or f"{card}-{days_ago}",
        card=card,
        at=at,
        tone=Tone.WARM,
        answers=tuple(Answer(choice=choice, at=at + timedelta(hours=1), until=until) for choice in choices),
    )


def with_contacts(*contacts):
    return replace(CITIZEN, contacts=contacts)


def test_nothing_stands_in_the_way_of_a_wanted_message():
    assert ask() is None


ASKS = replace(CAMPAIGN, situations=("moved", "baby"))
CROWD = replace(SIGNAL, citizen=None, received_at=NOW)
IN_WAVES = replace(CAMPAIGN, waves=Waves(number=3, days=7))

NEVER = {
    "a campaign that was stopped": (
        Reason.CAMPAIGN_NOT_RUNNING,
        {"campaign": replace(CAMPAIGN, running=False, ended=True)},
    ),
    "a draft card": (Reason.CARD_NOT_IN_FORCE, {"card": replace(CARD, status=CardStatus.DRAFT)}),
    "a suspended card": (Reason.CARD_NOT_IN_FORCE, {"card": replace(CARD, status=CardStatus.SUSPENDED)}),
    "a card not valid yet": (Reason.CARD_NOT_IN_FORCE, {"card": replace(CARD, valid_from=date(2026, 3, 4))}),
    "a card no longer valid": (Reason.CARD_NOT_IN_FORCE, {"card": replace(CARD, valid_until=date(2026, 3, 2))}),
    "a card due for review": (Reason.CARD_NOT_IN_FORCE, {"card": replace(CARD, review_due=date(2026, 3, 2))}),
    "a card for people only": (Reason.CARD_NOT_IN_FORCE, {"card": replace(CARD, level=Level.HUMAN_ONLY)}),
    "an unknown signal": (Reason.SIGNAL_NOT_ENABLED, {"signal": replace(SIGNAL, type="married")}),
    "a signal from an origin that was not settled": (
        Reason.SIGNAL_NOT_ENABLED,
        {"signal": replace(SIGNAL, origin=Origin.REGISTER)},
    ),
    "a signal that is off": (
        Reason.SIGNAL_NOT_ENABLED,
        {"card": replace(CARD, signals=(replace(RULE, enabled=False),))},
    ),
    "a signal of long ago": (Reason.SIGNAL_EXPIRED, {"signal": replace(SIGNAL, occurred_at=NOW - 401 * DAY)}),
    "a campaign that is over": (Reason.SIGNAL_EXPIRED, {"campaign": replace(CAMPAIGN, ends_at=NOW - DAY)}),
    "a person who stopped": (Reason.STOPPED, {"citizen": replace(CITIZEN, active=False)}),
    "a theme not consented to": (Reason.NO_CONSENT, {"citizen": replace(CITIZEN, consents={"zorg": NOW + DAY})}),
    "a consent that ran out": (Reason.NO_CONSENT, {"citizen": replace(CITIZEN, consents={"meedoen": NOW})}),
    "somebody else's signal": (Reason.NOT_IN_AUDIENCE, {"signal": replace(SIGNAL, citizen="p2")}),
    "another language": (Reason.NOT_IN_AUDIENCE, {"citizen": replace(CITIZEN, language="ar")}),
    "no link": (Reason.NOT_IN_AUDIENCE, {"campaign": replace(CAMPAIGN, linked_only=True)}),
    "a situation that was not told": (Reason.NOT_IN_AUDIENCE, {"campaign": ASKS}),
    "another situation told": (
        Reason.NOT_IN_AUDIENCE,
        {"campaign": ASKS, "citizen": replace(CITIZEN, told={"baby": NOW})},
    ),
    "a situation that the card no longer speaks of": (
        Reason.NOT_IN_AUDIENCE,
        {"campaign": ASKS, "citizen": replace(CITIZEN, told={"moved": NOW - 401 * DAY})},
    ),
}


@pytest.mark.parametrize(("reason", "changes"), NEVER.values(), ids=NEVER)
def test_waiting_does_not_cure(reason, changes):
    assert ask(**changes) == Objection(reason=reason)


def test_a_campaign_that_is_paused_is_asked_after_again_each_day():
    paused = replace(CAMPAIGN, running=False)

    assert ask(campaign=paused) == Objection(reason=Reason.CAMPAIGN_NOT_RUNNING, until=NOW + DAY)


UNTIL = {
    "a refusal in an answer": (
        Reason.CARD_DECLINED,
        NOW + 265 * DAY + timedelta(hours=1),
        {"citizen": with_contacts(sent(100, Choice.HAVE_IT))},
    ),
    "a card sent twice this year": (
        Reason.CARD_CAP,
        NOW + 65 * DAY,
        {"citizen": with_contacts(sent(300, Choice.MORE), sent(200, Choice.MORE), sent(400, Choice.MORE))},
    ),
    "a card about debt sent once this year": (
        Reason.CARD_CAP,
        NOW + 65 * DAY,
        {"citizen": with_contacts(sent(300, Choice.MORE)), "card": replace(CARD, sensitivity=Sensitivity.S3)},
    ),
    "a full year": (
        Reason.YEAR_CAP,
        NOW + 5 * DAY,
        {
            "citizen": with_contacts(*(sent(20 * n, Choice.MORE, card="other") for n in range(18, 0, -1))),
        },
    ),
    "a signal to wait for": (
        Reason.TOO_EARLY,
        NOW + 13 * DAY,
        {"card": replace(CARD, signals=(replace(RULE, earliest_day=14),))},
    ),
    "a campaign to wait for": (
        Reason.TOO_EARLY,
        NOW + 2 * DAY,
        {"campaign": replace(CAMPAIGN, starts_at=NOW + 2 * DAY)},
    ),
    "a pause": (Reason.PAUSED, NOW + 3 * DAY, {"citizen": replace(CITIZEN, paused_until=NOW + 3 * DAY)}),
    "not now, until a date": (
        Reason.SNOOZED,
        NOW + 50 * DAY,
        {"citizen": with_contacts(sent(25, Choice.NOT_NOW, until=NOW + 50 * DAY))},
    ),
    "not now, left open": (
        Reason.SNOOZED,
        NOW + 5 * DAY + timedelta(hours=1),
        {"citizen": with_contacts(sent(25, Choice.NOT_NOW))},
    ),
    "an open question": (Reason.OPEN_QUESTION, NOW + 4 * DAY, {"citizen": with_contacts(sent(10, card="other"))}),
    "only a why": (
        Reason.OPEN_QUESTION,
        NOW + 4 * DAY,
        {"citizen": with_contacts(sent(10, Choice.WHY, card="other"))},
    ),
    "the same card just now": (Reason.CARD_GAP, NOW + 6 * DAY, {"citizen": with_contacts(sent(15, Choice.MORE))}),
    "a card that asks for a longer gap": (
        Reason.CARD_GAP,
        NOW + 25 * DAY,
        {"citizen": with_contacts(sent(15, Choice.MORE)), "card": replace(CARD, min_gap_days=40)},
    ),
    "a card that asks for a shorter gap": (
        Reason.CARD_GAP,
        NOW + 6 * DAY,
        {"citizen": with_contacts(sent(15, Choice.MORE)), "card": replace(CARD, min_gap_days=1)},
    ),
    "a person who rests": (
        Reason.RESTING,
        NOW + 4 * DAY,
        {"citizen": with_contacts(sent(10, Choice.MORE, card="other"))},
    ),
    "a situation told, of which the card speaks later": (
        Reason.NOT_IN_AUDIENCE,
        NOW + 13 * DAY,
        {
            "campaign": ASKS,
            "card": replace(CARD, signals=(RULE_OF_DAY, replace(RULE, earliest_day=14))),
            "citizen": replace(CITIZEN, told={"moved": NOW - DAY}),
            "signal": replace(CROWD, type="day", origin=Origin.CALENDAR),
        },
    ),
    "the last of three waves": (
        Reason.WAVE,
        NOW + 14 * DAY,
        {"campaign": IN_WAVES, "signal": CROWD, "citizen": replace(CITIZEN, lot=0.99)},
    ),
    "the second wave of a campaign that begins later": (
        Reason.WAVE,
        NOW + 7 * DAY,
        {"campaign": replace(IN_WAVES, starts_at=NOW), "signal": CROWD, "citizen": replace(CITIZEN, lot=0.4)},
    ),
    "a full month": (
        Reason.MONTH_CAP,
        NOW + 1 * DAY,
        {"citizen": with_contacts(*(sent(n, Choice.MORE, card="other") for n in (29, 15)))},
    ),
}


def test_who_told_one_of_the_situations_is_in_the_audience():
    assert ask(campaign=ASKS, citizen=replace(CITIZEN, told={"moved": NOW - 399 * DAY})) is None


def test_the_first_wave_and_who_is_meant_themselves_wait_for_nothing():
    assert ask(campaign=IN_WAVES, signal=CROWD, citizen=replace(CITIZEN, lot=0.33)) is None
    assert ask(campaign=IN_WAVES, signal=SIGNAL, citizen=replace(CITIZEN, lot=0.99)) is None


@given(st.floats(0, 1, exclude_max=True), st.integers(2, 12), st.integers(1, 60))
def test_every_lot_falls_into_one_of_the_waves(lot, number, days):
    after = Waves(number=number, days=days).after(lot)

    assert timedelta(0) <= after <= timedelta(days=(number - 1) * days)
    assert after % timedelta(days=days) == timedelta(0)


@pytest.mark.parametrize(("reason", "until", "changes"), UNTIL.values(), ids=UNTIL)
def test_waiting_cures(reason, until, changes):
    assert ask(**changes) == Objection(reason=reason, until=until)
    assert ask(**changes, now=until - timedelta(microseconds=1)) == Objection(reason=reason, until=until)
    assert getattr(ask(**changes, now=until), "reason", None) is not reason


def test_each_reason_of_the_gate_has_an_example():
    assert {reason for reason, *_ in (*NEVER.values(), *UNTIL.values())} == set(_documented())


def test_a_last_not_now_is_the_one_that_was_meant():
    at = NOW - 29 * DAY
    answers = (Answer(choice=Choice.NOT_NOW, at=at), Answer(choice=Choice.NOT_NOW, at=at, until=at + 7 * DAY))
    assert ask(citizen=with_contacts(replace(sent(29), answers=answers))) is None


def test_a_cap_of_none_is_never_lifted():
    s3 = replace(CARD, sensitivity=Sensitivity.S3)
    assert ask(card=s3, rules=replace(RULES, per_card_year_s3=0)) == Objection(reason=Reason.CARD_CAP)


def _documented():
    return [
        Reason(name)
        for name in re.findall(r"^\| ([a-z_]+) +\|", outreach.__doc__ or "", re.MULTILINE)
        if name != "reason"
    ]


def test_the_order_written_down_is_the_order_of_the_reasons():
    everything = list(Reason)
    first = everything.index(Reason.CAMPAIGN_NOT_RUNNING)
    assert _documented() == everything[first : first + len(_documented())]
    assert everything[first + len(_documented())] is Reason.QUIET


def test_the_gate_asks_in_the_order_written_down():
    """Everything is wrong at once; each reason is mended when it is given, and the next one in the table appears."""
    contacts = tuple(sent(days, card=card) for days, card in ((29, "other"), (9, "other"), (3, "stadspas")))
    many = (*(sent(60 + days, Choice.MORE, card="other") for days in range(20)), *contacts)
    refused = (sent(50, Choice.NO), sent(40, Choice.NOT_NOW, until=NOW + 40 * DAY))
    state = {
        "signal": replace(SIGNAL, citizen="p2", type="other", occurred_at=NOW - 500 * DAY),
        "card": replace(CARD, status=CardStatus.DRAFT),
        "campaign": replace(IN_WAVES, running=False, starts_at=NOW + DAY),
        "citizen": replace(
            CITIZEN, active=False, consents={}, paused_until=NOW + DAY, contacts=(*many, *refused), lot=0.9
        ),
    }
    patient = replace(RULES, per_year=99, per_card_year=99)

    def mend(key, **changes):
        state[key] = replace(state[key], **changes)

    mends = {
        Reason.CAMPAIGN_NOT_RUNNING: lambda: mend("campaign", running=True),
        Reason.CARD_NOT_IN_FORCE: lambda: mend("card", status=CardStatus.PUBLISHED),
        Reason.SIGNAL_NOT_ENABLED: lambda: mend("signal", type="moved"),
        Reason.SIGNAL_EXPIRED: lambda: mend("signal", occurred_at=NOW),
        Reason.STOPPED: lambda: mend("citizen", active=True),
        Reason.NO_CONSENT: lambda: mend("citizen", consents={"meedoen": NOW + DAY}),
        Reason.NOT_IN_AUDIENCE: lambda: mend("signal", citizen=None),
        Reason.CARD_DECLINED: lambda: mend(
            "citizen", contacts=(*many, *(replace(c, card="stadspas") for c in refused[1:]))
        ),
        Reason.CARD_CAP: lambda: mend("card", max_sends=99) or state.update(rules=replace(RULES, per_card_year=99)),
        Reason.YEAR_CAP: lambda: state.update(rules=patient),
        Reason.TOO_EARLY: lambda: mend("campaign", starts_at=NOW),
        Reason.PAUSED: lambda: mend("citizen", paused_until=None),
        Reason.SNOOZED: lambda: mend("citizen", contacts=contacts),
        Reason.OPEN_QUESTION: lambda: mend(
            "citizen",
            contacts=tuple(replace(c, answers=(Answer(choice=Choice.NO_OPINION, at=c.at),)) for c in contacts),
        ),
        Reason.CARD_GAP: lambda: mend(
            "citizen", contacts=tuple(replace(c, card="x") for c in state["citizen"].contacts)
        ),
        Reason.RESTING: lambda: state.update(rules=replace(patient, rest_floor_days=1, rest_start_days=1, min_gap=DAY)),
        Reason.MONTH_CAP: lambda: state.update(rules=replace(state["rules"], per_month=9)),
        Reason.WAVE: lambda: mend("citizen", lot=0.0),
    }
    given = []
    while (found := ask(**state)) is not None:
        given.append(found.reason)
        mends[found.reason]()

    assert given == _documented()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.lists(st.sampled_from(Choice), max_size=3),
            st.sampled_from(["stadspas", "zorgtoeslag"]),
        ),
        max_size=12,
    )
)
def test_whoever_stopped_is_never_written_to_whatever_was_said_before(history):
    contacts = tuple(sent(days, *choices, card=card, nudge=str(n)) for n, (days, choices, card) in enumerate(history))
    found = ask(citizen=replace(CITIZEN, active=False, contacts=contacts))

    assert found == Objection(reason=Reason.STOPPED)


histories = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["stadspas", "kindpakket", "zorgtoeslag", "mantelzorg"]),
        st.lists(st.sampled_from([c for c in Choice if c is not Choice.STOP]), max_size=3),
    ),
    max_size=70,
)


@settings(max_examples=60, deadline=None)
@given(histories)
def test_the_caps_hold_over_all_campaigns_together(attempts):
    """Over two years campaigns of four cards try to write every few days; what the gate lets through keeps the caps."""
    citizen, now = replace(CITIZEN, consents={"meedoen": NOW + 1000 * DAY}), NOW
    for number, (wait, card_id, choices) in enumerate(attempts):
        now += (wait + 8) * DAY
        card = replace(CARD, id=card_id, valid_until=None, review_due=date(2029, 1, 1))
        signal = replace(SIGNAL, citizen=None, occurred_at=now)
        campaign = replace(CAMPAIGN, card=card_id, ends_at=now + DAY)
        if objection(signal, card, campaign, citizen, RULES, now) is None:
            answers = tuple(Answer(choice=choice, at=now + timedelta(hours=2)) for choice in choices)
            new = Contact(nudge=str(number), card=card_id, at=now, tone=Tone.WARM, answers=answers)
            citizen = replace(citizen, contacts=(*citizen.contacts, new))

    moments = [contact.at for contact in citizen.contacts]
    assert all(b - a >= 14 * DAY for a, b in itertools.pairwise(moments))
    for contact in citizen.contacts:
        since = [c for c in citizen.contacts if contact.at <= c.at]
        assert sum(c.at < contact.at + 30 * DAY for c in since) <= 2
        assert sum(c.at < contact.at + 365 * DAY for c in since) <= 18
        same = [c for c in since if c.card == contact.card and c.at < contact.at + 365 * DAY]
        assert len(same) <= 2
        assert all(c.at >= contact.at + 21 * DAY for c in same[1:])


@settings(max_examples=100, deadline=None)
@given(histories, st.integers(0, 120))
def test_a_given_moment_is_the_first_at_which_its_reason_is_over(attempts, days):
    at, contacts = NOW - 200 * DAY, []
    for number, (wait, card, choices) in enumerate(attempts):
        at += wait * DAY
        answers = tuple(Answer(choice=choice, at=at + timedelta(hours=2)) for choice in choices)
        contacts.append(Contact(nudge=str(number), card=card, at=at, tone=Tone.WARM, answers=answers))
    now = NOW + days * DAY
    signal = replace(SIGNAL, occurred_at=now)
    card = replace(CARD, valid_until=None, review_due=date(2030, 1, 1), signals=(replace(RULE, latest_day=900),))
    campaign = replace(CAMPAIGN, ends_at=now + 900 * DAY)
    citizen = replace(
        CITIZEN, consents={"meedoen": now + 900 * DAY}, contacts=tuple(c for c in contacts if c.at <= now)
    )
    found = objection(signal, card, campaign, citizen, RULES, now)
    if found is None:
        return
    assert found.until is not None
    later = objection(signal, card, campaign, citizen, RULES, found.until)
    before = objection(signal, card, campaign, citizen, RULES, found.until - timedelta(microseconds=1))

    assert found.until > now
    assert before is not None
    assert before.reason is found.reason
    assert later is None or later.reason is not found.reason


def test_a_card_answers_a_signal_by_type_and_origin():
    other = replace(RULE, origin=Origin.PROFESSIONAL)
    card = replace(CARD, signals=(other, RULE))

    assert rule_for(SIGNAL, card) is RULE
    assert rule_for(replace(SIGNAL, origin=Origin.CALENDAR), card) is None


def test_a_window_may_lie_before_a_deadline():
    rule = replace(RULE, earliest_day=-21, latest_day=-7)

    assert window(SIGNAL, rule) == (SIGNAL.occurred_at - 21 * DAY, SIGNAL.occurred_at - 7 * DAY)


def test_a_card_is_in_force_by_the_date_on_the_citizens_own_clock():
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # already the third in Amsterdam
    card = replace(CARD, valid_from=date(2026, 3, 3))
    signal = replace(SIGNAL, occurred_at=late)

    assert ask(card=card, signal=signal, now=late) is None
    assert ask(card=card, signal=signal, now=late, citizen=replace(CITIZEN, zone="Atlantic/Azores")) == Objection(
        reason=Reason.CARD_NOT_IN_FORCE
    )


zones = st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
moments = st.integers(0, 8 * 365 * 86_400).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@settings(max_examples=300, deadline=None)
@given(zones, moments)
@example("Europe/Amsterdam", datetime(2026, 3, 28, 19, tzinfo=UTC))  # the night before the clock goes forward
@example("Europe/Amsterdam", datetime(2026, 10, 24, 18, tzinfo=UTC))  # and back
@example("Australia/Lord_Howe", datetime(2026, 10, 3, 9, tzinfo=UTC))  # by half an hour
@example("America/Sao_Paulo", datetime(2018, 11, 4, 0, tzinfo=UTC))  # at midnight
def test_nobody_is_written_to_at_night_on_sundays_or_on_holidays(zone, now):
    moment = next_civil_moment(zone, RULES, now)
    local = moment.astimezone(ZoneInfo(zone))

    assert time(9) <= local.time() < time(20)
    assert local.strftime("%A") != "Sunday"
    assert local.date() not in holidays.country_holidays("NL")
    assert moment.tzinfo is UTC
    assert moment >= now


quiet = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@settings(max_examples=150, deadline=None)
@given(zones, moments, quiet, quiet)
@example("Europe/Amsterdam", datetime(2026, 3, 29, 0, tzinfo=UTC) - DAY, time(20), time(2, 30))
@example("Europe/Amsterdam", datetime(2026, 10, 24, 22, tzinfo=UTC), time(23), time(2, 30))
def test_the_next_civil_moment_is_civil_and_none_comes_before_it(zone, now, start, end):
    rules = replace(RULES, quiet_from=start, quiet_until=end)
    if (end.hour * 60 + end.minute) % 1440 == (start.hour * 60 + start.minute - 1) % 1440:
        return  # one civil minute a day is no rule that people make
    moment = next_civil_moment(zone, rules, now)

    assert is_civil(zone, rules, moment)
    assert next_civil_moment(zone, rules, moment) == moment
    assert moment == now or not is_civil(zone, rules, moment - timedelta(microseconds=1))
    steps = int((moment - now) / timedelta(minutes=15))
    assert not any(is_civil(zone, rules, now + n * timedelta(minutes=15)) for n in range(steps))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-03T14:00+01:00", "2026-03-03T14:00+01:00"),  # an ordinary Tuesday
        ("2026-03-03T20:00+01:00", "2026-03-04T09:00+01:00"),  # quiet from eight
        ("2026-03-28T20:30+01:00", "2026-03-30T09:00+02:00"),  # Saturday night, over a Sunday with 23 hours
        ("2026-10-24T20:30+02:00", "2026-10-26T09:00+01:00"),  # over a Sunday with 25 hours
        ("2026-04-04T21:00+02:00", "2026-04-07T09:00+02:00"),  # Easter and Easter Monday
        ("2026-04-27T10:00+02:00", "2026-04-28T09:00+02:00"),  # King's Day
        ("2026-12-24T20:00+01:00", "2026-12-28T09:00+01:00"),  # two days of Christmas, then a Sunday
    ],
)
def test_the_next_civil_moment_in_amsterdam(now, expected):
    moment = next_civil_moment("Europe/Amsterdam", RULES, datetime.fromisoformat(now))

    assert moment == datetime.fromisoformat(expected)


def test_the_clock_put_forward_over_the_end_of_quiet_hours_ends_them():
    rules = replace(RULES, quiet_from=time(20), quiet_until=time(2, 30), no_sundays=False)
    moment = next_civil_moment("Europe/Amsterdam", rules, datetime(2026, 3, 28, 22, tzinfo=UTC))

    assert moment == datetime(2026, 3, 29, 1, tzinfo=UTC)  # 02:00 became 03:00


def test_rules_without_quiet_hours_leave_the_night_open():
    rules = replace(RULES, quiet_from=time(0), quiet_until=time(0))

    assert is_civil("Europe/Amsterdam", rules, datetime(2026, 3, 3, 2, tzinfo=UTC))


def test_an_hour_that_comes_twice_is_quiet_twice():
    rules = replace(RULES, quiet_from=time(20), quiet_until=time(2, 30), no_sundays=False)
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time

    assert next_civil_moment("Europe/Amsterdam", rules, second) == second + timedelta(minutes=20)


def test_what_people_told_counts_only_where_the_card_and_the_campaign_both_ask_for_it():
    told = replace(CITIZEN, told={"moved": NOW - DAY})
    switched_off = replace(CARD, signals=(replace(RULE, enabled=False),))
    from_a_register = replace(CARD, signals=(replace(RULE, origin=Origin.REGISTER),))

    assert outreach.told_from(CARD, ASKS, told, NOW) == NOW - DAY
    assert outreach.told_from(switched_off, ASKS, told, NOW) == outreach.NEVER
    assert outreach.told_from(from_a_register, ASKS, told, NOW) == outreach.NEVER
    assert outreach.told_from(CARD, replace(ASKS, situations=("baby",)), told, NOW) == outreach.NEVER


@pytest.mark.parametrize(
    ("quiet", "together"),
    [
        ((time(17), time(12)), (time(17), time(12))),
        ((time(17), time(7)), (time(17), time(9))),
        ((time(22), time(12)), (time(20), time(12))),
    ],
)
def test_quiet_hours_of_ones_own_are_added_at_either_end(quiet, together):
    own = outreach.own_rules(replace(CITIZEN, quiet=quiet), RULES)

    assert (own.quiet_from, own.quiet_until) == together
