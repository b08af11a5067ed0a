"""Staff answer people in a browser: who has it, what is read, what is written, and that nothing typed is lost."""

import re
from datetime import date

import pytest
from sqlmodel import col, select

from bot import contacts, staff
from bot.core.talk import Blocked, SharedContact
from bot.errors import RejectedError
from bot.store.tables import AuditRow, ContactLineRow, ContactRequestRow, MessageRow, StaffRow
from tests.console.conftest import Town

ANNA = "111"


@pytest.fixture
def town(sessions, wording, vault):
    town = Town(sessions, wording, vault)
    with sessions.begin() as session:
        noor = staff.NewStaff(login="noor", name="Noor Haddad", roles=["contact"], team="wijkteam West", language="en")
        staff.add(session, noor, staff_id="noor", by="setup", now=town.now)
        session.get(StaffRow, "mei").name = "Mei Lin"
    return town


@pytest.fixture
def noor(town):
    with town.sessions.begin() as session:
        staff.set_password(session, "noor", "een zin die niemand raadt", by="ada", now=town.now)
    browser = town.browser()
    assert browser.post("/signin", login="noor", password="een zin die niemand raadt").status_code == 200
    return browser


def asks(town, chat=ANNA, how="chat", language="nl", said="Mijn buurman heet Piet"):
    """Somebody joins and asks for contact after a message of ours; return the number of the request."""
    town.joins(chat, "money", language=language)
    town.signal(in_days=50)
    town.tick()
    town.choose(chat, "contact")
    town.choose(chat, how)
    if how == "phone":
        town.hear(chat, SharedContact("+31612345678", own=True))
    town.choose(chat, f"{how}.morning")
    if said:
        town.say(chat, said)
    with town.sessions() as session:
        return session.exec(select(ContactRequestRow.id).order_by(col(ContactRequestRow.id).desc())).first()


@pytest.fixture
def request_(town):
    town.campaign()
    return asks(town)


def audited(town, action):
    with town.sessions() as session:
        rows = session.exec(select(AuditRow).where(AuditRow.action == action).order_by(col(AuditRow.id)))
        return [(row.who, row.subject) for row in rows]


def row(town, request):
    with town.sessions() as session:
        return session.get(ContactRequestRow, request)


def field(page, name):
    """What stands in a textarea."""
    return re.search(rf'<textarea[^>]* name="{name}"[^>]*>(.*?)</textarea>', page.text, re.DOTALL)[1]


def after(page):
    return re.search(r'name="after" value="(\d+)"', page.text)[1]


def test_nobody_reads_a_talk_before_it_is_theirs_and_then_each_look_is_audited(town, request_):
    mei = town.as_("mei")
    before = mei.get(f"/contact/{request_}")
    assert "Piet" not in before.text
    assert "Take it to read and answer it" in before.text
    assert audited(town, "contact.read") == []

    taken = mei.post(f"/contact/{request_}/claim")
    assert "Piet" in taken.text
    assert '<div class="bubble theirs" lang="nl" dir="auto">Mijn buurman heet Piet</div>' in taken.text
    mei.get(f"/contact/{request_}")
    assert audited(town, "contact.read") == [("mei", str(request_))] * 2


def test_who_comes_second_is_told_who_was_earlier_and_sees_no_word_of_it(town, request_, noor):
    town.as_("mei").post(f"/contact/{request_}/claim")

    late = noor.post(f"/contact/{request_}/claim")
    assert late.status_code == 409
    assert "Mei Lin was earlier: they took this request on 24-11-2026 at 10:00." in late.text
    assert "Piet" not in late.text
    for address in (f"/contact/{request_}", f"/contact/{request_}/lines", f"/contact/{request_}/lines?seen=x"):
        assert "Piet" not in noor.get(address).text
    assert audited(town, "contact.read") == [("mei", str(request_))]


def test_a_reply_leaves_through_the_bot_signed_with_first_name_and_team(town, request_, noor):
    noor.post(f"/contact/{request_}/claim")
    page = noor.post(f"/contact/{request_}/reply", text="Welke brief?\r\nVan wie?", after="0")
    assert "Your reply is on its way." in page.text
    assert "Waits to leave" in page.text
    town.deliver()

    assert town.phones[ANNA].last.text.startswith(
        "Antwoord van Noor, wijkteam West (gemeente Voorbeeldstad):\nWelke brief?\nVan wie?"
    )
    assert "Haddad" not in town.phones[ANNA].last.text
    assert "Delivered" in noor.get(f"/contact/{request_}").text


