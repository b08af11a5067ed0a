"""Who may get a note, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core import notes
from bot.core.facts import Citizen, Contact, Reason, Tone
from bot.core.talk import NOTES

NOW = datetime(2026, 12, 15, 9, tzinfo=UTC)
moments = st.integers(-24 * 90, 24 * 90).map(lambda hours: NOW + timedelta(hours=hours))
citizens = st.builds(
    Citizen,
    id=st.just("c"),
    language=st.just("nl"),
    zone=st.just("Europe/Amsterdam"),
    active=st.booleans(),
    consents=st.dictionaries(st.sampled_from([NOTES, "_research", "money", "care"]), moments),
    paused_until=st.none() | moments,
    contacts=st.lists(
        st.builds(Contact, nudge=st.just("1"), card=st.just("aio"), at=moments, tone=st.just(Tone.WARM)), max_size=3
    ).map(tuple),
)


def may(citizen, noted=None, now=NOW):
    return notes.objection(citizen, now, noted=noted) is None


@given(citizens, st.none() | moments)
def test_whoever_gets_one_asked_for_it_takes_part_and_was_left_alone_before(citizen, noted):
    if not may(citizen, noted):
        return

    assert citizen.active
    assert citizen.consents[NOTES] > NOW
    assert any(until > NOW for theme, until in citizen.consents.items() if not theme.startswith("_"))
    assert citizen.paused_until is None or citizen.paused_until <= NOW
    assert all(contact.at + notes.AFTER_NUDGE <= NOW for contact in citizen.contacts)
    assert noted is None or noted + notes.BETWEEN <= NOW


@given(citizens, st.none() | moments)
def test_what_passes_has_passed_when_it_says(citizen, noted):
    found = notes.objection(citizen, NOW, noted=noted)
    if found is None or found.until is None:
        return

    lasting = replace(citizen, consents=dict.fromkeys(citizen.consents, datetime.max.replace(tzinfo=UTC)))
    assert not may(lasting, noted, found.until - timedelta(seconds=1))
    assert may(lasting, noted, found.until)


def test_each_reason_is_named():
    well = Citizen(
        id="c", language="nl", zone="UTC", active=True,
        consents={NOTES: NOW + timedelta(days=1), "money": NOW + timedelta(days=1)},
    )  # fmt: skip
    assert may(well)

    def reason(**changes):
        noted = changes.pop("noted", None)
        return notes.objection(replace(well, **changes), NOW, noted=noted).reason

    contact = Contact(nudge="1", card="aio", at=NOW - timedelta(days=1), tone=Tone.WARM)
    assert reason(active=False) is Reason.STOPPED
    assert reason(consents={"money": NOW + timedelta(days=1)}) is Reason.NO_CONSENT
    assert reason(consents={NOTES: NOW + timedelta(days=1), "_research": NOW + timedelta(days=1)}) is Reason.NO_CONSENT
    assert reason(paused_until=NOW + timedelta(days=1)) is Reason.PAUSED
    assert reason(contacts=(contact,)) is Reason.RESTING
    assert reason(noted=NOW - timedelta(days=30)) is Reason.MONTH_CAP
