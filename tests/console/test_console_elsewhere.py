"""Other systems in a browser: how it goes with them, why something was refused, and telling it again."""

import html
from datetime import timedelta

from sqlmodel import select

from bot import contacts, klant
from bot.core.talk import AskContact
from bot.klant import Target, Why, outbox
from bot.store.tables import AuditRow, CitizenRow, OutgoingRow

PAGE = "/administration/elsewhere"


def asks(town, chat="111"):
    town.say(chat, "/start")
    who = town.citizen(chat).id
    with town.sessions.begin() as session:
        day = contacts.promise(session, town.wording, town.now.date())
        asked = AskContact(message=None, how="chat", daypart="any", phone=None, promised_by=day)
        row = contacts.ask(
            session, town.vault, session.get(CitizenRow, who), asked, update=next(town.updates), now=town.now
        )
        return row.id


def listen(town, *targets):
    with town.sessions.begin() as session:
        outbox.listen(session, targets, town.now)


def refused(town, why):
    with town.sessions.begin() as session:
        row = outbox.take(session, Target.OPEN_KLANT, "teller", town.now)
        outbox.failed(row, why, town.now)


def read(browser, language="en"):
    browser.post("/profile", language=language)
    page = browser.get(PAGE)
    assert page.status_code == 200
    return html.unescape(page.text)


def test_without_another_system_the_page_says_that_we_answer_here(town):
    page = read(town.as_("ada"))

    assert "No other system is set." in page
    assert '<form method="post" action="/administration/elsewhere/again"' not in page


def test_what_was_refused_is_told_with_its_reason_in_the_language_of_staff_and_told_again(town):
    listen(town, Target.OPEN_KLANT)
    request = asks(town)
    refused(
        town, Why("It refused this ({status}): {fields}.", {"status": 400, "fields": "klantcontact.kanaal invalid"})
    )
    ada = town.as_("ada")

    page = read(ada)
    assert "It refused this (400): klantcontact.kanaal invalid." in page
    assert str(request) in page
    assert klant.reference(town.vault, request) in page
    assert "Het weigerde dit (400): klantcontact.kanaal invalid." in read(ada, "nl")
    assert "1 melding kwam niet aan" in html.unescape(ada.get("/administration").text)

    ada.post("/profile", language="en")
    done = ada.post(f"{PAGE}/again")

    assert "told again within a minute" in html.unescape(done.text)
    with town.sessions() as session:
        assert session.exec(select(OutgoingRow)).one().state == "due"
        assert session.exec(select(AuditRow).where(AuditRow.action == "contact.tell_again")).one().who == "ada"


def test_a_system_that_takes_nothing_is_told_with_when_it_is_tried_again(town):
    listen(town, Target.OPEN_KLANT, Target.EVENTS)
    asks(town)
    with town.sessions.begin() as session:
        why = Why("It is away ({status}).", {"status": 503})
        outbox.stand_still(session, Target.OPEN_KLANT, why, town.now, wait=timedelta(hours=1))

    page = read(town.as_("ada"))

    assert "It is away (503)." in page
    assert "Nothing is lost." in page
    assert page.count("1 thing waits to be told") == 2
    assert "does not take anything" in page
    assert "as usual" in page


def test_every_deed_about_other_systems_has_its_sentence():
    from bot.console.sentences import SENTENCES, area_of

    assert {"contact.tell_again", "contact.task_gone"} <= SENTENCES.keys()
    assert area_of("contact.tell_again") == "contact"