def test_the_page_shows_what_the_person_will_read_word_for_word(town, request_, noor):
    noor.post(f"/contact/{request_}/claim")
    shown = noor.post(f"/contact/{request_}/draft", text="Welke brief?")
    [preview] = re.findall(r'id="preview">.*?<div class="bubble"[^>]*>(.*?)</div>', shown.text, re.DOTALL)
    assert field(shown, "text") == "Welke brief?"
    part = noor.ask("POST", f"/contact/{request_}/draft", data={"text": "Welke brief?"}, headers={"hx-request": "true"})
    assert preview in part.text
    assert "<h1" not in part.text
    assert row(town, request_).state == "open"

    noor.post(f"/contact/{request_}/reply", text="Welke brief?")
    town.deliver()
    assert town.phones[ANNA].last.text == preview


def test_somebody_who_writes_dutch_sends_the_arabic_and_sees_what_it_means(town):
    town.campaign()
    number = asks(town, "222", language="ar", said="مرحبا")
    mei = town.as_("mei")
    page = mei.post(f"/contact/{number}/claim")
    arabic, dutch = (town.wording.say("standard.look-up", language) for language in ("ar", "nl"))
    assert arabic in page.text
    assert dutch in page.text
    assert '<textarea class="utrecht-textarea utrecht-textarea--html-textarea" id="text"' in page.text
    assert 'lang="ar" dir="auto"' in page.text
    shown = mei.post(f"/contact/{number}/draft", text="مرحبًا", standard="look-up")
    assert field(shown, "text") == f"مرحبًا\n\n{arabic}"

    open_ = mei.post(f"/contact/{number}/reply", text=field(shown, "text"))
    assert open_.status_code == 422
    assert "Fill in what is left open" in open_.text
    filled = field(open_, "text").replace("…", "الخميس")
    mei.post(f"/contact/{number}/reply", text=filled)
    town.deliver()
    assert "الخميس" in town.phones["222"].last.text


def test_what_was_typed_is_there_again_when_a_colleague_took_over(town, request_, noor):
    noor.post(f"/contact/{request_}/claim")
    town.later(days=2)
    town.as_("mei").post(f"/contact/{request_}/claim")
    noor = town.browser()
    assert noor.post("/signin", login="noor", password="een zin die niemand raadt").status_code == 200

    lost = noor.post(f"/contact/{request_}/reply", text="Een lang antwoord <b>", note="Belangrijk")
    assert lost.status_code == 409
    assert "Mei Lin was earlier" in lost.text
    assert "Een lang antwoord &lt;b&gt;" in lost.text
    assert "Belangrijk" in lost.text
    assert "Piet" not in lost.text
    town.deliver()
    assert "Een lang antwoord" not in town.phones[ANNA].last.text


def test_what_was_typed_is_there_again_when_the_time_to_do_so_ran_out(town, request_):
    town.as_("mei").post(f"/contact/{request_}/claim")
    town.later(days=2)
    mei = town.as_("mei")
    shown = mei.post(f"/contact/{request_}/draft", text="Een lang antwoord", note="Tolk", word="Voor jou")
    for typed in ("Een lang antwoord", "Tolk", "Voor jou"):
        assert typed in shown.text
    assert "Nobody has taken this" in shown.text
    mei.post(f"/contact/{request_}/reply", text="Een lang antwoord")
    assert row(town, request_).claimed_by == "mei"


@pytest.mark.parametrize(
    ("heard", "reason"),
    [("/stop", "The person stopped on"), (Blocked(), "The person blocked the bot or deleted the chat")],
)
def test_what_was_typed_is_there_again_when_the_person_left_meanwhile(town, request_, heard, reason):
    mei = town.as_("mei")
    mei.post(f"/contact/{request_}/claim")
    town.say(ANNA, heard) if isinstance(heard, str) else town.hear(ANNA, heard)

    lost = mei.post(f"/contact/{request_}/reply", text="Een lang antwoord")
    assert lost.status_code == 409
    assert reason in lost.text
    assert "Een lang antwoord" in lost.text
    assert "Piet" not in lost.text
    assert "/reply" not in lost.text


