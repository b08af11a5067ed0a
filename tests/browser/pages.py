"""Every page there is, found as somebody finds it: from home, along the links, as each of the staff."""

import re
from collections import deque
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx
from starlette.routing import Match

from bot.console.desk import COOKIE
from tests.console.conftest import PEOPLE

#: Addresses of pages to which no link leads, with whoever may see them; None: nobody who is signed in.
UNLINKED = (
    (None, "/signin"), (None, "/signin?done=signed_out"), (None, "/accessibility"),
    ("eva", "/nothing-here"), ("eva", "/campaigns?name=there+is+none"), ("eva", "/campaigns?state=running&done=saved"),
    ("eva", "/profile/password"), ("mei", "/profile/second-factor"), ("ada", "/profile/second-factor"),
    ("ada", "/profile/password"), ("mei", "/campaigns"),
)  # fmt: skip
#: Routes that answer a browser and are no pages; each with the reason. All others must be found.
NO_PAGES = {
    "/static/{name}": "style sheets, scripts and fonts",
    "/signin/elsewhere": "leads to the municipality's sign-in",
    "/signin/back": "leads back from it",
}
#: How many addresses of one route are looked at: pages that differ much by what they show.
LOOKS = {"/": 6, "/campaigns/{campaign}": 5}
USUALLY = 2


@dataclass
class Found:
    """`pages` are whole pages as (who, address); `routes` are all that answered, files and fragments among them."""

    pages: list[tuple[str | None, str]] = field(default_factory=list)
    routes: set[str] = field(default_factory=set)


def found(town):
    """Walk the console as each person. Only GET: nothing is changed by looking."""
    seen = Found()
    counts: dict[str, int] = {}
    for login in (*PEOPLE, None):
        cookie = {} if login is None else {"cookie": f"{COOKIE}={town.token(login)}"}
        queue = deque(address for who, address in UNLINKED if who == login)
        if login is not None:
            queue.appendleft("/")
        with httpx.Client(base_url=town.address, timeout=60, headers={"accept-language": "nl"} | cookie) as client:
            _walk(town.app, client, login, queue, seen, counts)
    return seen


def _walk(app, client, login, queue, seen, counts):
    visited, mine = set(), {}
    asked = {address for who, address in UNLINKED if who == login}
    while queue:
        address = queue.popleft()
        route = path_of(app, address) or "none"
        if address in visited or (mine.get(route, 0) >= _looks(route) and address not in asked):
            continue
        visited.add(address)
        answer = client.get(address)
        if answer.status_code == 303:
            queue.append(answer.headers["location"])
            continue
        if answer.status_code == 403 and address not in asked:
            continue
        seen.routes.add(route)
        mine[route] = mine.get(route, 0) + 1
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        is_whole = answer.text.lstrip().lower().startswith("<!doctype")
        if is_whole and (counts.get(route, 0) < _looks(route) or address in asked):
            counts[route] = counts.get(route, 0) + 1
            seen.pages.append((login, address))
        for link in re.findall(r'(?:href|hx-get)="([^"]+)"', answer.text):
            there = urlsplit(urljoin(address, unescape(link)))
            if not there.netloc and not there.path.startswith("/static/"):
                queue.append(there._replace(fragment="").geturl())


def _looks(route):
    return LOOKS.get(route, USUALLY)


def path_of(app, address):
    """The route that answers a GET of this address; None when none does."""
    scope = {"type": "http", "method": "GET", "path": urlsplit(address).path, "headers": [], "root_path": ""}
    return next((route.path for route in app.routes if route.matches(scope)[0] is Match.FULL), None)


def expected(app):
    return {route.path for route in app.routes if "GET" in (route.methods or ())} - NO_PAGES.keys()
