from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.facts import Answer, Choice, Citizen, Contact, Rules, Sensitivity, Tone
from bot.core.rhythm import interval_days, resting_until, silent

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules()
NOBODY = Citizen(id="p1", language="nl", zone="Europe/Amsterdam", active=True)


def contact(day, *choices, after_days=1):
    at = START + day * DAY
    return Contact(
        nudge=f"n{day}",
        card="stadspas",
        at=at,
        tone=Tone.WARM,
        answers=tuple(Answer(choice=choice, at=at + after_days * DAY) for choice in choices),
    )


def citizen(*contacts):
    return replace(NOBODY, contacts=contacts)


def pause(*contacts, day, rules=RULES):
    return interval_days(citizen(*contacts), rules, START + day * DAY)


ASKED_FOR_LESS = contact(0, Choice.TOO_OFTEN)
DISLIKED = contact(0, Choice.UNWELCOME)


@pytest.mark.parametrize("choice", [c for c in Choice if c not in {Choice.UNWELCOME, Choice.TOO_OFTEN}])
def test_no_answer_but_a_dislike_makes_a_new_pause_longer(choice):
    assert pause(contact(0, choice), day=2) <= 28


@pytest.mark.parametrize(
    ("choices", "days"),
    [
        ((Choice.MORE,), 14),
        ((Choice.WELCOME,), 21),
        ((Choice.NO,), 28),
        ((Choice.NOT_NOW,), 28),
        ((Choice.UNWELCOME,), 70),
        ((Choice.TOO_OFTEN,), 56),
        ((Choice.UNWELCOME, Choice.MORE), 35),
        ((Choice.UNWELCOME, Choice.SELF), 35),
        ((Choice.UNWELCOME, Choice.CONTACT), 35),
        ((Choice.UNWELCOME, Choice.WELCOME), 52.5),
        ((Choice.UNWELCOME, Choice.NO), 70),
        ((Choice.UNWELCOME, Choice.NOT_NOW), 70),
        ((Choice.UNWELCOME, Choice.STOP), 70),
        ((Choice.UNWELCOME, Choice.UNWELCOME), 70),  # one message has one effect
        ((Choice.MORE, Choice.MORE, Choice.UNWELCOME), 35),
    ],
)
def test_what_answers_do_to_the_pause(choices, days):
    assert pause(contact(0, *choices), day=2) == days


def test_interest_in_several_ways_shortens_once():
    assert pause(DISLIKED, contact(40, Choice.UNWELCOME), contact(140, Choice.MORE, Choice.SELF), day=142) == 87.5


def test_the_pause_never_leaves_its_bounds():
    dislikes = [contact(100 * n, Choice.UNWELCOME) for n in range(4)]
    interests = [contact(500 + 20 * n, Choice.CONTACT) for n in range(9)]

    assert pause(*dislikes, day=450) == 182
    assert pause(*dislikes, *interests, day=700) == 14


def test_asking_for_fewer_messages_holds_against_every_later_interest():
    interests = [contact(40 + 30 * n, Choice.MORE, Choice.WELCOME) for n in range(5)]

    assert pause(ASKED_FOR_LESS, *interests, day=300) == 56


def test_asking_twice_for_fewer_messages_doubles_twice():
    assert pause(ASKED_FOR_LESS, contact(40, Choice.TOO_OFTEN), contact(100, Choice.MORE), day=120) == 112


def test_each_silence_lengthens_by_as_much():
    silences = contact(0), contact(40), contact(80)

    assert pause(*silences, day=13) == 28
    assert pause(*silences, day=14) == pytest.approx(28 * 1.18)
    assert pause(*silences, day=100) == pytest.approx(28 * 1.18**3)


def test_a_plain_no_is_no_silence_and_asking_why_is_no_answer():
    assert pause(contact(0, Choice.NO), contact(40, Choice.NOT_NOW), day=60) == 28
    assert pause(contact(0, Choice.WHY), day=20) == pytest.approx(28 * 1.18)


def test_an_answer_after_the_window_comes_on_top_of_the_silence():
    late = contact(0, Choice.WELCOME, after_days=30)

    assert pause(late, day=29) == pytest.approx(28 * 1.18)
    assert pause(late, day=30) == pytest.approx(28 * 1.18 * 0.75)
    assert silent(late, RULES, START + 60 * DAY)


