"""What comes out of the printer."""

import base64

import pytest
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import staff
from bot.console.desk import COOKIE
from bot.store import schema
from bot.store.vault import Vault
from tests.answered import WEEK, Answered
from tests.browser.served import served
from tests.console.conftest import Town

pytestmark = pytest.mark.browser
CAMPAIGN = "zorgtoeslag-deadline"
TOKEN = "printed-000000000000000000"


@pytest.fixture(scope="module")
def answered(tmp_path_factory, wording):
    """The address of a console in whose town forty people answered; Rik is signed in by the cookie."""
    engine = schema.open_engine(f"sqlite:///{tmp_path_factory.mktemp('print') / 'town.db'}")
    schema.migrate(engine)
    vault = Vault([base64.urlsafe_b64encode(b"the tests' own key of 32 bytes!!")], b"f" * 32)
    town = Town(sessionmaker(engine, class_=Session, expire_on_commit=False), wording, vault)
    town.campaign(CAMPAIGN)
    year = Answered(town.sessions, wording, vault, town.now)
    for number in range(40):
        tone = "warm" if number % 4 < 2 else "neutral"
        said = [("more", 1)] if number % 2 else []
        year.decided(year.person(), CAMPAIGN, town.now - 4 * WEEK, tone=tone, answers=said)
    year.flush()
    with town.sessions.begin() as session:
        staff.open_session(session, staff.known_as(session, "rik"), TOKEN, town.now, means=staff.Means.DEMO)
    with served(town.app) as address:
        yield address
    engine.dispose()


def test_a_page_of_research_on_paper_has_its_numbers_and_nothing_to_press(browser, answered):
    context = browser.new_context()
    cookie = {"name": COOKIE, "value": TOKEN, "secure": True, "httpOnly": True, "sameSite": "Lax"}
    context.add_cookies([cookie | {"url": answered.replace("http:", "https:")}])
    page = context.new_page()
    page.goto(f"{answered}/research/tones")
    tables = page.locator("main table")
    shown = "all => all.map(one => one.checkVisibility())"
    assert False in tables.evaluate_all(shown)  # one is folded on the screen

    page.emulate_media(media="print")

    for pressed in (".tabs", ".filters", "main button"):
        assert page.locator(pressed).count()
        assert not page.locator(f"{pressed}:visible").count()
    assert set(tables.evaluate_all(shown)) == {True}
    ways = page.locator(".scroll").evaluate_all("all => all.map(one => getComputedStyle(one).overflowX)")
    assert set(ways) == {"visible"}
    context.close()
