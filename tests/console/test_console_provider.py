"""Signing in at the municipality's own sign-in, over real HTTP: against a mock provider, and against one that lies."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from sqlmodel import select

from bot import console, settings, staff
from bot.console.desk import COOKIE
from bot.console.signin import UNDER_WAY
from bot.errors import SettingsError
from bot.staff import Role
from bot.store.tables import AuditRow, StaffRow, StaffSessionRow
from tests.console import stand_in_provider
from tests.console.conftest import Browser
from tests.console.stand_in_provider import CLIENT, SECRET

ROLES = {"editor": Role.EDITOR, "hr-akkoord": Role.APPROVER}
EVA = "e.devries@gemeente.test"


@pytest.fixture
def provider():
    with stand_in_provider.running() as stand_in:
        yield stand_in


def built(town, issuer, *, claim="roles"):
    made = console.Provider(
        issuer=issuer, client_id=CLIENT, client_secret=SECRET, here="https://console.test", claim=claim, roles=ROLES
    )
    return console.build(replace(town.desk, provider=made))


@pytest.fixture
def app(town, provider):
    return built(town, provider.issuer)


def come_back(browser):
    """Through the provider and back, as a browser goes: the way home is a cross-site navigation."""
    sent = browser.get("/signin/elsewhere?next=/campaigns", follow=False)
    assert sent.status_code == 303, sent.text
    home = httpx.get(sent.headers["location"]).headers["location"]
    return browser.ask(
        "GET", home, follow=False, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    )


def account(town, login=EVA):
    with town.sessions() as session:
        return session.exec(select(StaffRow).where(StaffRow.login == login)).first()


def trail(town):
    with town.sessions() as session:
        return [(row.action, row.detail) for row in session.exec(select(AuditRow).order_by(AuditRow.id))]


def told(answer):
    return re.search('role="alert".*?message">(.*?)</div>', answer.text, re.DOTALL).group(1).strip()


def test_the_first_sign_in_makes_the_account_and_leads_to_where_somebody_wanted_to_be(town, app):
    browser = Browser(app)

    answer = come_back(browser)

    assert answer.headers["location"] == "/campaigns"
    page = browser.get("/campaigns")
    assert page.url.path == "/campaigns"
    assert "Eva de Vries" in page.text
    row = account(town)
    assert (row.name, row.roles, row.language, row.password_hash) == ("Eva de Vries", ["editor"], "nl", None)
    assert ("staff.add", {"roles": ["editor"]}) in trail(town)
    assert ("staff.sign_in", {"means": "provider"}) in trail(town)


def test_what_is_asked_of_the_provider_has_state_nonce_and_pkce_and_differs_each_time(app):
    asked = []
    for _ in range(2):
        sent = Browser(app).get("/signin/elsewhere", follow=False)
        asked.append({name: value[0] for name, value in parse_qs(urlsplit(sent.headers["location"]).query).items()})

    assert asked[0]["code_challenge_method"] == "S256"
    assert asked[0]["redirect_uri"] == "https://console.test/signin/back"
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]


def test_roles_follow_the_claim_at_each_sign_in_and_without_one_nobody_comes_in(town, app, provider):
    browser = Browser(app)
    come_back(browser)
    provider.claims = {"roles": ["hr-akkoord", "something else"]}
    come_back(Browser(app))
    assert account(town).roles == ["approver"]
    assert ("staff.change", {"changed": ["roles"], "roles": ["approver"]}) in trail(town)

    provider.claims = {"roles": ["something else"]}
    refused = come_back(Browser(app))

    assert refused.status_code == 403
    assert "no role" in told(refused)
    assert account(town).roles == []
    with town.sessions() as session:
        assert session.exec(select(StaffSessionRow)).all() == []
    assert browser.get("/").url.path == "/signin"


def test_roles_may_stand_deeper_in_the_token(town, provider):
    provider.claims = {"roles": None, "resource_access": {"handreiking": {"roles": ["editor"]}}}

    come_back(Browser(built(town, provider.issuer, claim="resource_access.handreiking.roles")))

    assert account(town).roles == ["editor"]


def test_a_person_is_found_by_issuer_and_subject_whatever_they_are_called_by_now(town, app, provider):
    come_back(Browser(app))
    provider.claims = {"preferred_username": "e.jansen@gemeente.test", "name": "Eva Jansen"}
    come_back(Browser(app))
    assert account(town, "e.jansen@gemeente.test") is None

    provider.claims = {"sub": "somebody-else"}
    refused = come_back(Browser(app))
    assert refused.status_code == 403
    assert EVA in told(refused)


def test_an_account_that_waited_becomes_theirs_and_one_with_a_password_never(town, app):
    new = staff.NewStaff(login=EVA, name="E. de Vries", roles=["administrator"], team="West")
    with town.sessions.begin() as session:
        staff.add(session, new, staff_id="waiting", by="ada", now=town.now)
    come_back(Browser(app))
    assert (account(town).id, account(town).team, account(town).roles) == ("waiting", "West", ["editor"])

    with town.sessions.begin() as session:
        staff.unlink(session, EVA, by="ada", now=town.now)
        staff.set_password(session, EVA, "een zin die niemand raadt", by="ada", now=town.now)
    assert come_back(Browser(app)).status_code == 403
    assert account(town).subject is None


def test_a_shut_account_stays_shut(town, app):
    come_back(Browser(app))
    with town.sessions.begin() as session:
        staff.disable(session, EVA, by="ada", now=town.now)
    refused = come_back(Browser(app))
    assert refused.status_code == 403
    assert f"{COOKIE}=" not in str(refused.headers)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"nonce": None}, {"aud": "another-client"}, {"aud": ["another-client"], "azp": CLIENT},
        {"aud": None}, {"iss": "https://evil.test"}, {"iss": None}, {"exp": 1_000_000}, {"exp": None}, {"sub": None},
        {"sub": ""}, {"iat": None},
    ],
    ids=str,
)  # fmt: skip
def test_an_id_token_that_is_not_for_us_here_and_now_signs_nobody_in(town, app, provider, claims):
    provider.claims = claims
    refused = come_back(Browser(app))
    assert refused.status_code == 403
    assert account(town) is None


def test_a_signature_by_anybody_else_signs_nobody_in(town, app, provider):
    for sign in (
        stand_in_provider.signed_by(RSAKey.generate_key(2048, {"kid": "one"})),
        stand_in_provider.signed_with_what_everybody_knows(provider.published),
        stand_in_provider.signed_by_nobody,
    ):
        provider.sign = sign
        assert come_back(Browser(app)).status_code == 403
    assert account(town) is None


def test_a_provider_that_changed_its_keys_is_asked_for_the_new_ones(town, app, provider):
    come_back(Browser(app))
    provider.published = RSAKey.generate_key(2048, {"kid": "two"})
    provider.sign = stand_in_provider.signed_by(provider.published)
    assert come_back(Browser(app)).headers.get("location") == "/campaigns"


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(town, app, provider):
    mine, theirs = Browser(app), Browser(app)
    sent = theirs.get("/signin/elsewhere", follow=False)
    home = httpx.get(sent.headers["location"]).headers["location"]

    assert mine.get(home).status_code == 400  # began nothing
    mine.get("/signin/elsewhere", follow=False)
    assert mine.get(home).status_code == 400  # began another one
    town.later(minutes=20)
    assert theirs.get(home).status_code == 400  # too long ago
    assert account(town) is None


def test_the_way_back_works_once(town, app):
    browser = Browser(app)
    sent = browser.get("/signin/elsewhere", follow=False)
    under_way = browser.cookies[UNDER_WAY]
    home = httpx.get(sent.headers["location"]).headers["location"]
    assert browser.get(home, follow=False).status_code == 303
    assert browser.cookies[UNDER_WAY] == ""

    again = Browser(app)
    again.cookies[UNDER_WAY] = under_way
    assert again.get(home, follow=False).status_code == 403


def test_who_says_no_at_the_provider_may_begin_again(app):
    browser = Browser(app)
    sent = browser.get("/signin/elsewhere", follow=False)
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    answer = browser.get(f"/signin/back?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "/signin/elsewhere" in answer.text


@pytest.mark.parametrize("meta", [{"issuer": "https://evil.test"}, {"authorization_endpoint": None}], ids=str)
def test_a_provider_that_is_not_itself_counts_as_down(town, app, provider, meta):
    provider.meta = meta
    assert Browser(app).get("/signin/elsewhere").status_code == 503
    provider.meta = {}
    assert come_back(Browser(built(town, provider.issuer))).status_code == 303


def test_while_the_provider_is_down_a_page_says_so_and_the_password_is_still_there(town, app, provider):
    provider.answers = 500
    answer = Browser(app).get("/signin/elsewhere")
    assert answer.status_code == 503
    assert "does not answer" in told(answer)
    assert 'name="password"' in answer.text

    with town.sessions.begin() as session:
        staff.set_password(session, "ada", "een zin die niemand raadt", by="otto", now=town.now)
    browser = Browser(app)
    assert browser.post("/signin", login="ada", password="een zin die niemand raadt").url.path == "/"
    provider.answers = 200
    assert come_back(Browser(app)).status_code == 303


def test_the_password_stands_behind_a_link_when_there_is_a_sign_in(app):
    page = Browser(app).get("/signin?next=/campaigns")
    assert 'name="password"' not in page.text
    link = re.search('href="(/signin\\?by=password[^"]*)"', page.text).group(1).replace("&amp;", "&")
    assert 'name="password"' in Browser(app).get(link).text


def test_signing_out_leads_on_to_the_provider_and_ends_the_session_here(town, app, provider):
    browser = Browser(app)
    come_back(browser)
    answer = browser.post("/signout")
    onward = answer.headers["refresh"].removeprefix("0; url=")
    asked = parse_qs(urlsplit(onward).query)

    assert onward.startswith(f"{provider.issuer}/logout?")
    assert asked["post_logout_redirect_uri"] == ["https://console.test/signin"]
    assert asked["id_token_hint"][0].count(".") == 2
    assert browser.cookies[COOKIE] == ""
    with town.sessions() as session:
        assert session.exec(select(StaffSessionRow)).all() == []


def test_signing_out_works_when_the_provider_has_no_way_or_is_gone(town, provider):
    provider.meta = {"end_session_endpoint": None}
    app = built(town, provider.issuer)
    browser = Browser(app)
    come_back(browser)
    assert browser.post("/signout").url.path == "/signin"


def test_neither_the_secret_nor_the_verifier_is_readable_in_the_browser(app):
    browser = Browser(app)
    browser.get("/signin/elsewhere", follow=False)
    for value in browser.cookies.values():
        assert SECRET not in value
        assert "verifier" not in value


def test_against_a_mock_provider_of_others(town, free_port):
    """Another implementation than ours on the other side: `oidc-provider-mock`."""
    issuer = f"http://localhost:{free_port}"
    user = '{"sub": "m-1", "preferred_username": "mo@gemeente.test", "name": "Mo", "roles": ["hr-akkoord"]}'
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(free_port)]
    process = subprocess.Popen(
        [*command, "--require-nonce", "true", "--user-claims", user],
        env={**os.environ, "PYTHONWARNINGS": "ignore"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in process.stderr:
            if "running on" in line:
                break
        browser = Browser(built(town, issuer))
        sent = browser.get("/signin/elsewhere?next=/campaigns", follow=False)
        chosen = httpx.post(sent.headers["location"], data={"sub": "m-1"})
        answer = browser.get(chosen.headers["location"], follow=False)
        onward = browser.post("/signout").headers["refresh"].removeprefix("0; url=")
        asked_whether = httpx.get(onward)
    finally:
        process.terminate()
        process.communicate()

    assert answer.headers.get("location") == "/campaigns", answer.text
    assert account(town, "mo@gemeente.test").roles == ["approver"]
    assert "https://console.test/signin" in asked_whether.text


@pytest.fixture
def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def test_the_settings_describe_a_sign_in_whole_or_tell_every_fault(monkeypatch, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3\n")
    right = {
        "OIDC_ISSUER": "https://login.microsoftonline.com/tenant/v2.0", "OIDC_CLIENT_ID": "h",
        "OIDC_CLIENT_SECRET_FILE": str(secret), "CONSOLE_URL": "https://console.test/",
        "OIDC_ROLES": "SG Redactie=editor, a=b=approver",
    }  # fmt: skip
    assert settings.read().sign_in() is None
    for name, value in right.items():
        monkeypatch.setenv(f"HANDREIKING_{name}", value)
    told = settings.read().sign_in()
    assert told["roles"] == {"SG Redactie": Role.EDITOR, "a=b": Role.APPROVER}
    assert (told["client_secret"], told["here"]) == ("s3", "https://console.test")
    console.Provider(**told)

    monkeypatch.setenv("HANDREIKING_OIDC_ISSUER", "http://login.example")
    monkeypatch.setenv("HANDREIKING_OIDC_CLIENT_SECRET", "and another")
    monkeypatch.setenv("HANDREIKING_OIDC_ROLES", "x=king")
    monkeypatch.delenv("HANDREIKING_CONSOLE_URL")
    with pytest.raises(SettingsError) as caught:
        settings.read().sign_in()
    assert [fault.partition(":")[0].split(",")[0].removeprefix("HANDREIKING_") for fault in caught.value.faults] == [
        "OIDC_ISSUER", "OIDC_CLIENT_SECRET", "CONSOLE_URL", "OIDC_ROLES",
    ]  # fmt: skip
    assert "and another" not in str(caught.value)


@pytest.mark.parametrize(
    "issuer",
    ["http://localhost:x@login.example/", "http://127.0.0.1.example", "https://", "https://[x", "ftp://localhost"],
)
def test_an_issuer_to_which_a_secret_would_go_in_the_open_is_refused(monkeypatch, issuer):
    right = {
        "OIDC_CLIENT_ID": "h",
        "OIDC_CLIENT_SECRET": "s",
        "CONSOLE_URL": "http://[::1]:8081",
        "OIDC_ISSUER": issuer,
    }
    for name, value in right.items():
        monkeypatch.setenv(f"HANDREIKING_{name}", value)

    with pytest.raises(SettingsError) as caught:
        settings.read().sign_in()

    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["HANDREIKING_OIDC_ISSUER"]
