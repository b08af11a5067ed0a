"""What a page shows after something was done or went wrong; and that all of it works without JavaScript."""

from contextlib import ExitStack
from dataclasses import replace

import pyotp
import pytest

from bot import console
from bot.staff import Role
from tests.browser import look
from tests.browser.served import served
from tests.browser.test_browser_pages import opened
from tests.console import stand_in_provider
from tests.console.stand_in_provider import CLIENT, SECRET

pytestmark = pytest.mark.browser

SEND = """action => {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = action;
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="module")
def elsewhere(town):
    """The same console with a sign-in of the municipality."""
    with ExitStack() as stack:
        stand_in = stack.enter_context(stand_in_provider.running())
        here = "http://localhost"
        provider = console.Provider(
            issuer=stand_in.issuer, client_id=CLIENT, client_secret=SECRET, here=here, claim="roles",
            roles={"editor": Role.EDITOR},
        )  # fmt: skip
        app = console.build(replace(town.desk, provider=provider, people=()))
        stand_in.console = provider.here = stack.enter_context(served(app))
        yield stand_in


def sign_in_wrongly(page, town):
    page.goto(f"{town.address}/signin")
    page.fill("#login", "ada")
    page.fill("#password", "geraden")
    page.locator("main form:has(#password) button").click()
    page.get_by_role("alert").wait_for()


def be_refused(page, town):
    """Start what was stopped for good, from a page that was left open."""
    page.goto(f"{town.address}/campaigns")
    page.evaluate(SEND, f"/campaigns/{town.stopped}/start")
    page.wait_for_url("**/start")


def ask_whether_to_stop(page, town):
    page.goto(f"{town.address}/campaigns/zorgtoeslag-deadline")
    page.locator("a[href$='/stop']").click()
    page.locator("form[action$='/stop']").wait_for()


def mistype_the_new_password(page, town):
    page.goto(f"{town.address}/profile/password")
    for name, text in {"password": "geraden", "new": "x" * 12, "again": "y" * 12}.items():
        page.fill(f"#{name}", text)
    page.locator("main form button").click()
    page.get_by_role("alert").wait_for()


def mistype_the_code(page, town):
    page.goto(f"{town.address}/profile/second-factor")
    page.fill("#code", "000000")
    page.locator("main form button").click()
    page.get_by_role("alert").wait_for()


def set_up_a_second_factor(page, town):
    page.goto(f"{town.address}/profile/second-factor")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.fill("#code", pyotp.TOTP(secret).at(town.now))
    page.locator("main form button").click()
    page.locator(".codes").wait_for()


def look_at_the_second_factor(page, town):
    page.goto(f"{town.address}/profile/second-factor")
    page.locator("#password").wait_for()


def pause_everything(page, town):
    page.goto(town.address)
    page.fill("#because", "een fout in de brief")
    page.locator("main form[action='/halt'] button").click()
    page.locator(".utrecht-alert--warning").wait_for()


#: In this order: the later ones come after what the earlier ones did.
STATES = {
    "a wrong password": (None, sign_in_wrongly),
    "an action that cannot be done now": ("eva", be_refused),
    "a question before stopping for good": ("eva", ask_whether_to_stop),
    "a new password that differs": ("ada", mistype_the_new_password),
    "a wrong code": ("ada", mistype_the_code),
    "recovery codes": ("ada", set_up_a_second_factor),
    "a second factor to be removed": ("ada", look_at_the_second_factor),
    "all messages paused": ("sam", pause_everything),
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_works_for_everybody(new_context, town, state):
    login, reach = STATES[state]
    page = opened(new_context, town, login)
    watch = look.Watch(page, town.address)
    reach(page, town)
    assert [*look.judged(page), *watch.problems] == []


def test_signing_in_elsewhere_in_a_browser_and_what_it_says_when_that_fails(browser, town, elsewhere):
    page = browser.new_context(locale="en-GB").new_page()
    watch = look.Watch(page, elsewhere.console)
    problems = []
    for address in ("/signin?next=/campaigns", "/signin?by=password", "/signin/back?code=x&state=y"):
        page.goto(elsewhere.console + address)
        problems += [f"{address}: {told}" for told in [*look.judged(page), *watch.problems]]
    assert problems == []

    page.goto(f"{elsewhere.console}/campaigns")
    page.get_by_role("link", name="Sign in with your municipality account").click()
    page.wait_for_url(f"{elsewhere.console}/campaigns")  # the cookie came along from another site's redirect
    page.get_by_role("button", name="Uitloggen").click()
    page.wait_for_url(f"{elsewhere.console}/signin?state=*")  # by way of the provider
    assert [path for path, _ in elsewhere.asked][-1] == "/logout"

    elsewhere.claims = {"roles": []}
    page.get_by_role("link", name="Sign in with your municipality account").click()
    page.get_by_role("alert").get_by_text("no role").wait_for()
    watch.problems.clear()  # it was at the provider
    assert look.judged(page) == []


def test_the_main_things_work_without_javascript(new_context, town):
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{town.address}/signin")
    page.locator("form:has(input[value=eva]) button").click()
    page.goto(f"{town.address}/campaigns")
    page.select_option("#state", "running")
    page.locator("form[role=search] button").click()
    page.locator("tbody a").first.click()
    page.fill("#because", "even kijken")
    page.locator("form[action$='/pause'] button").click()
    page.locator("form[action$='/start'] button").click()
    page.locator("form[action$='/pause']").wait_for()
    page.locator("a[href$='/stop']").click()
    assert page.locator("form[action$='/stop'] button:visible").count() == 1
    page.goto(f"{town.address}/profile")
    page.select_option("#language", "en")
    page.locator("form[action='/profile'] button").click()
    page.get_by_role("heading", name="Your account").wait_for()
    page.select_option("#language", "nl")
    page.locator("form[action='/profile'] button").click()
    page.locator("form[action='/signout'] button").first.click()
    page.wait_for_url("**/signin?done=signed_out")
