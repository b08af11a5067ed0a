"""Keeping one's own account safe: a second factor, the codes for when it is lost, another password."""

import re
from dataclasses import replace

import pyotp
import pytest
from sqlmodel import select

from bot import console, staff
from bot.errors import RefusedError
from bot.store import ledger
from bot.store.tables import AuditRow, StaffRow
from tests.console.conftest import Browser

PASSWORD = "een zin die niemand raadt"


@pytest.fixture
def eva(town):
    with town.sessions.begin() as session:
        staff.set_password(session, "eva", PASSWORD, by="ada", now=town.now)
    return signed_in(town)


def signed_in(town, app=None, **code):
    browser = Browser(app or town.app)
    browser.answer = browser.post("/signin", login="eva", password=PASSWORD, **code)
    return browser


def secret_on(page):
    return re.search('class="secret">([A-Z2-7 ]+)<', page.text).group(1).replace(" ", "")


def code_of(town, secret):
    return pyotp.TOTP(secret).at(town.now)


def with_factor(town, browser):
    secret = secret_on(browser.get("/profile/second-factor"))
    page = browser.post("/profile/second-factor", code=code_of(town, secret))
    assert page.status_code == 200, page.text
    return secret, re.findall("<code>([a-z0-9-]+)</code>", page.text)


def test_somebody_sets_up_a_second_factor_and_needs_it_from_then_on(town, eva):
    page = eva.get("/profile/second-factor")
    assert "<svg" in page.text
    assert secret_on(eva.get("/profile/second-factor")) == secret_on(page)  # who reloads has not lost it
    assert eva.post("/profile/second-factor", code="000000").status_code == 422
    secret, codes = with_factor(town, eva)

    assert len(set(codes)) == 10
    assert signed_in(town).answer.status_code == 422
    assert signed_in(town, code=code_of(town, secret)).answer.status_code == 422  # it confirmed, so it is used
    town.later(seconds=60)
    assert signed_in(town, code=code_of(town, secret)).answer.status_code == 200


def test_setting_it_up_ends_what_was_open_on_other_screens(town, eva):
    other = signed_in(town)
    with_factor(town, eva)
    assert other.get("/").url.path == "/signin"
    assert eva.get("/").url.path == "/"


def test_a_recovery_code_signs_in_once_and_is_nowhere_in_the_database(town, eva):
    _, codes = with_factor(town, eva)
    assert signed_in(town, code=codes[0].upper().replace("-", " ")).answer.status_code == 200
    assert signed_in(town, code=codes[0]).answer.status_code == 422
    assert signed_in(town, code=codes[1]).answer.status_code == 200

    with town.sessions() as session:
        row = session.get(StaffRow, "eva")
        kept = row.model_dump_json()
        used = [found.detail for found in session.exec(select(AuditRow)) if found.action == "staff.recovery_code_used"]
    assert all(code not in kept and code.replace("-", "") not in kept for code in codes)
    assert used == [{"left": 9}, {"left": 8}]


def test_guessing_codes_is_counted_as_guessing_passwords_is(town, eva):
    secret, codes = with_factor(town, eva)
    for _ in range(5):
        signed_in(town, code="123")
    assert signed_in(town, code=codes[0]).answer.status_code == 422
    town.later(minutes=2)
    assert signed_in(town, code=code_of(town, secret)).answer.status_code == 200


def test_removing_it_takes_the_password_and_a_code(town, eva):
    secret, codes = with_factor(town, eva)
    assert eva.post("/profile/second-factor/remove", password="iets anders", code=codes[0]).status_code == 422
    assert eva.post("/profile/second-factor/remove", password=PASSWORD, code="000000").status_code == 422
    town.later(seconds=60)
    removed = eva.post("/profile/second-factor/remove", password=PASSWORD, code=code_of(town, secret))
    assert removed.url.path == "/profile"
    assert signed_in(town).answer.status_code == 200
    with town.sessions() as session:
        actions = [row.action for row in session.exec(select(AuditRow)) if "factor" in row.action]
        assert not ledger.verify(session).faults
    assert actions == ["staff.second_factor_set", "staff.second_factor_removed"]


