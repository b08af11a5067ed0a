"""The first page: what waits for each role, and what leaves next."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from bot import campaigns, planning, upkeep
from bot.console.overheard import ALARMS, overheard
from bot.guarding import chances
from bot.store import conversation, ledger
from bot.store.tables import GuardRow, InboxRow, MessageRow
from tests.console.conftest import PEOPLE
from tests.console.test_console_campaigns import NAME, draft, sent


def home(town, login):
    return town.as_(login).get("/").text


def test_nobody_is_shown_a_way_to_what_they_may_not_open(town):
    sent(town)
    draft(town, "pas-1")
    with town.sessions.begin() as session:
        campaigns.hand_over(session, "pas-1", town.wording, by="eva", now=town.now)
    for login in PEOPLE:
        browser = town.as_(login)
        for address in set(re.findall(r'href="(/[^"#]*)', browser.get("/").text)):
            if address.startswith("/static"):
                continue
            answer = browser.get(address.replace("&amp;", "&"))
            assert answer.status_code == 200, (login, address, answer.status_code)


@pytest.mark.parametrize("login", PEOPLE)
def test_every_role_has_a_first_page_in_both_languages(town, login):
    browser = town.as_(login)
    english = browser.get("/").text
    browser.post("/profile", language="nl")
    dutch = browser.get("/").text

    assert english.count("<h1") == dutch.count("<h1") == 1
    assert "What waits for you" in english
    assert "What waits for you" not in dutch


def test_an_approver_reads_what_is_ready_and_not_what_is_their_own(town):
    draft(town, "pas-eva")
    draft(town, "pas-sam", by="sam")
    draft(town, "pas-bezig")
    with town.sessions.begin() as session:
        for name in ("pas-eva", "pas-sam"):
            campaigns.hand_over(session, name, town.wording, by="eva", now=town.now)

    page = home(town, "sam")

    assert "/campaigns/pas-eva/approve" in page
    assert "Eva handed it over on" in page
    assert "/campaigns/pas-sam/approve" not in page
    assert "pas-bezig" not in page


def test_an_editor_reads_what_is_not_handed_over_and_what_may_be_started(town):
    draft(town, "pas-1")
    draft(town, "pas-2")
    with town.sessions.begin() as session:
        campaigns.approve(session, "pas-2", town.wording, by="sam", now=town.now)

    page = home(town, "eva")

    making, starting = page.index("Not handed over yet"), page.index("Approved, not started yet")
    assert making < page.index("/campaigns/pas-1") < starting < page.index("/campaigns/pas-2")


def test_what_leaves_next_is_told_with_how_long_it_can_still_be_stopped(town):
    town.campaign()
    town.joins("700", "money")
    town.now = town.now.replace(hour=20)  # nine in the evening in Amsterdam
    town.signal()
    town.journey.plan()
    town.journey.decide()

    page = home(town, "sam")

    assert "On Wed 25 Nov 2026 09:00. It can still be stopped for 12 hours." in page
    assert f'href="/campaigns/{NAME}/stop"' in page
    with town.sessions.begin() as session:
        campaigns.stop(session, NAME, by="sam", now=town.now)
    assert "No message is about to leave." in home(town, "sam")


def test_a_day_of_the_calendar_that_is_to_come_is_what_leaves_next(town):
    town.campaign("stadspas")
    with town.sessions() as session:
        [alive] = campaigns.approved_ones(session, town.wording)
    coming = min(day for day in alive.opens if day > town.now.date())

    page = home(town, "sam")

    assert f"{coming:%d} {coming:%b} {coming.year}".lstrip("0") in page
    assert "It can still be stopped for" in page


def test_promises_at_risk_come_first_for_who_answers_people(town):
    town.campaign()
    town.joins("700", "money")
    town.signal()
    town.tick()
    town.choose("700", "contact")
    town.choose("700", "chat")
    town.choose("700", "chat.any")

    page = home(town, "mei")

    assert "request is free to take." in page
    town.now += timedelta(days=30)
    assert "promise is late." in home(town, "mei")


def test_an_administrator_reads_what_got_stuck(town):
    sent(town)
    with town.sessions.begin() as session:
        nudge = session.exec(select(MessageRow).where(MessageRow.purpose == 2)).first()
        nudge.state = "uncertain"
        session.add(InboxRow(update_id=99, received_at=town.now, state="dead", error="x"))

    page = home(town, "ada")

    assert "Of 1 message nobody knows whether it arrived." in page
    assert "1 answer could not be read." in page


def test_an_auditor_reads_when_the_chain_was_checked(town):
    otto = town.as_("otto")
    assert "It was not checked here yet." in otto.get("/").text
    otto.post("/audit/check")
    assert "The chain held on" in otto.get("/").text


def test_a_researcher_reads_when_the_last_file_was_taken(town):
    rik = town.as_("rik")
    assert "Nobody took along a file yet." in rik.get("/").text
    with town.sessions.begin() as session:
        ledger.audit(session, town.now, "rik", "export", "decisions and answers", files={})
    assert "by Rik." in rik.get("/").text


def test_a_card_or_text_that_changed_is_told_to_who_approves(town, monkeypatch):
    sent(town)
    with town.sessions.begin() as session:
        row = campaigns.known(session, NAME)
        row.approved_hash = "0" * 64

    page = home(town, "sam")

    assert "Changed after it was approved, so it sends nothing" in page
    assert f'href="/campaigns/{NAME}/approve"' in page
    assert "changed since approval" in town.as_("sam").get("/campaigns").text
    assert "sends nothing until it is approved again" in town.as_("eva").get(f"/campaigns/{NAME}").text


def alarmed(town, watched, said):
    with town.sessions.begin() as session:
        session.add(GuardRow(watched=watched, counts={}, alarm=said, alarmed_at=town.now, updated_at=town.now))


def test_what_a_guard_put_aside_is_told_and_let_go_on_by_who_may(town):
    alarmed(town, planning.LEARNING, chances.SEND_BROKEN)
    alarmed(town, "fairness:language:ar", "people who are written to in ar stop clearly more often than all others")
    alarmed(town, "fairness:theme:money", "…")

    page = home(town, "eva")
    assert "What was learned is put aside." in page
    assert "People who are written to in Arabic stop clearly more often" in page
    assert "Geld" in page or "geld" in page
    assert "Use what was learned again" in page
    assert "What was learned is put aside." in home(town, "sam")
    assert "Use what was learned again" not in home(town, "sam")

    town.as_("eva").post("/guards/go-on", watched=planning.LEARNING)

    assert "What was learned is put aside." not in home(town, "eva")
    with town.sessions() as session:
        assert ledger.guard(session, planning.LEARNING).alarm is None
    assert town.as_("sam").post("/guards/go-on", watched="fairness:theme:money").status_code == 403


def test_a_text_that_a_guard_paused_is_sent_again_from_here(town):
    text = "zorgtoeslag.warm.1"
    with town.sessions.begin() as session:
        upkeep.pause(session, text, "3 people stopped within 50 messages in a row", by="guard", now=town.now)
    alarmed(town, f"variant:{text}", "3 people stopped within 50 messages in a row")
    browser = town.as_("eva")
    browser.post("/profile", language="nl")

    page = browser.get("/").text
    assert "3 mensen stopten binnen 50 berichten achter elkaar" in page
    assert "3 mensen stopten binnen 50 berichten" in browser.get("/cards/zorgtoeslag").text
    browser.post("/guards/go-on", watched=f"variant:{text}")

    with town.sessions() as session:
        assert conversation.paused_variants(session) == {}
    assert "3 mensen stopten" not in browser.get("/").text


def test_a_campaign_that_a_guard_paused_says_so_with_what_to_do(town):
    sent(town)
    name, because = NAME, "3 people stopped within 50 messages in a row"
    with town.sessions.begin() as session:
        campaigns.pause(session, name, because, by="guard", now=town.now)
    alarmed(town, f"campaign:{name}", because)
    browser = town.as_("eva")

    assert because in browser.get("/").text
    assert "The program paused it by itself, because 3 people stopped" in browser.get(f"/campaigns/{name}").text
    assert "The program paused the campaign" in browser.get(f"/campaigns/{name}").text  # in its history
    browser.post(f"/campaigns/{name}/start")

    assert "The program paused it by itself" not in browser.get(f"/campaigns/{name}").text


@pytest.mark.parametrize("said", ALARMS)
def test_every_alarm_is_found_again_in_the_language_of_staff(said):
    assert overheard(re.sub(r"\{\w+\}", "7", said), lambda _: "") == ""
