"""What somebody could try who has a role here, or none: reading what is another's, approving their own."""

import dataclasses
import json
import re
from datetime import timedelta

import pytest
from sqlmodel import select

from bot import campaigns, console, mydata, staff
from bot.campaigns import drafts
from bot.console.desk import COOKIE
from bot.errors import RefusedError
from bot.staff import accounts
from bot.store import ledger
from bot.store.tables import InboxRow, LinkCodeRow, StaffRow
from tests.console.conftest import PEOPLE
from tests.console.test_console_contact import asks

PASSWORD = "een zin die niemand raadt"


def with_password(town, login="eva"):
    with town.sessions.begin() as session:
        staff.set_password(session, login, PASSWORD, by="ada", now=town.now)


def test_an_account_that_waits_says_what_one_that_does_not_exist_says(town):
    with_password(town)
    browser = town.browser()
    told = []
    for login in ("eva", "niemand"):
        answers = [browser.post("/signin", login=login, password="geraden") for _ in range(7)]
        told.append([re.findall('role="alert".*?</div>', answer.text, re.DOTALL) for answer in answers])

    assert told[0] == told[1]


def test_however_often_somebody_guesses_wrong_the_account_goes_on_waiting(town):
    """With one guess a day, whoever guesses gets past any number of doublings that a moment can hold."""
    with_password(town)
    town.now += 60 * timedelta(days=1)
    with town.sessions.begin() as session:
        staff.known_as(session, "eva").failures = 60

    assert town.browser().post("/signin", login="eva", password="geraden").status_code == 422

    with town.sessions.begin() as session:
        assert staff.known_as(session, "eva").locked_until == town.now + timedelta(days=1)
        assert staff.sign_in(session, town.vault, "eva", PASSWORD, "", town.now) is staff.Failed.WAIT


def test_while_a_password_is_tried_somebody_else_can_write(town, monkeypatch):
    with_password(town)

    class Hasher:
        def verify(self, password, known):
            with town.sessions.begin() as session:
                ledger.set_mark(session, "meanwhile", {"written": True}, town.now)
            return hasher.verify(password, known)

        def hash(self, password):
            return hasher.hash(password)

    hasher = accounts._hasher
    monkeypatch.setattr(accounts, "_hasher", Hasher())

    assert town.browser().post("/signin", login="eva", password=PASSWORD).status_code == 200
    with town.sessions() as session:
        assert ledger.mark(session, "meanwhile") == {"written": True}


def test_a_password_that_changed_while_the_old_one_was_tried_lets_nobody_in_with_the_old_one(town):
    with_password(town)
    with town.sessions() as session:
        ahead = staff.try_password(staff.kept_password(session, "eva"), PASSWORD)
    with town.sessions.begin() as session:
        staff.set_password(session, "eva", "een heel andere zin", by="ada", now=town.now)

    with town.sessions.begin() as session:
        assert staff.sign_in(session, town.vault, "eva", PASSWORD, "", town.now, ahead) is staff.Failed.WRONG


def test_another_password_takes_another_secret_for_the_app(town):
    """Whoever knew the old password may have seen the secret that was offered and not confirmed."""
    with_password(town)
    with town.sessions.begin() as session:
        staff.factor.offer(session, town.vault, "eva", secret="SEEN")
    with_password(town)

    with town.sessions.begin() as session:
        assert staff.factor.offer(session, town.vault, "eva", secret="FRESH") == "FRESH"


def test_who_wrote_a_campaign_does_not_approve_a_copy_of_it_that_somebody_else_made(town):
    """The same words under another name are still their own."""
    campaign = town.campaign("stadspas")
    with town.sessions.begin() as session:
        [author] = ledger.editors(session, [campaign])[campaign]
        drafts.duplicate(session, campaign, "Stadspas opnieuw", by="bob", now=town.now)
        row = drafts.found(session, "stadspas-opnieuw")
        before = campaigns.file_of(campaigns.known(session, campaign))
        days = {"date": "", "first": str(before.period.first), "until": str(before.period.until)}
        when = row.content["schedule"] | days
        drafts.save(session, row.id, drafts.Step.SCHEDULE, when, seen=1, by="bob", now=town.now)
        drafts.finish(session, row.id, town.wording, by="bob", now=town.now)

    with town.sessions.begin() as session, pytest.raises(RefusedError, match="edited"):
        campaigns.approve(session, "stadspas-opnieuw", town.wording, by=author, now=town.now)
    with town.sessions.begin() as session:
        campaigns.approve(session, "stadspas-opnieuw", town.wording, by="sam", now=town.now)