def test_nobody_rests_before_the_first_message():
    assert resting_until(NOBODY, RULES, START) is None


def test_a_person_rests_for_the_pause_after_the_last_message():
    person = citizen(contact(0, Choice.MORE))

    assert resting_until(person, RULES, START + 13 * DAY) == START + 14 * DAY
    assert resting_until(person, RULES, START + 14 * DAY) is None


def test_fourteen_days_stand_between_messages_whatever_the_pause():
    rules = replace(RULES, rest_floor_days=1, rest_start_days=1)

    assert resting_until(citizen(contact(0, Choice.MORE)), rules, START + DAY) == START + 14 * DAY


def test_rest_counts_a_silence_that_will_close_meanwhile():
    until = START + 28 * 1.18 * DAY

    assert resting_until(citizen(contact(0)), RULES, START + DAY) == until
    assert resting_until(citizen(contact(0)), RULES, START + 20 * DAY) == until


def test_an_unwelcome_message_brings_thirty_days_of_silence_from_the_answer():
    rules = replace(RULES, rest_cap_days=20)
    person = citizen(contact(0, Choice.UNWELCOME, after_days=9))

    assert resting_until(person, rules, START + 10 * DAY) == START + 39 * DAY


def test_the_rest_after_a_debt_message_counts_like_any_other():
    person = citizen(replace(ASKED_FOR_LESS, sensitivity=Sensitivity.S3))

    assert resting_until(person, RULES, START + 2 * DAY) == START + 56 * DAY


def test_a_pause_is_what_each_answer_made_of_the_one_before():
    answers = contact(0, Choice.UNWELCOME), contact(80, Choice.NO), contact(160), contact(250, Choice.WELCOME)

    found = [pause(*answers, day=day) for day in (0, 1, 81, 173, 174, 251)]
    assert found == pytest.approx([28, 70, 70, 70, 70 * 1.18, 70 * 1.18 * 0.75])


histories = st.lists(
    st.tuples(st.integers(0, 700), st.lists(st.tuples(st.sampled_from(Choice), st.integers(0, 40)), max_size=4)),
    max_size=15,
    unique_by=lambda item: item[0],
)


def people(history):
    contacts = []
    for day, answers in sorted(history):
        at = START + day * DAY
        given_back = (Answer(choice=choice, at=at + later * DAY) for choice, later in answers)
        contacts.append(replace(contact(day), answers=tuple(sorted(given_back, key=lambda a: a.at))))
    return citizen(*contacts)


def pauses(history, until):
    """The pause on each day."""
    person = people(history)
    return [interval_days(person, RULES, START + day * DAY) for day in range(until)]


@settings(deadline=None, max_examples=50)
@given(histories)
def test_every_pause_lies_within_two_weeks_and_half_a_year(history):
    assert all(14 <= days <= 182 for days in pauses(history, 760))


@settings(deadline=None)
@given(histories, st.integers(0, 800))
def test_what_comes_later_does_not_change_the_pause_so_far(history, day):
    now = START + day * DAY
    person = people(history)
    so_far = replace(
        person,
        contacts=tuple(
            replace(c, answers=tuple(a for a in c.answers if a.at <= now)) for c in person.contacts if c.at <= now
        ),
    )

    assert interval_days(person, RULES, now) == interval_days(so_far, RULES, now)
    assert resting_until(person, RULES, now) is None or resting_until(so_far, RULES, now) is not None


@settings(deadline=None, max_examples=50)
@given(histories)
def test_no_later_answer_goes_below_what_a_person_asked_for(history):
    found = pauses(history, 760)
    asked = {at + later for at, answers in history for choice, later in answers if choice is Choice.TOO_OFTEN}
    for day in asked:
        assert min(found[day:]) >= 28  # twice the shortest pause there is


@settings(deadline=None)
@given(histories, st.integers(0, 800))
def test_rest_ends_when_it_says(history, day):
    now = START + day * DAY
    person = people([(at, answers) for at, answers in history if at + 40 <= day])
    until = resting_until(person, RULES, now)
    if until is not None:
        assert until > now
        assert resting_until(person, RULES, until) is None
        assert resting_until(person, RULES, until - timedelta(microseconds=1)) == until
