"""The conversation as it is lived: why not, contact with a person, what is kept, settings, and what time asks for."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select, update

from bot import contacts, mydata, upkeep
from bot.core.facts import ConsentState, Learning
from bot.core.talk import RESEARCH, Blocked, Command
from bot.errors import RefusedError
from bot.store import conversation, ledger
from bot.store.tables import (
    AuditRow,
    CitizenRow,
    ConsentRow,
    ContactLineRow,
    ContactRequestRow,
    LinkRow,
    MessageRow,
    OpinionRow,
)
from tests.world import World

ANNA, JOHN = "111", "222"
SARA = contacts.Signature(name="Sara", team="wijkteam Oost", by="sara")


@pytest.fixture
def world(sessions, wording, vault):
    return World(sessions, wording, vault)


@pytest.fixture
def anna(world):
    """Anna joined and chose money; the campaign about healthcare allowance runs."""
    world.campaign()
    world.joins(ANNA, "money")
    return world


def nudged(world, chat=ANNA):
    world.signal(in_days=50)
    [nudge] = world.tick()
    return nudge


def asks_contact(world, chat=ANNA, how="chat"):
    world.say(chat, "Kunt u mij helpen?")
    world.choose(chat, "ask")
    world.choose(chat, how)
    world.choose(chat, f"{how}.morning")
    known = world.citizen(chat).id
    with world.sessions() as session:
        theirs = select(ContactRequestRow).where(col(ContactRequestRow.citizen_id) == known)
        return session.exec(theirs.order_by(col(ContactRequestRow.id).desc())).first()


def rows(world, table):
    with world.sessions() as session:
        return list(session.exec(select(table)))


def newest(world, chat=ANNA):
    return world.phones[chat].last.text


# Why not.


def test_three_unpleasant_answers_pause_a_wording_and_staff_can_see_and_resume_it(world):
    world.campaign()
    for chat in "123456789":
        world.joins(chat, "money")
    world.signal(in_days=50)
    world.tick()
    by_variant = {}
    for row in world.nudges():
        by_variant.setdefault(row.variant, []).append(row)
    variant, sent = max(by_variant.items(), key=lambda item: len(item[1]))
    chats = {world.citizen(chat).id: chat for chat in "123456789"}
    for row in sent[:3]:
        world.choose(chats[row.citizen_id], "no")
        world.choose(chats[row.citizen_id], "unwelcome")

    with world.sessions() as session:
        assert list(conversation.paused_variants(session)) == [variant]
        assert session.exec(select(AuditRow).where(AuditRow.action == "variant.pause")).one().subject == variant
    for number in range(20, 29):
        world.joins(str(number), "money")
    world.signal(in_days=50)
    world.tick()
    assert len(world.nudges()) > 9
    assert all(row.variant != variant for row in world.nudges()[9:])
    with world.sessions.begin() as session:
        upkeep.resume(session, variant, by="eva", now=world.now)
        assert conversation.paused_variants(session) == {}


def test_two_unpleasant_answers_pause_nothing(anna):
    nudged(anna)
    anna.choose(ANNA, "no")
    anna.choose(ANNA, "unwelcome")

    with anna.sessions() as session:
        assert conversation.paused_variants(session) == {}
    assert anna.wording.say("survey.sorry", "nl") in newest(anna)


def test_too_often_halves_the_rhythm_until_the_person_takes_it_back(anna):
    def waits(days):
        anna.say(ANNA, "/settings")
        anna.choose(ANNA, "often")
        return anna.wording.say("often.now", "nl", {"n": days}) in newest(anna)

    assert waits(28)
    nudged(anna)
    anna.choose(ANNA, "no")
    anna.choose(ANNA, "too_often")
    anna.later(days=1)

    assert waits(56)
    anna.choose(ANNA, "often.usual")
    assert anna.citizen(ANNA).rested_anew == anna.now


@pytest.mark.parametrize(("learning", "days"), [(Learning.TRIAL, 28), (Learning.FIXED, 14)])
def test_who_is_held_out_of_the_lottery_reads_the_pause_that_is_kept(world, learning, days):
    world.campaign(learning=learning)
    world.campaign("stadspas")  # not about money, so it never writes to her
    world.joins(ANNA, "money")
    with world.sessions.begin() as session:
        session.exec(update(CitizenRow).values(holdout=True))
    nudged(world)
    world.choose(ANNA, "more")
    world.say(ANNA, "/settings")
    world.choose(ANNA, "often")

    assert world.wording.say("often.now", "nl", {"n": days}) in newest(world)


# Contact.


def test_a_talk_with_staff_from_the_first_word_to_the_last(anna):
    request = asks_contact(anna)
    anna.say(ANNA, "Het gaat over mijn brief. Mijn bsn is 123456782.")
    with anna.sessions.begin() as session:
        [line] = contacts.lines(session, anna.wording, anna.vault, request.id, by="sara", now=anna.now)
        assert line.text == "Het gaat over mijn brief. Mijn bsn is •••."
        assert "brief" not in session.exec(select(ContactLineRow)).one().text_sealed
        contacts.reply(session, anna.wording, anna.vault, request.id, "Welke brief?", signed=SARA, now=anna.now)
    anna.deliver()

    assert newest(anna).startswith("Antwoord van Sara, wijkteam Oost (gemeente Voorbeeldstad):\nWelke brief?")
    assert all("Welke brief" not in json.dumps(row.body) for row in rows(anna, MessageRow))
    anna.say(ANNA, "Die van maandag.")
    with anna.sessions.begin() as session:
        said = [
            line.text for line in contacts.lines(session, anna.wording, anna.vault, request.id, by="sara", now=anna.now)
        ]
        assert said[1:] == ["Welke brief?", "Die van maandag."]
        contacts.done(session, anna.wording, request.id, by="sara", now=anna.now)
    anna.deliver()

    assert newest(anna) == anna.wording.say("talk.closed", "nl")
    assert rows(anna, ContactLineRow) == []
    with anna.sessions() as session, pytest.raises(RefusedError):
        contacts.lines(session, anna.wording, anna.vault, request.id, by="sara", now=anna.now)
    anna.say(ANNA, "Nog iets")
    assert rows(anna, ContactLineRow) == []


def test_what_is_typed_without_asking_for_contact_reaches_nobody(anna):
    anna.say(ANNA, "Mijn buurman heet Piet")

    assert rows(anna, ContactLineRow) == []
    assert newest(anna) == anna.wording.say("text.unread", "nl")


def test_the_promise_moves_on_when_a_day_is_full(world):
    most = world.wording.municipality.contacts_per_day
    world.joins(ANNA, "money")
    first = asks_contact(world)
    with world.sessions.begin() as session:
        for number in range(most - 1):
            copy = first.model_dump() | {"id": 10**6 + number}
            session.add(ContactRequestRow(**copy))
    world.joins(JOHN, "money")

    second = asks_contact(world, JOHN)
    assert first.promised_by.isoformat() == "2026-11-26"
    assert second.promised_by.isoformat() == "2026-11-27"


def test_a_promise_that_cannot_be_kept_is_told_on_the_day_itself_with_a_new_day(anna):
    request = asks_contact(anna)
    anna.now = datetime(2026, 11, 26, 13, 59, tzinfo=UTC)
    anna.tick()
    assert "dat spijt ons" not in newest(anna)
    anna.now = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
    anna.tick()

    assert "dat spijt ons" in newest(anna)
    assert "maandag 30 november" in newest(anna)
    [row] = rows(anna, ContactRequestRow)
    assert (row.id, row.promised_by.isoformat()) == (request.id, "2026-11-30")
    count = len(anna.sent)
    anna.tick()
    assert len(anna.sent) == count


def test_a_reminder_comes_only_to_who_asked_for_it(world):
    for chat in (ANNA, JOHN):
        world.joins(chat, "money")
        asks_contact(world, chat)
    world.choose(ANNA, "remind")
    world.now = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    world.tick()

    assert newest(world) == world.wording.say("contact.reminder.chat", "nl")
    assert "herinnering" not in newest(world, JOHN)


def test_a_talk_in_which_nobody_speaks_any_more_is_closed(anna):
    request = asks_contact(anna, how="desk")
    with anna.sessions.begin() as session:
        contacts.reply(session, anna.wording, anna.vault, request.id, "Kom gerust.", signed=SARA, now=anna.now)
    anna.later(days=14)
    anna.tick()

    assert newest(anna) == anna.wording.say("talk.closed", "nl")


@pytest.mark.parametrize("heard", [Command("stop"), Blocked()])
def test_leaving_ends_the_talk_and_wipes_what_was_said(anna, heard):
    asks_contact(anna)
    anna.say(ANNA, "Mijn vraag")
    anna.hear(ANNA, heard)

    assert rows(anna, ContactLineRow) == []
    assert [row.state for row in rows(anna, ContactRequestRow)] == ["cancelled"]


# What is kept.


def test_everything_that_is_kept_is_shown_in_words_and_in_a_file(anna):
    nudged(anna)
    anna.choose(ANNA, "more")
    asks_contact(anna)
    anna.say(ANNA, "Over mijn brief")
    anna.say(ANNA, "/mydata")

    document = anna.phones[ANNA].last.document
    kept = json.loads(document.content)
    assert document.name == "handreiking.json"
    assert kept["person"]["telegram_chat"] == ANNA
    assert [answer["choice"] for answer in kept["answers"]] == ["more"]
    assert [line["text"] for line in kept["contact_requests"][0]["said"]] == ["Over mijn brief"]
    assert all("document" not in (row.body or {}) for row in rows(anna, MessageRow))
    code = kept["person"]["code"]
    assert any(code in text for text in anna.phones[ANNA].texts)


def test_a_consent_receipt_has_the_shape_of_the_standard(anna):
    with anna.sessions() as session:
        citizen = session.get(CitizenRow, anna.citizen(ANNA).id)
        kept = mydata.collect(session, anna.wording, anna.vault, citizen, anna.now)

    receipt = next(record for record in kept["consent_receipts"] if "Geld en wonen" in str(record["processing"]))
    assert set(receipt) == {"header", "processing", "parties", "events"}
    assert receipt["header"]["schema_version"].startswith("27560:2023")
    assert [event["event_state"] for event in receipt["events"]] == ["requested", "given"]
    [processing] = receipt["processing"]
    assert "Mag de gemeente Voorbeeldstad" in processing["notice_text"]


def test_erasing_leaves_the_suppression_and_the_counts_and_nothing_that_identifies(world):
    world.campaign()
    world.joins(ANNA, "money", code=world.code_for("letter-1"))
    nudged(world)
    world.choose(ANNA, "no")
    known = world.citizen(ANNA)
    world.say(ANNA, "/mydata")
    world.choose(ANNA, "ask")
    world.choose(ANNA, "yes")

    gone = world.citizen(ANNA)
    assert newest(world).startswith(world.wording.say("erase.done", "nl"))
    assert (gone.id, gone.standing, gone.chat_sealed) == (known.id, "erased", None)
    assert rows(world, LinkRow) == []
    assert all(row.body is None for row in rows(world, MessageRow))
    assert len(world.nudges()) == 1
    world.later(days=30)
    world.signal(in_days=50)
    assert world.tick() == []
    world.say(ANNA, "/start")
    world.choose(ANNA, "nl")
    world.choose(ANNA, "yes")
    world.choose(ANNA, "yes.money")
    world.signal(in_days=50)
    assert world.tick() == []
    assert world.outcomes()[-1] == "card_declined"


def test_a_person_is_found_by_their_code_or_their_reference_and_by_nothing_else(world):
    world.joins(ANNA, "money", code=world.code_for("letter-1"))
    with world.sessions() as session:
        known = world.citizen(ANNA).id
        code = mydata.code_of(world.vault, known)
        assert mydata.find(session, world.vault, code=code.lower()) == known
        assert mydata.find(session, world.vault, reference="letter-1") == known
        for wrong in ({"code": "ABCD-EFGH"}, {"reference": "letter-2"}, {"code": known}, {}):
            with pytest.raises(RefusedError):
                mydata.find(session, world.vault, **wrong)


# Settings.


def test_quiet_hours_of_ones_own_hold_for_the_next_nudge(anna):
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "quiet")
    anna.choose(ANNA, "quiet.afternoon")
    anna.signal(in_days=50)

    assert anna.tick() == []
    anna.now = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    assert len(anna.tick()) == 1


@pytest.mark.parametrize(("chosen", "tone"), [("practical", "practical"), ("warm", "warm")])
def test_the_tone_that_was_chosen_is_the_tone_that_comes(anna, chosen, tone):
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "tone")
    anna.choose(ANNA, f"tone.{chosen}")
    nudged(anna)

    assert [row.tone for row in anna.nudges()] == [tone]


def test_fewer_messages_is_a_pause_that_holds(anna):
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "often")
    anna.choose(ANNA, "often.90")
    nudged(anna)
    anna.choose(ANNA, "more")
    anna.later(days=80)
    anna.signal(in_days=50)
    assert anna.tick() == []
    anna.later(days=11)
    assert len(anna.tick()) == 1


def test_research_is_not_agreed_to_by_joining(anna):
    assert all(row.theme != RESEARCH for row in rows(anna, ConsentRow))
    anna.say(ANNA, "/settings")
    anna.choose(ANNA, "research")
    anna.choose(ANNA, "research.yes")

    states = [row.state for row in rows(anna, ConsentRow) if row.theme == RESEARCH]
    assert states == [ConsentState.ASKED, ConsentState.GIVEN]


def test_what_was_told_can_be_taken_back_and_then_nothing_comes_of_it(anna):
    anna.say(ANNA, "/situation")
    anna.choose(ANNA, "lower-income")
    anna.journey.plan()
    anna.say(ANNA, "/situation")
    anna.choose(ANNA, "back.lower-income")

    assert anna.tick() == []
    assert all(signal.citizen_id is None for signal in anna.signals())
    with anna.sessions() as session:
        assert ledger.told(session, anna.citizen(ANNA).id) == {}


# Free text.


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("nl", "Ik denk aan zelfmoord", "113"),
        ("en", "my husband beats me", "0800 2000"),
        ("ar", "أريد أن أموت", "113"),
        ("nl", "intihar etmek istiyorum", "113"),
        ("nl", "mąż mnie bije", "0800 2000"),
        ("nl", "у мене пожежа", "112"),
        ("nl", "de deurwaarder stond voor de deur", "0800 8115"),
    ],
)
def test_words_of_an_emergency_get_the_number_first_in_six_languages(world, language, text, number):
    world.joins(ANNA, "money", language=language)
    before = len(world.sent)
    world.say(ANNA, text, language=language)

    assert number in world.sent[before].text
    assert all(text not in json.dumps(row.body, ensure_ascii=False) for row in rows(world, MessageRow))


# What time asks for.


def test_a_consent_is_asked_again_once_and_goes_on_with_a_yes(anna):
    anna.now = datetime(2028, 11, 1, 9, 0, tzinfo=UTC)
    anna.tick()
    anna.tick()
    asked = [row for row in rows(anna, ConsentRow) if row.state == ConsentState.ASKED and "renew" in row.wording]
    assert [row.theme for row in asked] == ["money"]
    anna.choose(ANNA, "renew.money")

    anna.now = datetime(2028, 12, 1, 9, 0, tzinfo=UTC)
    anna.tick()
    known = anna.citizen(ANNA).id
    with anna.sessions() as session:
        consent = ledger.consents(session, [known])[known]["money"]
    assert (consent.state, consent.valid_until.year) == (ConsentState.GIVEN, 2030)


def test_without_an_answer_a_consent_lapses_with_a_record(anna):
    anna.now = datetime(2028, 11, 1, 9, 0, tzinfo=UTC)
    anna.tick()
    anna.now = datetime(2028, 12, 1, 9, 0, tzinfo=UTC)
    anna.tick()
    anna.tick()

    states = [row.state for row in rows(anna, ConsentRow) if row.theme == "money"]
    assert states[-2:] == [ConsentState.ASKED, ConsentState.EXPIRED]


def test_a_new_privacy_text_is_told_once_in_civil_hours_with_the_way_out(anna):
    with anna.sessions.begin() as session:
        session.get(CitizenRow, anna.citizen(ANNA).id).privacy_told = "an older text"
    anna.now = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    anna.tick()
    assert "veranderd" not in newest(anna)
    anna.now = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    anna.tick()
    anna.later(hours=1)
    anna.tick()

    told = [message for message in anna.sent if message.text.startswith("De gemeente Voorbeeldstad heeft de tekst")]
    assert len(told) == 1
    assert [button.text for button in told[0].buttons][-1] == anna.wording.say("button.s.stop", "nl")


def test_nothing_unasked_reaches_who_stopped(anna):
    with anna.sessions.begin() as session:
        session.get(CitizenRow, anna.citizen(ANNA).id).privacy_told = "an older text"
    anna.now = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    anna.tick()
    anna.say(ANNA, "/stop")
    before = len(anna.sent)
    anna.later(days=1)
    anna.tick()

    assert len(anna.sent) == before


def test_an_opinion_about_a_dimension_is_kept_apart_from_the_answers(anna):
    with anna.sessions.begin() as session:
        session.get(CitizenRow, anna.citizen(ANNA).id).surveys = 1
    nudged(anna)
    anna.choose(ANNA, "more")
    anna.choose(ANNA, "self")
    number, data = next(
        (number, button.data)
        for number, message in anna.phones[ANNA].shown.items()
        for button in message.buttons
        if button.data and "|q|" in button.data and "|yes." in button.data
    )
    anna.press(ANNA, data, on=number)

    [opinion] = rows(anna, OpinionRow)
    assert opinion.answer == "yes"
    assert anna.citizen(ANNA).surveys == 2


def test_what_is_there_in_dutch_only_is_said_in_dutch_with_the_offer_of_a_language(anna):
    from bot import saying
    from bot.core.facts import Phrase
    from bot.core.talk import Say

    spoken = saying.text_of(anna.wording, "xx", Say(words=(Phrase("help"),)))
    assert anna.wording.say("language.fallback", "nl") in spoken
    assert anna.wording.say("language.fallback", "en") not in saying.text_of(
        anna.wording, "en", Say(words=(Phrase("help"),))
    )


def test_staff_see_who_waits_longest_first(world):
    for chat in (ANNA, JOHN):
        world.joins(chat, "money")
        asks_contact(world, chat)
        world.later(days=1)
    with world.sessions() as session:
        days = [row.promised_by for row in conversation.open_requests(session)]
    assert days == sorted(days)
    assert days[0] - world.now.date() < timedelta(days=2)
