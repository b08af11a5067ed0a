"""The desk at which a signal is handed in: what it may say, checked whole, and all that is wrong told at once.

The rules are those of the NL GOV profile for CloudEvents 1.1 and our own: nothing sensitive in the attributes, and in
the data only fields that we know. What is wrong is named; what it said is shown only where it cannot be personal.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeGuard

from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import OPTIONAL_ATTRIBUTES, REQUIRED_ATTRIBUTES, CloudEvent

from bot.core.facts import Card, Origin

#: Reverse domain, the domain in front, one version at the end (NL GOV profile, `type`).
TYPE: Final = re.compile(r"nl(\.[a-z0-9]+(-[a-z0-9]+)*)+\.v[1-9][0-9]{0,3}")
#: An opaque reference, as a municipality writes it on a letter or keeps it in its own system.
REFERENCE: Final = re.compile(r"[A-Za-z0-9_.~:-]{4,128}")
CARD: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")
TEAM_LENGTH: Final = 80
DATA_FIELDS: Final = ("deelnemer", "kaart", "team", "instemming", "gebeurtenisOp", "uiterlijk")

_FIELDS = frozenset(DATA_FIELDS)
_NAMES = frozenset({*REQUIRED_ATTRIBUTES, *OPTIONAL_ATTRIBUTES} - {"subject"})

_ID = re.compile(r"[!-~]{1,200}")
_NAME = re.compile(r"[a-z0-9]{1,20}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_JSON_TYPE = re.compile(r"(application|text)/([a-z0-9.-]+\+)?json", re.IGNORECASE)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_EARLIEST_DAY = _EARLIEST.date()
_AHEAD = timedelta(days=1)
_FURTHEST = timedelta(days=5 * 366)
_HIDDEN = "…"
# A part between spaces and the like that is letters and nine digits, with dots and hyphens anywhere.
_NINE_DIGITS = re.compile(r"(?<![^\s:_~/])[A-Za-z.-]*((?:[0-9][.-]*){9})(?![^\s:_~/])")

_MENDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": "give each event an id of its own, such as a UUID",
        "source": "give the source that belongs to your key, such as urn:nld:oin:00000001234567890000:systeem:naam",
        "type": "give a type such as nl.kalenders.aanvraagtermijn-nadert.v1",
        "specversion": 'write "1.0"',
        "datacontenttype": "write application/json, or leave it out",
        "dataschema": "give a URI, or leave it out",
        "time": "write a moment with its zone, such as 2026-06-15T07:00:00Z",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """A signal that may be taken in. `citizen` is set where we know the person already, as for their own words."""

    source: str
    external_id: str
    type: str
    origin: Origin
    occurred_at: datetime
    reference: str | None = field(default=None, repr=False)
    citizen: str | None = None
    card: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    said_by: str | None = None

    @property
    def addressed(self) -> bool:
        """Whether it names a person. If not, it concerns everybody who chose the theme."""
        return self.reference is not None or self.citizen is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Who hands in, and what they may. Register-derived signals need both `legal_basis` and `dpia`."""

    name: str
    types: frozenset[str]
    legal_basis: str | None = None
    dpia: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """`attribute` is a path such as `data.deelnemer`. `value` is hidden where it may be personal."""

    attribute: str
    value: str
    mend: str
    forbidden: bool = False  # well said, but not by this source


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What a signal is checked against. `zone` is the municipality's own; `known` holds types that are switched on."""

    source: Source
    known: Mapping[str, Origin]
    cards: Collection[str]
    zone: tzinfo
    now: datetime
    _soon: datetime = field(init=False, repr=False)
    _last_days: Mapping[timedelta, date] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """What depends on `now` alone is worked out once: a file has a million rows."""
        object.__setattr__(self, "_soon", self.now + _AHEAD)
        last = {ahead: (self.now + ahead).astimezone(self.zone).date() for ahead in (_AHEAD, _FURTHEST)}
        object.__setattr__(self, "_last_days", last)

    def judge(self, attributes: Mapping[str, object], data: object) -> Incoming | tuple[Fault, ...]:
        """The signal, or everything that is wrong with it. Values may be anything that JSON or a header can hold."""
        context = {name: value for name, value in attributes.items() if value is not None}
        faults = [] if context.keys() <= _NAMES else list(self._of_names(context))
        moment = self._moment(context.get("time"), faults)
        if not _is_plain(context):
            faults += _of_the_specification(context)
        for fault in self._of_attributes(context):
            if all(fault.attribute != told.attribute for told in faults):
                faults.append(fault)
        content = _content(data, faults)
        kind = str(context.get("type"))
        origin = self.known.get(kind)
        faults += self._of_data(content, origin)
        occurred_at, kept = self._event_date(content, origin, moment, faults)
        if faults or origin is None:
            return tuple(faults)
        if content.get("instemming") is True:
            kept = {**kept, "instemming": True}
        return Incoming(
            source=self.source.name,
            external_id=str(context["id"]),
            type=kind,
            origin=origin,
            occurred_at=occurred_at,
            reference=content.get("deelnemer"),
            card=content.get("kaart"),
            data=kept,
            said_by=content.get("team"),
        )

    def _of_names(self, context: Mapping[str, object]) -> Iterable[Fault]:
        for name in context:
            if name == "subject":
                mend = "leave it out: attributes are no place for a person; put the reference in data.deelnemer"
                yield Fault("subject", _HIDDEN, mend)
            elif name == "data_base64":
                yield Fault("data_base64", _HIDDEN, "put the data in `data`, as a JSON object")
            elif not _NAME.fullmatch(name):
                yield Fault(shown(name), _HIDDEN, "name attributes with 1 to 20 of a-z and 0-9")

    def _moment(self, value: object, faults: list[Fault]) -> datetime:
        if value is None:
            return self.now
        moment = _read_moment(value)
        if moment is None:
            faults.append(Fault("time", shown(value), _MENDS["time"]))
        elif not _EARLIEST <= moment <= self._soon:
            mend = "write when this was logged: not before 2000 and not more than a day from now"
            faults.append(Fault("time", shown(value), mend))
        else:
            return moment
        return self.now

    def _of_attributes(self, context: Mapping[str, object]) -> Iterable[Fault]:
        number, source, kind = str(context.get("id")), str(context.get("source")), str(context.get("type"))
        if not _ID.fullmatch(number):
            yield Fault("id", shown(number), "use 1 to 200 visible ASCII characters, such as a UUID")
        elif like_a_bsn(number):
            yield Fault("id", _HIDDEN, "this looks like a BSN; use a UUID")
        if source != self.source.name:
            yield Fault("source", shown(source), f"with this key write {self.source.name}", forbidden=True)
        if len(kind) > 200 or not _is_type(kind):
            yield Fault("type", shown(kind), _MENDS["type"])
        elif kind not in self.source.types:
            mend = f"with this key use one of: {', '.join(sorted(self.source.types))}"
            yield Fault("type", shown(kind), mend, forbidden=True)
        elif kind not in self.known:
            usable = ", ".join(sorted(self.source.types & set(self.known))) or "(none yet)"
            mend = f"no service card has this type switched on; switch it on there, or use one of: {usable}"
            yield Fault("type", shown(kind), mend)
        elif self.known[kind] is Origin.REGISTER and not (self.source.legal_basis and self.source.dpia):
            mend = "it is derived from a register: first record a legal basis and a DPIA reference for this source"
            yield Fault("type", shown(kind), mend, forbidden=True)
        content_type = context.get("datacontenttype")
        if content_type is not None and not is_json(content_type):
            yield Fault("datacontenttype", shown(content_type), _MENDS["datacontenttype"])

    def _of_data(self, content: Mapping[str, Any], origin: Origin | None) -> Iterable[Fault]:
        for name in content.keys() - _FIELDS:
            yield Fault(f"data.{shown(name)}", _HIDDEN, f"leave it out; we keep only: {', '.join(DATA_FIELDS)}")
        reference, card, team = content.get("deelnemer"), content.get("kaart"), content.get("team")
        if reference is not None and not (isinstance(reference, str) and REFERENCE.fullmatch(reference)):
            mend = "give an opaque reference of 4 to 128 characters from A-Z a-z 0-9 _ - . ~ :"
            yield Fault("data.deelnemer", _HIDDEN, mend)
        elif reference is not None and like_a_bsn(reference):
            yield Fault(
                "data.deelnemer", _HIDDEN, "this looks like a BSN; give a reference that means nothing elsewhere"
            )
        if card is not None and not (isinstance(card, str) and card in self.cards):
            yield Fault("data.kaart", shown(card), f"give the id of a card: {', '.join(sorted(self.cards))}")
        if team is not None and not (isinstance(team, str) and _is_team(team)):
            mend = f"give the team's name in 1 to {TEAM_LENGTH} printable characters, without numbers of persons"
            yield Fault("data.team", _HIDDEN, mend)
        agreed = content.get("instemming")
        if agreed is not None and agreed is not True:
            yield Fault("data.instemming", shown(agreed), "write true, or leave it out")
        if origin in {Origin.SELF, Origin.REGISTER, Origin.PROFESSIONAL} and reference is None:
            yield Fault("data.deelnemer", "", "name the person by the reference that was linked")
        if origin is Origin.PROFESSIONAL:
            if team is None:
                yield Fault("data.team", "", "name the team, so that the person can be told who thought of them")
            if agreed is None:
                yield Fault("data.instemming", "", "write true once the person agreed to be written to about this")

    def _event_date(
        self, content: Mapping[str, Any], origin: Origin | None, moment: datetime, faults: list[Fault]
    ) -> tuple[datetime, Mapping[str, Any]]:
        """When the event is, for windows: the deadline or the day it happens if given, else when it was logged."""
        ahead = _FURTHEST if origin is Origin.CALENDAR else _AHEAD  # only a calendar knows what is to come
        happened = self._day("gebeurtenisOp", content, ahead, faults)
        deadline = self._day("uiterlijk", content, _FURTHEST, faults)
        if happened is not None and deadline is not None:
            faults.append(Fault("data.uiterlijk", deadline.isoformat(), "give either gebeurtenisOp or uiterlijk"))
        day = deadline or happened
        if day is None:
            return moment, {}
        return _dated("uiterlijk" if deadline else "gebeurtenisOp", day, self.zone)

    def _day(self, name: str, content: Mapping[str, Any], ahead: timedelta, faults: list[Fault]) -> date | None:
        value = content.get(name)
        if value is None:
            return None
        day = _read_day(value) if isinstance(value, str) and len(value) == len("2026-09-01") else None
        latest = self._last_days[ahead]
        if day is None:
            faults.append(Fault(f"data.{name}", shown(value), "write a date such as 2026-09-01"))
        elif not _EARLIEST_DAY <= day <= latest:
            faults.append(Fault(f"data.{name}", shown(value), f"give a date from 2000-01-01 to {latest}"))
            return None
        return day