def test_whoever_took_their_request_back_is_not_said_to_have_stopped(town, request_):
    town.choose(ANNA, "cancel")
    assert "took the request back" in town.as_("mei").get(f"/contact/{request_}").text
    town.later(days=1)
    town.say(ANNA, "/stop")
    assert "took the request back" in town.as_("mei").get(f"/contact/{request_}").text


def test_one_deed_loses_nothing_of_what_was_typed_for_another(town, request_):
    mei = town.as_("mei")
    mei.post(f"/contact/{request_}/claim")
    noted = mei.post(f"/contact/{request_}/note", note="Tolk nodig.", text="Half een antw")
    assert field(noted, "text") == "Half een antw"
    assert field(noted, "note") == ""
    assert "The note is kept." in noted.text
    for deed, form in (("done", {"outcome": "helped"}), ("give-back", {}), ("hand-over", {"to": "sam"})):
        held = mei.post(f"/contact/{request_}/{deed}", text="Half een antw", **form)
        assert held.status_code == 422
        assert field(held, "text") == "Half een antw"
    sent = mei.post(f"/contact/{request_}/reply", text="Een antwoord", note="Nog een notitie")
    assert field(sent, "note") == "Nog een notitie"
    assert row(town, request_).claimed_by == "mei"


def test_a_number_is_hidden_until_a_press_that_is_audited(town):
    town.campaign()
    number = asks(town, how="phone")
    mei = town.as_("mei")
    assert "31612345678" not in mei.post(f"/contact/{number}/claim").text
    shown = mei.post(f"/contact/{number}/phone", text="Half een antw")
    assert '<a class="utrecht-link" href="tel:+31612345678">' in shown.text
    assert field(shown, "text") == "Half een antw"
    assert "31612345678" not in mei.get(f"/contact/{number}").text
    assert audited(town, "contact.phone") == [("mei", str(number))]


def test_it_says_what_to_do_now(town):
    town.campaign()
    number = asks(town, how="phone")
    mei = town.as_("mei")
    assert "They want to be called." in mei.post(f"/contact/{number}/claim").text
    mei.post(f"/contact/{number}/reply", text="Ik bel u morgen.")
    town.deliver()
    assert "It is their turn." in mei.get(f"/contact/{number}").text
    town.say(ANNA, "Goed")
    assert "They wrote back" in mei.get(f"/contact/{number}").text
    town.fails = [RejectedError("chat not found")]
    mei.post(f"/contact/{number}/reply", text="Tot morgen.")
    town.deliver()
    page = mei.get(f"/contact/{number}").text
    assert "Your last reply did not reach them. Call if they gave a number" in page
    assert "<strong>Not delivered</strong>: the channel refused the message" in page


def poll(page):
    return re.search(r'hx-get="([^"]+/lines[^"]+)"', page.text)[1].replace("&amp;", "&")


def test_new_lines_come_by_a_poll_that_reads_nothing_while_nothing_is_new_and_ends_by_itself(town, request_):
    mei = town.as_("mei")
    page = mei.post(f"/contact/{request_}/claim")
    looks = audited(town, "contact.read")
    assert mei.get(poll(page)).status_code == 204
    assert audited(town, "contact.read") == looks

    town.say(ANNA, "Nog iets: het is dringend")
    fresh = mei.get(poll(page))
    assert "het is dringend" in fresh.text
    assert 'aria-live="polite"' in fresh.text
    assert len(audited(town, "contact.read")) == len(looks) + 1
    assert mei.get(poll(fresh)).status_code == 204
    town.later(minutes=21)
    over = mei.get(poll(fresh))
    assert "hx-get" not in over.text
    assert "no longer looks for new messages" in over.text


def test_a_poll_after_the_talk_is_somebody_elses_shows_nothing_and_ends(town, request_, noor):
    mei = town.as_("mei")
    page = mei.post(f"/contact/{request_}/claim")
    mei.post(f"/contact/{request_}/hand-over", to="noor", word="Wil liever een vrouw spreken.")

    over = mei.get(poll(page))
    assert "Piet" not in over.text
    assert "hx-get" not in over.text
    assert "Handed to you" in noor.get("/contact").text
    read = noor.get(f"/contact/{request_}")
    assert "Wil liever een vrouw spreken." in read.text
    assert "Note of Mei Lin, for colleagues only" in read.text
    assert "Handed to you" not in noor.get("/contact").text


