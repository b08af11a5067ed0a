"""What a difference would take with the town's own numbers, before anybody hopes to see it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from bot.console.desk import Desk, allowed
from bot.console.research_count import Counted
from bot.console.research_pages import PAGES
from bot.console.words import N_
from bot.staff import May, SignedIn

#: What is supposed of a town that has too few answers yet (learning.md 0).
RATE, A_YEAR, POINTS, ARMS = 15.0, 2_400, 5.0, 2
MOST_MESSAGES: Final = 100_000_000
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}([.,][0-9]{3})+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """As somebody filled it in; empty: the town's own, or the usual."""

    points: str = ""
    rate: str = ""
    messages: str = ""
    drawn: str = "message"
    arms: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What was filled in, as numbers; points and rate are shares."""

    points: float
    rate: float
    messages: int
    arms: int


def add(router: APIRouter, desk: Desk, counted: Counted) -> None:
    @router.get("/power")
    def power(
        request: Request, _: Annotated[SignedIn, allowed(May.RESEARCH)], asked: Annotated[Asked, Depends(_asked)]
    ) -> Response:
        from bot.research.figures import planned  # noqa: PLC0415 - numbers that only this page needs

        own = planned.own(counted.now().data)
        read, faults = _read(asked, None if own is None else own.rate, None if own is None else own.a_year)
        drawn: planned.DrawnFor = "person" if asked.drawn == "person" else "message"
        # What a town knows of how its people's answers go together holds for its own rate and pace.
        town = None if own is None else own.town
        rows, seen = [], None
        if read is not None:
            wanted = sorted({read.points, *planned.USUAL})
            rows = [
                planned.needed(read.rate, points, a_year=read.messages, arms=read.arms, drawn_for=drawn, town=town)
                for points in wanted
                if _fits(read.rate, points)
            ]
            seen = planned.seen_in_a_year(read.rate, a_year=read.messages, arms=read.arms, drawn_for=drawn, town=town)
        return desk.page(
            request,
            "research_power.html",
            status=422 if faults else 200,
            asked=asked,
            read=read,
            faults=faults,
            own=own,
            rows=rows,
            answer=next((row for row in rows if read is not None and row.difference == read.points), None),
            seen=seen,
            drawn=drawn,
            pages=PAGES,
        )


def _asked(points: str = "", rate: str = "", messages: str = "", drawn: str = "message", arms: str = "") -> Asked:
    return Asked(points=points[:20], rate=rate[:20], messages=messages[:20], drawn=drawn[:20], arms=arms[:20])


def digits(typed: str) -> str:
    """A whole number as it was typed, without the marks of its thousands: 1.000 and 1,000 are a thousand both."""
    written = "".join(typed.split())
    return re.sub("[.,]", "", written) if _THOUSANDS.fullmatch(written) else written


def _fits(rate: float, points: float) -> bool:
    return rate - points > 0 or rate + points < 1


def _read(asked: Asked, rate: float | None, a_year: int | None) -> tuple[Read | None, list[str]]:
    """What was filled in, and all that is wrong with it."""
    faults: list[str] = []

    def number(typed: str, usual: float, fits: Callable[[float], bool], fault: str) -> float:
        try:
            value = float(typed.replace(" ", "").replace(",", ".")) if typed.strip() else usual
        except ValueError:
            value = float("nan")
        if not fits(value):
            faults.append(fault)
        return value

    points = number(asked.points, POINTS, lambda x: 0.1 <= x < 100,
                    N_("A difference is a number of points from 0.1 to 99, such as 5."))  # fmt: skip
    share = number(asked.rate, RATE if rate is None else 100 * rate, lambda x: 0.1 <= x <= 99.9,
                   N_("A share is a percentage from 0.1 to 99.9, such as 15."))  # fmt: skip
    messages = number(digits(asked.messages), A_YEAR if a_year is None else a_year,
                      lambda x: 1 <= x <= MOST_MESSAGES and x == int(x),
                      N_("Messages a year are a whole number from 1 on, such as 2400."))  # fmt: skip
    arms = number(asked.arms, ARMS, lambda x: x in {2, 3}, N_("Choose two or three groups."))
    if asked.drawn not in {"message", "person"}:
        faults.append(N_("Choose what is drawn by lot: each message, or each person once."))
    if not faults and not _fits(share / 100, points / 100):
        faults.append(N_("Such a difference leaves no share between 0 and 100 percent. Choose a smaller one."))
    if faults:
        return None, faults
    return Read(points=points / 100, rate=share / 100, messages=round(messages), arms=int(arms)), []
