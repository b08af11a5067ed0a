"""What the pages are made of, and who may see them."""

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import Annotated, Any, Final, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console.pages import Pages
from bot.console.provider import Provider
from bot.errors import RefusedError
from bot.journey import Journey
from bot.staff import SEEN, May, SignedIn, seen, signed_in
from bot.store import ledger

COOKIE: Final = "__Host-handreiking"
#: Of an address to come back to, in letters.
LONGEST_WAY_BACK: Final = 500


class Finding(Protocol):
    """Something that is not as it should be, as `handreiking doctor` tells it."""

    @property
    def urgency(self) -> IntEnum: ...
    @property
    def what(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def todo(self) -> str: ...
    @property
    def since(self) -> datetime | None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What is set from outside: its name, what it is, and its value as it may be shown; None: not set."""

    name: str
    means: str
    value: str | None
    is_set: bool
    is_secret: bool


class NotSignedIn(Exception):  # noqa: N818 - a way to another page, not an error
    """Whoever asks must sign in first."""


class NotAllowed(Exception):  # noqa: N818
    """Whoever asks has no role that may do this."""


class NotSecured(Exception):  # noqa: N818
    """Whoever asks has to set up a second factor first."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """`new_token` gives 32 random bytes as text; `people` are the logins whom anybody may step into (the demo only).

    `provider` is the municipality's own sign-in. With `second_factor`, whoever comes in with a password needs one.
    `rate_per_s`: the most messages a second over all chats.
    `settings` and `look` are for the pages of administration; without them these say that they do not know.
    """

    journey: Journey
    new_token: Callable[[], str] = field(repr=False)
    pages: Pages = field(default_factory=Pages)
    people: Collection[str] = ()
    provider: Provider | None = None
    second_factor: bool = False
    rate_per_s: float = 30.0
    pick: Callable[[str], str] = secrets.choice  # one character at random, of which nobody foretells the next
    settings: Sequence[Setting] = ()
    look: Callable[[], Sequence[Finding]] | None = None  # what is wrong, at a glance; it asks the database

    @property
    def now(self) -> datetime:
        return self.journey.clock()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.journey.wording.municipality.zone)

    @property
    def today(self) -> date:
        """The day on the municipality's calendar."""
        return self.now.astimezone(self.zone).date()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with ledger.reading(self.journey.sessions) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.journey.sessions.begin() as session:
            yield session

    def who(self, request: Request) -> SignedIn | None:
        """Who is at the other end; None: nobody signed in."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        now = self.now
        with self.reading() as session:
            somebody = signed_in(session, token, now)
        if somebody is not None and now - somebody.seen_at >= SEEN:
            with self.writing() as session:
                seen(session, token, now)
        return somebody

    def say(self, request: Request) -> Callable[[str], str]:
        """What puts an English sentence into the language of whoever looks."""
        return self.pages.translate(self._language(request))

    def told(self, request: Request, error: RefusedError) -> str:
        """A refusal in the language of whoever looks."""
        return self.pages.told(self._language(request), error)

    def page(self, request: Request, template: str, *, status: int = 200, **said: Any) -> HTMLResponse:
        """The template filled in, in the language of whoever looks."""
        with self.reading() as session:
            paused = ledger.mark(session, "pause_nudges")
        html = self.pages.render(
            template,
            self._language(request),
            me=_somebody(request),
            May=May,
            path=request.url.path,
            done=request.query_params.get("done"),
            paused=paused,
            municipality=self.journey.wording.municipality.name,
            zone=self.zone,
            now=self.now,
            **said,
        )
        return HTMLResponse(html, status_code=status)

    def _language(self, request: Request) -> str:
        somebody = _somebody(request)
        return somebody.language if somebody else self.pages.language(request)


def _somebody(request: Request) -> SignedIn | None:
    """Who came through a gate; None: the page has none, or it is shown to somebody who did not."""
    return getattr(request.state, "somebody", None)


def allowed(what: May, *, setting_up: bool = False) -> Any:
    """For a route: lets in who may do this, and gives them to it; `setting_up`: also who lacks a second factor."""
    return Depends(Gate(what, setting_up=setting_up))


class Gate:
    """Declared at each route, and found there by a test that walks all of them."""

    def __init__(self, what: May, *, setting_up: bool = False) -> None:
        self.what, self._setting_up = what, setting_up

    def __call__(self, request: Request) -> SignedIn:
        desk: Desk = request.app.state.desk
        somebody = desk.who(request)
        if somebody is None:
            raise NotSignedIn
        request.state.somebody = somebody
        if desk.second_factor and somebody.by_password_alone and not self._setting_up:
            raise NotSecured
        if not somebody.may(self.what):
            raise NotAllowed
        return somebody


async def _filled(request: Request) -> FormData:
    return await request.form()


#: A whole form, where the names of its fields depend on what the municipality wrote.
Filled = Annotated[FormData, Depends(_filled)]


def query_of(filters: Any) -> str:
    """What was filled in of these filters, a dataclass of texts, as it stands in an address."""
    return urlencode({name: value for name, value in asdict(filters).items() if value})


def inside(url: str) -> str:
    """A page of ours, whatever a form or an address says."""
    return url if url.startswith("/") and not url.startswith(("//", "/\\")) else "/"


def go_to(url: str, done: str | None = None) -> Response:
    """After something was done: to the page that shows it, with a line that says so."""
    mark = "" if done is None else f"{'&' if '?' in url else '?'}done={done}"
    return RedirectResponse(url + mark, status_code=303)