def test_closing_asks_what_came_of_it_and_wipes_the_rest(town, request_):
    mei = town.as_("mei")
    mei.post(f"/contact/{request_}/claim")
    assert "Say what came of it." in mei.post(f"/contact/{request_}/done").text
    nowhere = mei.post(f"/contact/{request_}/done", outcome="referred", place="")
    assert "Say where you sent the person on to." in nowhere.text
    assert re.search(r'value="referred" checked', nowhere.text)
    place = contacts.places(town.wording)[0]
    closed = mei.post(f"/contact/{request_}/done", outcome="referred", place=place)
    assert "It is closed." in closed.text
    town.deliver()

    assert (row(town, request_).outcome, row(town, request_).referred_to) == ("referred", place)
    with town.sessions() as session:
        assert session.exec(select(ContactLineRow)).all() == []
    assert place in mei.get("/contact?tab=closed").text
    assert "This request is closed" in mei.get(f"/contact/{request_}").text
    assert town.phones[ANNA].last.text == town.wording.say("talk.closed", "nl")


def test_the_queue_says_in_words_what_is_at_risk(town):
    town.campaign()
    numbers = []
    for chat, days in (("201", -2), ("202", 0), ("203", 1), ("204", 5)):
        town.joins(chat, "money")
        town.say(chat, "hallo")
        for choice in ("ask", "chat", "chat.any"):
            town.choose(chat, choice)
        with town.sessions.begin() as session:
            newest = session.exec(select(ContactRequestRow).order_by(col(ContactRequestRow.id).desc())).first()
            newest.promised_by = date.fromordinal(town.now.date().toordinal() + days)
            numbers.append(newest.id)
    page = town.as_("mei").get("/contact")
    assert re.findall(r"(2 days late|today|tomorrow|Sun 29 Nov 2026)<", page.text) == [
        "2 days late", "today", "tomorrow", "Sun 29 Nov 2026",
    ]  # fmt: skip
    assert [
        int(number)
        for number in re.findall(r'<th scope="row"><a class="utrecht-link" href="/contact/(\d+)"', page.text)
    ] == numbers
    assert "Free to take (4)" in page.text
    assert "Late (1)" in page.text


def test_the_queue_can_be_narrowed_to_a_language_and_paged(town):
    town.campaign()
    first = asks(town, said=None)
    known = row(town, first).model_dump()
    with town.sessions.begin() as session:
        for number in range(30):
            session.add(ContactRequestRow(**known | {"id": 10**6 + number, "language": "ar" if number < 3 else "nl"}))
    mei = town.as_("mei")

    def shown(address):
        return len(re.findall(r'<th scope="row"><a', mei.get(address).text))

    assert shown("/contact?tab=free") == 25
    assert shown("/contact?tab=free&page=2") == 6
    assert shown("/contact?tab=free&language=ar") == 3
    assert shown("/contact?tab=free&language=pl") == 0
    assert shown("/contact?tab=nonsense&page=-7") == 25
    assert mei.get("/contact?tab=free&page=99999999999999999999").status_code == 200
    assert mei.get(f"/contact/{2**70}").status_code == 400
    assert mei.get("/contact/12345").status_code == 404


def test_who_administers_approves_or_audits_sees_no_request_at_all(town, request_):
    for login in ("ada", "sam", "otto", "eva", "rik"):
        browser = town.as_(login)
        for address in ("/contact", f"/contact/{request_}", f"/contact/{request_}/lines"):
            assert browser.get(address).status_code == 403
        assert 'href="/contact"' not in browser.get("/").text


def test_nothing_of_a_talk_stands_readable_in_the_database_or_in_the_audit_trail(town, request_):
    mei = town.as_("mei")
    mei.post(f"/contact/{request_}/claim")
    mei.post(f"/contact/{request_}/note", note="Geheime notitie")
    mei.post(f"/contact/{request_}/reply", text="Geheim antwoord")
    with town.sessions() as session:
        kept = [
            one.model_dump_json()
            for table in (AuditRow, ContactLineRow, ContactRequestRow, MessageRow)
            for one in session.exec(select(table))
        ]
    assert not any("Geheim" in text or "Piet" in text for text in kept)
