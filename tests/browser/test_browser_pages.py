"""Every page and every state in a real browser: for a keyboard, a screen reader, a narrow screen, high contrast."""

import pytest

from bot.console.desk import COOKIE
from tests.browser import look, pages
from tests.console.conftest import PEOPLE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def walked(town):
    return pages.found(town)


def opened(new_context, town, login):
    """A tab of somebody who is signed in, in a browser that was never here before."""
    context = new_context()
    if login is not None:
        cookie = {"name": COOKIE, "value": town.token(login), "secure": True, "httpOnly": True, "sameSite": "Lax"}
        context.add_cookies([cookie | {"url": town.address.replace("http:", "https:")}])
    return context.new_page()


def test_the_walk_found_every_page_there_is(town, walked):
    """A page that nobody finds from home is either forgotten or named here with its reason."""
    assert pages.expected(town.app) - walked.routes == set()
    assert set(pages.NO_PAGES) >= {"/static/{name}"}
    assert {login for login, _ in walked.pages} == {*PEOPLE, None}


@pytest.mark.parametrize("login", [*PEOPLE, None], ids=str)
def test_each_page_works_for_everybody(new_context, town, walked, login):
    page = opened(new_context, town, login)
    watch = look.Watch(page, town.address)
    problems = []
    for who, address in walked.pages:
        if who != login:
            continue
        page.goto(town.address + address)
        watch.problems += [f"signed out at {address}"] * (login is not None and page.url.startswith("/signin"))
        problems += [f"{address}: {told}" for told in look.judged(page)]
        problems += [f"{address}: {told}" for told in watch.problems]
        watch.problems.clear()
    assert problems == []


BROKEN = """<!doctype html><html><title></title><body><h1>One</h1><h1>Two</h1><img src="https://elsewhere.test/x.png">
<p style="color: #999; background: #aaa">Hard to read</p><div style="width: 900px">wide</div>
<a href="#a" style="outline: none">no focus</a><button onfocus="1">b</button>
<div inert><a href="#b">skipped</a></div><a href="#c">there</a></body></html>"""


def test_what_is_wrong_with_a_page_is_noticed(new_context, town):
    page = new_context().new_page()
    watch = look.Watch(page, town.address)
    page.route(
        "**/broken",
        lambda route: route.fulfill(
            body=BROKEN, content_type="text/html", headers={"content-security-policy": "script-src 'self'"}
        ),
    )
    page.route("https://elsewhere.test/*", lambda route: route.abort())
    page.goto(f"{town.address}/broken")
    told = "\n".join([*look.judged(page), *watch.problems])

    for expected in (
        "2 main headings", "no title", "axe, forced colours none: color-contrast", "image-alt", "html-has-lang",
        "on a screen of 320", "no focus to be seen on 'no focus'", "Tab does not reach ['skipped']",
        "asked elsewhere.test", "CSP: ",
    ):  # fmt: skip
        assert expected in told, (expected, told)


@pytest.mark.parametrize("login", ["eva", "mei", "ada"])
def test_the_first_load_is_small_and_every_other_one_is_smaller(new_context, town, walked, login):
    page = opened(new_context, town, login)
    watch = look.Watch(page, town.address)
    mine = [address for who, address in walked.pages if who == login]
    page.goto(town.address + mine[0], wait_until="networkidle")
    assert 5_000 < watch.bytes <= look.FIRST_LOAD
    heavy = {}
    for address in mine[1:]:
        watch.bytes = 0
        page.goto(town.address + address)
        if watch.bytes > look.REPEAT and not address.startswith(tuple(look.LONG)):
            heavy[address] = watch.bytes
    assert heavy == {}
