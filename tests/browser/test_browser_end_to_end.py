"""Everybody in a browser: two of the staff bring a campaign on its way, a citizen answers, a third writes back."""

import pytest

from tests.browser import stage
from tests.browser.stage import exactly

pytestmark = pytest.mark.browser

CARD, THEME, OLD = "zorgtoeslag", "money", "zorgtoeslag-deadline"
QUESTION = {"nl": "Ik snap de brief niet. Kunt u helpen?", "en": "I do not understand the letter. Can you help?"}
REPLY = {"nl": "Welke brief bedoelt u?", "en": "Which letter do you mean?"}
TITLE = {"nl": "Zorgtoeslag voor het einde van het jaar", "en": "Healthcare allowance before the year ends"}


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with stage.running(tmp_path_factory.mktemp("demo")) as running:
        yield running


class Desk:
    """A tab of one of the staff, in one of the console's languages."""

    def __init__(self, browser, town, login, language):
        self.town, self.language = town, language
        self.page = browser.new_context(locale=language).new_page()
        self.page.set_default_timeout(30_000)
        self.go("/signin")
        self.page.locator(f"form:has(input[value={login}]) button").click()
        self.go("/profile")
        self.page.select_option("#language", language)
        self.page.locator("form[action='/profile'] button").click()
        self.page.get_by_role("status").wait_for()
        assert self.page.locator("html").get_attribute("lang") == language

    def go(self, address):
        self.page.goto(self.town.console + address)

    def word(self, sentence, **values):
        return self.town.word(sentence, self.language, **values)

    def button(self, sentence):
        self.page.locator("main").get_by_role("button", name=exactly(self.word(sentence))).first.click()

    def link(self, sentence):
        self.page.get_by_role("link", name=exactly(self.word(sentence))).first.click()

    def reads(self, sentence, **values):
        self.page.get_by_text(self.word(sentence, **values)).first.wait_for()

    def stands(self, state):
        """The campaign's mark says so; its word alone may stand in a heading before it is true ("Hoe het loopt")."""
        self.page.locator(".utrecht-badge-status").get_by_text(exactly(self.word(state))).first.wait_for()


class Phone:
    """A tab of a citizen's chat, in one of the bot's languages."""

    def __init__(self, browser, town, user, name, language):
        self.town, self.language = town, language
        self.page = browser.new_context().new_page()
        self.page.set_default_timeout(30_000)
        self.page.goto(f"{town.chat}?user={user}&lang={language}&name={name}")
        self.log = self.page.locator("#log")

    def said(self, key, **values):
        return self.town.said(key, self.language, **values)

    def press(self, key):
        self.log.get_by_role("button", name=exactly(self.said(f"button.{key}"))).last.click()

    def reads(self, text):
        self.log.get_by_text(text).last.wait_for()

    def types(self, text):
        self.page.locator("#text").fill(text)
        self.page.keyboard.press("Enter")

    def joins(self, *themes):
        self.page.locator("#start").click()
        self.press(f"l.{self.language}")
        self.press("w.yes")
        for theme in self.town.wording.themes:
            self.reads(self.said(f"theme.{theme}"))
            self.press("t.yes" if theme in themes else "t.no")
        self.log.get_by_role("button", name=exactly(self.said("button.s.menu"))).wait_for()


@pytest.mark.parametrize(("language", "user", "name"), [("nl", 111, "Anna"), ("en", 222, "John")])
def test_a_campaign_reaches_somebody_who_asks_for_contact_and_is_answered(browser, town, language, user, name):
    phone = Phone(browser, town, user, name, language)
    phone.joins(THEME)
    sam = Desk(browser, town, "sam", language)
    eva = Desk(browser, town, "eva", language)
    mei = Desk(browser, town, "mei", language)

    stop_what_runs_about(sam, CARD)
    campaign = write(eva, TITLE[language])
    approve(sam, TITLE[language])
    eva.go(f"/campaigns/{campaign}")
    eva.button("Start")
    eva.stands("running")

    title = phone.said(f"card.{CARD}.name")
    phone.page.locator("#examples").get_by_role("button", name=title).first.click()
    phone.press("contact")
    phone.press("c.chat")
    phone.press("c.any")
    phone.reads(phone.said("contact.early"))
    phone.types(QUESTION[language])

    mei.go("/contact?tab=free")
    mei.page.locator("tbody form button").first.click()
    mei.page.get_by_text(QUESTION[language]).first.wait_for()
    mei.page.fill("#text", REPLY[language])
    mei.button("Send")
    phone.reads(REPLY[language])
    phone.reads("Mei")

    eva.go(f"/campaigns/{campaign}")
    eva.page.locator("#progress .number").first.wait_for()
    assert eva.page.locator("#progress .number").first.inner_text() == "1"


def stop_what_runs_about(desk, card):
    """One campaign at a time is enough about one service: the newest that runs is stopped for good."""
    desk.go(f"/campaigns?name={card}&state=running")
    while desk.page.locator("tbody th a").count():
        desk.page.locator("tbody th a").first.click()
        desk.link("Stop for good…")
        desk.button("Stop for good")
        desk.stands("stopped")
        desk.go(f"/campaigns?name={card}&state=running")


def write(desk, title):
    """From nothing to handed over; gives the campaign's short name."""
    desk.go("/campaigns")
    desk.link("New campaign")
    desk.page.fill("#title", title)
    desk.page.select_option("#card", CARD)
    desk.button("Begin")
    desk.button("Save and go on")
    for language in ("nl", "en"):
        desk.page.check(f"#languages-{language}")
    desk.page.check("input[name=signals][value='nl.kalenders.aanvraagtermijn-nadert.v1']")
    desk.button("Save and go on")
    desk.page.locator("input[name=variants]").first.check()
    desk.button("Save and go on")
    desk.page.locator("#numbers .number").wait_for()  # it counts by itself
    desk.link("Go on")
    desk.page.check("#when-signal")
    desk.page.fill("#first", "2026-11-01")
    desk.page.fill("#until", "2027-01-31")
    desk.page.fill("#hourly_maximum", "100")
    desk.button("Save, finish and hand over for approval")
    desk.reads("Take it back")
    return desk.page.url.split("/campaigns/")[1].split("?")[0]


def approve(desk, title):
    """Found on the home page, read, and approved."""
    desk.go("/")
    desk.page.get_by_role("link", name=title).first.click()
    if "/approve" not in desk.page.url:
        desk.link("Look at it and decide")
    desk.button("Approve")
    desk.stands("approved")
