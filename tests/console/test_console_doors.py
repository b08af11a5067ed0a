"""Signing in, staying in, getting out; and what another site cannot make a browser do."""

import html
import re

import pyotp
import pytest
from sqlmodel import select

from bot import staff
from bot.console.desk import COOKIE
from bot.errors import FaultsError, RefusedError
from bot.store.tables import StaffRow, StaffSessionRow

PASSWORD = "een zin die niemand raadt"


def with_password(town, login="eva"):
    with town.sessions.begin() as session:
        staff.set_password(session, login, PASSWORD, by="ada", now=town.now)


def test_a_password_lets_in_and_a_wrong_one_does_not_say_what_was_wrong(town):
    with_password(town)
    browser = town.browser()

    wrong = browser.post("/signin", login="eva", password="iets anders")
    nobody = browser.post("/signin", login="niemand", password="iets anders")
    right = browser.post("/signin", login=" EVA ", password=PASSWORD, back="/campaigns")

    assert wrong.status_code == nobody.status_code == 422
    told = re.compile('role="alert".*?</div>', re.DOTALL)
    assert told.findall(wrong.text) == told.findall(nobody.text) != []
    assert right.status_code == 200
    assert "<h1" in right.text
    assert right.url.path == "/campaigns"


def test_who_signs_in_comes_to_what_they_asked_for(town):
    with_password(town)
    browser = town.browser()
    asked = browser.get("/campaigns?state=running&name=a%26b")
    back = html.unescape(re.search('name="back" value="([^"]*)"', asked.text)[1])

    assert back == "/campaigns?state=running&name=a%26b"
    assert str(browser.post("/signin", login="eva", password=PASSWORD, back=back).url).endswith(back)
    assert town.browser().get(f"/audit?subject={'x' * 600}").status_code == 200


def test_after_five_wrong_passwords_the_right_one_has_to_wait_too(town):
    with_password(town)
    browser = town.browser()
    for _ in range(5):
        browser.post("/signin", login="eva", password="geraden")

    assert browser.post("/signin", login="eva", password=PASSWORD).status_code == 422
    town.later(minutes=2)
    assert browser.post("/signin", login="eva", password=PASSWORD).status_code == 200


def test_a_second_factor_is_asked_for_and_each_of_its_codes_works_once(town):
    with_password(town)
    secret = pyotp.random_base32()
    with town.sessions.begin() as session:
        row = session.get(StaffRow, "eva")
        row.totp_sealed = town.vault.seal(secret)
    code = pyotp.TOTP(secret).at(town.now)

    assert town.browser().post("/signin", login="eva", password=PASSWORD).status_code == 422
    assert town.browser().post("/signin", login="eva", password=PASSWORD, code=code).status_code == 200
    assert town.browser().post("/signin", login="eva", password=PASSWORD, code=code).status_code == 422
    town.later(seconds=60)
    fresh = pyotp.TOTP(secret).at(town.now)
    assert town.browser().post("/signin", login="eva", password=PASSWORD, code=fresh).status_code == 200


def test_a_session_ends_when_it_is_idle_when_the_day_is_over_and_when_somebody_signs_out(town):
    idle, busy, leaving = town.as_("eva"), town.as_("sam"), town.as_("mei")
    assert leaving.post("/signout").url.path == "/signin"
    assert leaving.get("/").url.path == "/signin"
    for _ in range(13):
        town.later(minutes=55)
        assert busy.get("/").url.path == "/"
    assert idle.get("/").url.path == "/signin"
    town.later(minutes=50)
    assert busy.get("/").url.path == "/signin"


def test_shutting_an_account_ends_its_sessions_at_once(town):
    browser = town.as_("eva")
    with town.sessions.begin() as session:
        staff.disable(session, "eva", by="ada", now=town.now)

    assert browser.get("/").url.path == "/signin"
    with pytest.raises(RefusedError), town.sessions.begin() as session:
        staff.disable(session, "ada", by="ada", now=town.now)


def test_the_token_itself_is_nowhere_in_the_database(town):
    browser = town.as_("eva")
    with town.sessions() as session:
        [opened] = session.exec(select(StaffSessionRow)).all()
    assert browser.cookies[COOKIE] not in opened.model_dump_json()


def test_a_stranger_cannot_be_sent_elsewhere_by_signing_in(town):
    with_password(town)
    for trap in ("https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"):
        answer = town.browser().ask(
            "POST", "/signin", follow=False, data={"login": "eva", "password": PASSWORD, "back": trap}
        )
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "", "origin": "https://evil.test"}, 403),
        ({"sec-fetch-site": "same-origin"}, 303),
    ],
)
def test_what_another_site_makes_a_browser_send_is_refused(town, headers, status):
    browser = town.as_("eva")
    assert browser.ask("POST", "/signout", follow=False, headers=headers).status_code == status


def test_every_answer_carries_the_headers_and_no_page_is_kept(town):
    browser = town.as_("eva")
    for answer in (browser.get("/"), browser.get("/nergens"), town.browser().get("/signin")):
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_body_that_is_too_large_is_refused_unread(town):
    assert town.as_("eva").ask("POST", "/signin", content=b"x" * 2_000_000).status_code == 413


def test_an_account_is_checked_whole_and_nobody_gives_themselves_another_role(town):
    with town.sessions.begin() as session, pytest.raises(FaultsError) as caught:
        staff.add(
            session,
            staff.NewStaff(login="x y", name=" ", roles=["king"], language="fr"),
            staff_id="n",
            by="ada",
            now=town.now,
        )
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["login", "name", "roles", "language"]
    ada = staff.NewStaff(login="ada", name="Ada", roles=["administrator", "approver"])
    with town.sessions.begin() as session, pytest.raises(RefusedError):
        staff.change(session, "ada", ada, by="ada", now=town.now)