def test_an_administrator_takes_away_what_was_lost(town, eva):
    with_factor(town, eva)
    with town.sessions.begin() as session:
        staff.factor.clear(session, "eva", by="ada", now=town.now)
        staff.end_all(session, "eva")
    assert eva.get("/").url.path == "/signin"
    assert signed_in(town).answer.status_code == 200
    with town.sessions.begin() as session, pytest.raises(RefusedError):
        staff.factor.clear(session, "eva", by="ada", now=town.now)


def test_where_it_is_asked_of_everybody_nothing_else_opens_before_it_is_set_up(town, eva):
    app = console.build(replace(town.desk, second_factor=True))
    browser = signed_in(town, app)
    for address in ("/", "/campaigns", "/profile"):
        assert browser.get(address).url.path == "/profile/second-factor"
    assert browser.post("/campaigns/none/stop").url.path == "/profile/second-factor"
    asked = browser.ask("GET", "/campaigns", headers={"hx-request": "true"})
    assert asked.headers["hx-redirect"] == "/profile/second-factor"
    with_factor(town, browser)
    assert browser.get("/").url.path == "/"

    demo = Browser(app)
    demo.post("/signin/demo", login="sam")
    assert demo.get("/").url.path == "/"


def test_somebody_changes_their_password_and_other_screens_are_signed_out(town, eva):
    other, new = signed_in(town), "een andere lange zin"
    wrong = eva.post("/profile/password", password="niet deze", new=new, again="iets anders")
    assert wrong.status_code == 422
    assert wrong.text.count("<li>", wrong.text.index('role="alert"')) >= 2  # both faults at once
    assert eva.post("/profile/password", password=PASSWORD, new="kort", again="kort").status_code == 422
    changed = eva.post("/profile/password", password=PASSWORD, new=new, again=new)

    assert changed.url.path == "/profile"
    assert eva.get("/").url.path == "/"
    assert other.get("/").url.path == "/signin"
    assert signed_in(town).answer.status_code == 422
    assert Browser(town.app).post("/signin", login="eva", password=new).status_code == 200


def test_guessing_the_present_password_from_an_open_screen_locks_it(town, eva):
    for _ in range(5):
        eva.post("/profile/password", password="geraden", new="x" * 12, again="x" * 12)
    answer = eva.post("/profile/password", password=PASSWORD, new="x" * 12, again="x" * 12)
    assert answer.status_code == 422


def test_who_has_no_password_here_is_told_where_it_is_kept(town):
    sam = town.as_("sam")
    assert 'name="password"' not in sam.get("/profile/password").text
    assert "<svg" not in sam.get("/profile/second-factor").text
    assert sam.post("/profile/second-factor", code="123456").status_code == 409


def test_an_administrator_helps_who_lost_phone_and_recovery_codes(town, eva):
    ada, one = town.as_("ada"), "/administration/accounts/one?login=eva"
    assert "/administration/accounts/factor" not in ada.get(one).text
    assert ada.post("/administration/accounts/factor", login="eva").status_code == 409
    with_factor(town, eva)
    assert "/administration/accounts/factor" in ada.get(one).text

    done = ada.post("/administration/accounts/factor", login="eva")

    assert "The second factor is removed" in done.text
    assert eva.get("/").url.path == "/signin"
    assert signed_in(town).answer.status_code == 200
    with town.sessions() as session:
        assert session.exec(select(AuditRow).where(AuditRow.action == "staff.second_factor_removed")).one().who == "ada"


def test_nobody_takes_their_own_second_factor_away_without_their_password(town, eva):
    with town.sessions.begin() as session:
        staff.change(
            session, "eva", staff.NewStaff(login="eva", name="Eva", roles=["administrator"]), by="ada", now=town.now
        )
    eva = signed_in(town)
    with_factor(town, eva)

    assert eva.post("/administration/accounts/factor", login=" EVA").status_code == 409

    assert signed_in(town).answer.status_code == 422