def known_types(cards: Iterable[Card]) -> dict[str, Origin]:
    """The signal types that at least one card answers and has switched on, and where they come from."""
    return {rule.type: rule.origin for card in cards for rule in card.signals if rule.enabled}


def is_json(content_type: object) -> TypeGuard[str]:
    return isinstance(content_type, str) and _JSON_TYPE.fullmatch(content_type.partition(";")[0].strip()) is not None


def shown(value: object) -> str:
    """A value as it can be told back: cut short, and in characters that every log and screen can hold."""
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:79]}{_HIDDEN}"


def like_a_bsn(text: str) -> bool:
    """Whether a part of `text` is a citizen service number: nine digits that pass the eleven test."""
    return any(_passes_eleven_test(re.sub(r"[.-]", "", found)) for found in _NINE_DIGITS.findall(text))


def _passes_eleven_test(digits: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
    return total % 11 == 0 and digits != "000000000"


def _is_team(text: str) -> bool:
    return bool(text.strip()) and len(text) <= TEAM_LENGTH and text.isprintable() and not like_a_bsn(text)


@lru_cache(maxsize=1024)
def _dated(name: str, day: date, zone: tzinfo) -> tuple[datetime, Mapping[str, Any]]:
    return datetime.combine(day, time(), zone), MappingProxyType({name: day.isoformat()})


@lru_cache(maxsize=256)
def _is_type(kind: str) -> bool:
    return TYPE.fullmatch(kind) is not None


def _is_plain(context: Mapping[str, object]) -> bool:
    """Whether CloudEvents' library could find nothing wrong: it takes longer than all the rest."""
    if context.get("specversion") != "1.0" or "datacontenttype" in context or "dataschema" in context:
        return False
    for name in REQUIRED_ATTRIBUTES:
        value = context.get(name)
        if not value or not isinstance(value, str):
            return False
    return True


def _of_the_specification(context: Mapping[str, object]) -> Iterable[Fault]:
    """What CloudEvents itself says of the attributes. Its library fills in what is missing, unless it is there."""
    whole: dict[str, object] = dict.fromkeys(REQUIRED_ATTRIBUTES)
    whole |= {name: value for name, value in context.items() if name in {*REQUIRED_ATTRIBUTES, *OPTIONAL_ATTRIBUTES}}
    whole |= {"time": _EARLIEST}
    whole.pop("subject", None)
    try:
        CloudEvent(whole)
    except CloudEventValidationError as error:
        for name in error.errors:
            yield Fault(name, shown(context[name]) if name in context else "", _MENDS[name])


def _content(data: object, faults: list[Fault]) -> Mapping[str, Any]:
    if data is None:
        return {}
    if isinstance(data, dict):
        return {name: value for name, value in data.items() if value is not None}
    faults.append(Fault("data", _HIDDEN, "give the data as a JSON object"))
    return {}


def _read_moment(value: object) -> datetime | None:
    return (
        _as_moment(value)
        if isinstance(value, str) and len(value) <= len("2026-06-15T07:00:00.123456789+01:00")
        else None
    )


@lru_cache(maxsize=1024)
def _as_moment(value: str) -> datetime | None:
    if not _TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:  # such as 30 February, or a leap second, which Python has no moment for
        return None


@lru_cache(maxsize=1024)
def _read_day(value: str) -> date | None:
    if not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
