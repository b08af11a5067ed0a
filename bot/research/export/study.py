"""Who is in an export and what may be told of them: the part that has to be known before the first row is written."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlmodel import Session

from bot.core import disclosure
from bot.core.disclosure import Coarsening
from bot.errors import RefusedError
from bot.store import study
from bot.store.study import Participant
from bot.wording import Wording

#: So many decision points of one person are told: their first ones in the period. Who has many more would stand out.
MOST_ROWS: Final = 200
OTHER: Final = "other"

LADDER: Final = (
    Coarsening(column="language", says="languages that few people share became “other”",
               of=disclosure.rare_to(OTHER)),
    Coarsening(column="prefers", says="tones that few people chose became “other”", of=disclosure.rare_to(OTHER)),
    Coarsening(column="enrolment_quarter", says="the quarter of joining became the year",
               of=disclosure.each(lambda quarter: str(quarter)[:4])),
    Coarsening(column="prefers", says="the tone that people chose is not told", of=disclosure.all_to(None)),
    Coarsening(column="enrolment_quarter", says="when people joined is not told", of=disclosure.all_to(None)),
    Coarsening(column="language", says="people's language is not told", of=disclosure.all_to(None)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Numbers:
    """Opaque numbers for one export: HMAC-SHA256 with a key that nobody keeps, cut to 64 bits."""

    key: bytes

    def of(self, kind: str, name: object) -> str:
        return hmac.new(self.key, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Whole ISO weeks in UTC: from `since` up to, not including, `until`; None: open.

    Days would tell more than weeks: two exports that differ by a day tell what happened on it.
    """

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None) -> "Period":
        """The weeks that the two moments lie in, both included."""
        return cls(
            since=None if since is None else _monday(since),
            until=None if until is None else _monday(until) + timedelta(weeks=1),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody as an export tells of them. `told` are language, prefers and enrolment_quarter after coarsening."""

    id: str
    pid: str
    holdout: bool
    told: Mapping[str, str | None]
    exit: tuple[datetime, str] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Everybody in an export, in the order of their numbers, and what was done so that nobody stands out."""

    people: tuple[Person, ...]
    participants: int
    coarsened: tuple[str, ...]
    left_out: int
    k: int


def week(moment: datetime) -> str:
    """The ISO week in UTC, such as 2026-W48."""
    year, number, _ = moment.astimezone(UTC).isocalendar()
    return f"{year}-W{number:02}"


def municipality_id(wording: Wording) -> str:
    """The host of the municipality's site: short, and nobody else's."""
    return str(wording.municipality.website.host)


def scope(session: Session, numbers: Numbers, now: datetime, *, k: int = disclosure.K) -> Scope:
    """Who may be in an export.

    Raises RefusedError when so few people agreed that each of them could be told apart.
    """
    found = study.people(session, now)
    if len(found) < k:
        raise RefusedError(
            "Fewer than {least} people agreed to research by now. A file is made from {least} people on, so that "
            "nobody can be recognised in it.",
            least=k,
        )
    protected = disclosure.protect([_known(person) for person in found], LADDER, k=k)
    exits = study.exits(session, now)
    people = [
        Person(
            id=person.id,
            pid=numbers.of("citizen", person.id),
            holdout=person.holdout,
            told={name: None if value is None else str(value) for name, value in told.items()},
            exit=exits.get(person.id),
        )
        for person, told in zip(found, protected.rows, strict=True)
        if told is not None
    ]
    return Scope(
        people=tuple(sorted(people, key=lambda person: person.pid)),
        participants=len(found),
        coarsened=protected.coarsened,
        left_out=protected.left_out,
        k=k,
    )


def _known(person: Participant) -> dict[str, str | None]:
    joined = person.joined_at.astimezone(UTC)
    return {
        "language": person.language,
        "prefers": person.tone or "none",
        "enrolment_quarter": f"{joined.year}-Q{(joined.month + 2) // 3}",
    }


def _monday(moment: datetime) -> datetime:
    at = moment.astimezone(UTC)
    return (at - timedelta(days=at.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