def test_outside_the_demo_nobody_steps_in_without_a_password(town):
    town.app = console.build(dataclasses.replace(town.desk, people=()))
    browser = town.browser()

    for login in (*PEOPLE, ""):
        answer = browser.post("/signin/demo", login=login)
        assert (answer.status_code, browser.cookies) == (404, {}) or answer.status_code == 400
    assert "step in" not in browser.get("/signin").text
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize(
    "back", ["//evil.test", "/\\evil.test", "https://evil.test", "/\t/evil.test", "/\n/evil.test", "/signin"]
)
def test_signing_in_leads_nowhere_else(town, back):
    with_password(town)

    answer = town.browser().post("/signin", login="eva", password=PASSWORD, back=back, follow=False)

    assert answer.status_code == 303
    assert re.match(r"/($|[^/\\\s])", answer.headers["location"])


def test_an_administrator_reads_no_talk_in_the_file_of_a_person(town):
    town.campaign()
    asks(town, said="Mijn buurman heet Piet")
    with town.sessions() as session:
        citizen = town.citizen("111")
        code = mydata.code_of(town.vault, citizen.id)

    file = town.as_("ada").post("/administration/person/file", code=code)
    with town.sessions() as session:
        own = mydata.as_file(session, town.wording, town.vault, town.citizen("111"), town.now)

    assert "Piet" in own
    assert "Piet" not in file.text
    [request] = json.loads(file.text)["contact_requests"]
    assert [line["text_in"] for line in request["said"]] == ["/mydata"]


def test_an_erased_person_leaves_no_unread_words_and_no_way_back_to_a_reference(town):
    town.joins("111", "money", code=town.code_for("klant-7"))
    town.later(seconds=1)
    town.joins("222", "money", code=town.code_for("klant-8"))
    one, other = town.citizen("111"), town.citizen("222")
    with town.sessions.begin() as session:
        for number, citizen in ((901, one), (902, other)):
            body = town.vault.seal("{}")
            row = InboxRow(
                update_id=number, received_at=town.now, chat_hash=citizen.chat_hash, body_sealed=body, state="dead"
            )
            session.add(row)

    with town.sessions.begin() as session:
        mydata.erase(session, mydata.person(session, one.id), town.now, by="ada")

    with town.sessions() as session:
        kept = {row.update_id: (row.state, row.body_sealed is None) for row in session.exec(select(InboxRow))}
        codes = [town.vault.open(row.reference_sealed) for row in session.exec(select(LinkCodeRow))]
    assert kept[901] == ("done", True)
    assert kept[902] == ("dead", False)
    assert codes == ["klant-8"]


def test_a_number_or_day_that_no_database_takes_is_a_wrong_address_and_no_error(town):
    huge = "9" * 25
    for login, address in (
        ("eva", f"/cards/changes/{huge}"),
        ("eva", f"/campaigns?page={huge}"),
        ("otto", "/audit?since=0001-01-01"),
        ("otto", "/audit?until=9999-12-31"),
        ("otto", f"/audit?before=99999999999999999-{huge}"),
        ("ada", "/administration/codes?before=0001-01-01T00:00:00%2B14:00"),
    ):
        assert town.as_(login).get(address).status_code in {200, 400, 404, 422}, address
    ada = town.as_("ada")
    assert ada.post("/administration/stuck/again", update=huge).status_code == 400
    eva = town.as_("eva")
    assert eva.post("/profile", language="xx").status_code == 400
    assert eva.post("/cards/values", path="services/nope.toml", why="x").status_code == 409


def test_a_login_with_signs_of_its_own_is_found_again_after_it_was_saved(town):
    login = "e.de+vries&co@voorbeeldstad.nl"
    ada = town.as_("ada")

    made = ada.post("/administration/accounts/new", login=login, name="Els", roles=["editor"])

    assert made.status_code == 200
    with town.sessions() as session:
        assert session.exec(select(StaffRow).where(StaffRow.login == login)).one().name == "Els"
    assert ada.post("/administration/accounts/out", login=login).status_code == 200


def test_a_name_for_an_account_is_no_address_that_nobody_checked():
    claims = {"iss": "https://x", "sub": "1", "name": "X", "email": "ada@voorbeeldstad.nl"}
    asked = {"claim": "roles", "roles": {}}

    assert staff.arrived(claims | {"email_verified": False}, **asked).login is None
    assert staff.arrived(claims | {"email_verified": True}, **asked).login == "ada@voorbeeldstad.nl"
    assert staff.arrived(claims, **asked).login == "ada@voorbeeldstad.nl"
