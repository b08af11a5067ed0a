"""A console on a real town: people of the staff with a browser of their own, spoken to over ASGI."""

import asyncio
import itertools
import re

import httpx
import pytest

from bot import console, staff
from bot.console.desk import COOKIE
from tests.world import World

PEOPLE = {
    "eva": ["editor"], "sam": ["approver"], "mei": ["contact"], "rik": ["researcher"], "ada": ["administrator"],
    "otto": ["auditor"],
}  # fmt: skip


class Browser:
    """Keeps the cookie, says where its requests come from as a browser does, and follows a redirect when told to."""

    def __init__(self, app):
        self.app = app
        self.cookies = {}
        self.site = "same-origin"

    def ask(self, method, address, *, follow=True, headers=None, **content):
        answer = asyncio.run(self._ask(method, address, headers or {}, content))
        for header in answer.headers.get_list("set-cookie"):
            name, value = re.match(r"([^=]+)=([^;]*)", header).groups()
            self.cookies[name] = value.strip('"')
        if follow and answer.status_code == 303:
            return self.ask("GET", answer.headers["location"])
        return answer

    async def _ask(self, method, address, headers, content):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value)
        said = {"sec-fetch-site": self.site, "accept-language": "en"} | ({"cookie": cookie} if cookie else {}) | headers
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="https://console.test") as client:
            return await client.request(method, address, headers=said, **content)

    def get(self, address, **options):
        return self.ask("GET", address, **options)

    def post(self, address, *, follow=True, **form):
        return self.ask("POST", address, follow=follow, data=form)


class Town(World):
    """The world with a staff; `as_(login)` is the browser of somebody who is signed in."""

    def __init__(self, sessions, wording, vault):
        super().__init__(sessions, wording, vault)
        tokens = itertools.count(1)
        self.desk = console.Desk(
            journey=self.journey, new_token=lambda: f"token-{next(tokens):026d}", people=tuple(PEOPLE)
        )
        with sessions.begin() as session:
            for login, roles in PEOPLE.items():
                new = staff.NewStaff(login=login, name=login.title(), roles=roles, language="en")
                staff.add(session, new, staff_id=login, by="setup", now=self.now)
        self.app = console.build(self.desk)

    def browser(self):
        return Browser(self.app)

    def as_(self, login):
        browser = self.browser()
        answer = browser.post("/signin/demo", login=login)
        assert answer.status_code == 200, answer.text
        assert COOKIE in browser.cookies
        return browser


@pytest.fixture
def town(sessions, wording, vault):
    return Town(sessions, wording, vault)
