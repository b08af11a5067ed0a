"""The note of what was done with answers: from the data, by two people, to who asked for it, and quietly."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from bot import notes
from bot.core.facts import Choice, Purpose
from bot.errors import FaultsError, RefusedError
from bot.store.tables import AnswerRow, AuditRow, ConsentRow, MessageRow
from tests.world import World

MONTH = "2026-11"
#: A Tuesday in the month after, ten o'clock in Amsterdam.
LATER = datetime.fromisoformat("2026-12-15T09:00+00:00")


def answered(town, count, choice):
    """So many people gave this answer to a message of theirs in November."""
    with town.sessions.begin() as session:
        session.add_all(
            AnswerRow(message_id=town.messages[number], citizen_id=town.people[number], choice=choice, at=town.now)
            for number in range(count)
        )


@pytest.fixture
def town(sessions, wording, vault):
    """Anna and Bram take part; a dozen others answered messages in November. It is a Tuesday in December."""
    town = World(sessions, wording, vault)
    town.joins("anna", "money")
    town.joins("bram", "money", language="ar")
    town.people, town.messages = [], []
    with sessions.begin() as session:
        anna = town.citizen("anna")
        for number in range(14):
            known = anna.model_copy(update={"id": f"p{number:03}", "chat_hash": f"hash {number}", "chat_sealed": None})
            session.add(type(anna)(**known.model_dump()))
            town.people.append(known.id)
        session.flush()
        for number, person in enumerate(town.people):
            row = MessageRow(
                key=f"test:{number}", citizen_id=person, purpose=2, state="sent", due_at=town.now, created_at=town.now,
                closed_at=town.now, card="zorgtoeslag", variant="zorgtoeslag.warm.1", tone="warm", sensitivity="S1",
            )  # fmt: skip
            session.add(row)
            session.flush()
            town.messages.append(row.id)
    return town


def asks(town, chat, answer="yes"):
    town.say(chat, "/settings")
    town.choose(chat, "notes")
    town.choose(chat, f"notes.{answer}")


def draft(town):
    town.now = max(town.now, LATER)
    with town.sessions.begin() as session:
        return notes.begin(session, town.wording, MONTH, by="eva", now=town.now)


def agreed(town, *, month=MONTH):
    with town.sessions.begin() as session:
        offered = notes.offer(session, town.wording, month, by="eva", now=town.now)
        return notes.agree(session, town.wording, month, by="sam", seen=offered.hash, now=town.now)


def do(town, deed, *arguments, **named):
    with town.sessions.begin() as session:
        return deed(session, town.wording, MONTH, *arguments, now=town.now, **named)


def arrives(town):
    """What left since, of notes."""
    before = len(town.sent)
    town.tick()
    return [one for one in town.sent[before:] if one.purpose is Purpose.NOTE]


@pytest.fixture
def told(town):
    """Anna asked for notes; a dozen people said that we write too often; two people agree."""
    asks(town, "anna")
    answered(town, 12, Choice.TOO_OFTEN)
    draft(town)
    agreed(town)
    return town


def test_it_is_drafted_from_what_people_answered(town):
    answered(town, 12, Choice.TOO_OFTEN)
    answered(town, 10, Choice.WELCOME)
    answered(town, 9, Choice.UNWELCOME)

    note = draft(town)

    assert [(line.key, line.params) for line in note.lines] == [
        ("too_often", {"count": 12}),
        ("welcome", {"count": 10}),
    ]
    assert "12 mensen zeiden dat wij te vaak schreven." in note.texts["nl"]
    assert "12 people said that we wrote too often." in note.texts["en"]
    assert set(note.texts) == set(town.wording.languages)


def test_under_ten_people_nothing_is_told(town):
    answered(town, 9, Choice.TOO_OFTEN)

    with pytest.raises(RefusedError, match="There is nothing to tell about 2026-11"):
        draft(town)


def test_answers_about_illness_and_debt_are_not_counted(town):
    answered(town, 12, Choice.TOO_OFTEN)
    with town.sessions.begin() as session:
        for row in session.exec(select(MessageRow).where(col(MessageRow.key).startswith("test:"))):
            row.sensitivity = "S3"

    with pytest.raises(RefusedError, match="There is nothing to tell"):
        draft(town)


def test_a_month_that_is_not_over_or_is_none_is_refused(town):
    for month, match in (("2026-12", "is not over yet"), ("2026-13", "is no month"), ("soon", "is no month")):
        town.now = LATER
        with town.sessions.begin() as session, pytest.raises(RefusedError, match=match):
            notes.begin(session, town.wording, month, by="eva", now=town.now)


def test_nothing_leaves_before_two_people_agree(town):
    asks(town, "anna")
    answered(town, 12, Choice.TOO_OFTEN)
    note = draft(town)

    with pytest.raises(RefusedError, match="Nobody offered the note"):
        do(town, notes.agree, by="sam", seen=note.hash)
    do(town, notes.offer, by="eva")
    with pytest.raises(RefusedError, match="Eva wrote at the note"):
        do(town, notes.agree, by="Eva ", seen=note.hash)
    assert arrives(town) == []
    do(town, notes.agree, by="sam", seen=note.hash)

    assert [one.chat for one in arrives(town)] == ["anna"]


def test_a_change_voids_what_was_offered_and_what_was_looked_at(town):
    answered(town, 12, Choice.TOO_OFTEN)
    answered(town, 10, Choice.WELCOME)
    seen = draft(town).hash
    do(town, notes.offer, by="eva")
    changed = do(town, notes.save, keys=["too_often"], additions={}, by="noor")

    assert changed.offered_by is None
    do(town, notes.offer, by="eva")
    with pytest.raises(RefusedError, match="noor wrote at the note"):
        do(town, notes.agree, by="noor", seen=changed.hash)
    with pytest.raises(RefusedError, match="changed while you looked"):
        do(town, notes.agree, by="sam", seen=seen)
    do(town, notes.agree, by="sam", seen=changed.hash)
    with pytest.raises(RefusedError, match="so it stays as it is"):
        do(town, notes.save, keys=["welcome"], additions={}, by="eva")
    assert "welkom" not in changed.texts["nl"]


def test_it_comes_silently_once_to_who_asked_for_it_in_their_language(told):
    asks(told, "bram")

    came = arrives(told)

    assert {one.chat: one.silent for one in came} == {"anna": True, "bram": True}
    texts = {one.chat: one.text for one in came}
    with told.sessions() as session:
        note = notes.known(session, told.wording, MONTH)
    assert texts == {"anna": note.texts["nl"], "bram": note.texts["ar"]}
    assert arrives(told) == []
    with told.sessions() as session:
        assert notes.known(session, told.wording, MONTH).sent_at is not None
        assert notes.reach(session, MONTH) == notes.Reach(waiting=0, sent=2)


def test_who_did_not_ask_or_said_no_or_has_no_theme_gets_none(told):
    asks(told, "bram", "no")
    told.joins("carla")
    asks(told, "carla")  # she chose no theme

    assert [one.chat for one in arrives(told)] == ["anna"]


@pytest.mark.parametrize(
    ("until", "when"),
    [("2026-12-15T20:30+01:00", "2026-12-16T09:00+01:00"), ("2026-12-20T12:00+01:00", "2026-12-21T09:00+01:00"),
     ("2026-12-25T12:00+01:00", "2026-12-28T09:00+01:00")],
    ids=["night", "Sunday", "holidays"],
)  # fmt: skip
def test_it_waits_for_a_civil_hour(told, until, when):
    told.now = datetime.fromisoformat(until)
    assert arrives(told) == []
    told.now = datetime.fromisoformat(when) - timedelta(minutes=1)
    assert arrives(told) == []

    told.now = datetime.fromisoformat(when)

    assert [one.chat for one in arrives(told)] == ["anna"]


@pytest.mark.parametrize("way", ["stop", "withdrawn", "paused", "erased"])
def test_whoever_does_not_want_to_hear_from_us_gets_none(told, way):
    told.journey.upkeep()  # it is queued
    match way:
        case "stop":
            told.say("anna", "/stop")
        case "withdrawn":
            asks(told, "anna", "no")
        case "paused":
            told.say("anna", "/settings")
            told.choose("anna", "pause")
            told.choose("anna", "pause.30")
        case "erased":
            told.say("anna", "/mydata")
            told.choose("anna", "ask")
            told.choose("anna", "yes")

    assert [one for one in told.sent if one.purpose is Purpose.NOTE and one.chat == "anna"] == [] or way != "stop"
    assert arrives(told) == []


def test_with_a_stop_what_was_queued_waits_no_more(told):
    told.now = datetime.fromisoformat("2026-12-15T21:00+01:00")
    told.journey.upkeep()
    told.say("anna", "/stop")

    with told.sessions() as session:
        assert notes.reach(session, MONTH).waiting == 0


def test_a_pause_of_nudges_holds_it(told):
    told.journey.pause_nudges("a look", who="sam")
    assert arrives(told) == []
    told.journey.resume_nudges(who="sam")
    assert [one.chat for one in arrives(told)] == ["anna"]


def test_it_never_follows_close_upon_a_nudge(told):
    told.campaign()
    told.signal()

    came = told.tick()

    assert {one.chat: one.purpose for one in came} == {"anna": Purpose.NUDGE, "bram": Purpose.NUDGE}
    told.later(days=6, hours=23)
    assert arrives(told) == []
    told.later(hours=2)
    assert [one.chat for one in arrives(told)] == ["anna"]


def test_nobody_gets_two_within_a_month(told):
    assert len(arrives(told)) == 1
    december = datetime.fromisoformat("2027-01-04T10:00+01:00")
    told.now = datetime.fromisoformat("2026-12-30T10:00+01:00")
    answered(told, 12, Choice.UNWELCOME)
    told.now = december
    with told.sessions.begin() as session:
        notes.begin(session, told.wording, "2026-12", by="eva", now=told.now)
    agreed(told, month="2026-12")

    assert arrives(told) == []
    told.later(days=11)

    assert [one.chat for one in arrives(told)] == ["anna"]  # thirty-one days after the one before


def test_one_tap_ends_it_and_the_record_says_so(told):
    [came] = arrives(told)
    assert [button.data for button in came.buttons] == ["v1|s|0|notes.no", "v1|s|0|menu"]

    told.tap("anna", told.wording.say("button.s.notes.off", "nl"))

    assert told.phones["anna"].last.text == told.wording.say("notes.refused", "nl")
    assert came.text in told.phones["anna"].texts  # it stays to be read
    with told.sessions() as session:
        states = session.exec(
            select(ConsentRow.state).where(
                col(ConsentRow.citizen_id) == told.citizen("anna").id, col(ConsentRow.theme) == "_notes"
            )
        ).all()
    assert states == ["asked", "given", "withdrawn"]


def test_what_was_asked_is_kept_word_for_word(told):
    with told.sessions() as session:
        asked = session.exec(select(ConsentRow).where(col(ConsentRow.theme) == "_notes")).first()

    assert asked.text == told.wording.say("notes.ask", "nl")


def test_the_newest_one_can_be_read_at_any_time_by_anybody(told):
    told.say("bram", "/settings")
    told.choose("bram", "notes")

    shown = told.phones["bram"].texts
    assert any("12" in text and told.wording.say("notes.closing", "ar") in text for text in shown)
    do(told, notes.take_back, "a wrong number", by="sam")
    told.say("bram", "/settings")
    told.choose("bram", "notes")
    assert told.wording.say("notes.none", "ar") in told.phones["bram"].texts


def test_what_was_taken_back_does_not_leave(told):
    told.now = datetime.fromisoformat("2026-12-15T21:00+01:00")
    told.journey.upkeep()
    do(told, notes.take_back, "a wrong number", by="noor")
    told.now = datetime.fromisoformat("2026-12-16T10:00+01:00")

    assert arrives(told) == []
    with told.sessions() as session:
        [audited] = session.exec(select(AuditRow).where(AuditRow.action == "note.take_back")).all()
    assert (audited.who, audited.detail["because"], audited.detail["stopped"]) == ("noor", "a wrong number", 1)


def test_what_staff_add_stands_where_they_wrote_it(town):
    asks(town, "anna")
    asks(town, "bram")
    answered(town, 12, Choice.TOO_OFTEN)
    draft(town)
    said = {"nl": "Onze balie is nu ook op dinsdag open.", "en": " "}

    note = do(town, notes.save, keys=["too_often"], additions=said, by="eva")

    assert "Verder: Onze balie is nu ook op dinsdag open." in note.texts["nl"]
    assert "Also" not in note.texts["en"]
    assert town.wording.say("notes.addition", "ar", {"words": ""})[:4] not in note.texts["ar"]


@pytest.mark.parametrize(
    ("additions", "fault"),
    [
        ({"nl": "U moet nu meteen reageren."}, "nl: "),
        ({"en": "We are open."}, "nl: what you add is missing in Dutch"),
        ({"nl": "Goed.", "xx": "?"}, "xx: is no language here; use some of nl, en"),
        ({"nl": "x" * 401}, "nl: has 401 characters; write at most 400"),
        ({"nl": "Bel {phone}."}, "nl: holds a brace"),
    ],
)
def test_what_staff_add_is_judged_as_a_nudge_is(town, additions, fault):
    answered(town, 12, Choice.TOO_OFTEN)
    draft(town)

    with pytest.raises(FaultsError) as wrong:
        do(town, notes.save, keys=["too_often"], additions=additions, by="eva")

    assert any(one.startswith(fault) for one in wrong.value.faults), wrong.value.faults


def test_every_fixed_sentence_is_there_in_every_language(wording):
    keys = [key for key in wording.sources if key.startswith("notes.")]

    assert len(keys) >= 15
    assert [
        (key, language) for key in keys for language in wording.languages if not wording.speaks(key, language)
    ] == []
