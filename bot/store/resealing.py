"""Everything that is kept sealed, put under the newest key while the bot runs.

Sealed is every column whose name ends in `_sealed`, and two places in the body of a message.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, Text, bindparam, cast, select, update
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot.errors import UnreadableError
from bot.store import ledger
from bot.store.tables import MessageRow, metadata
from bot.store.vault import Vault

_ENDING: Final = "_sealed"
_CHUNK: Final = 500

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Place:
    """A column with sealed text, or with JSON in which some text is sealed."""

    table: Table
    column: Column[Any]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def key(self) -> Column[Any]:
        [key] = self.table.primary_key.columns
        return key

    def holds_any(self) -> ColumnElement[bool]:
        if self.is_json:
            return cast(self.column, Text).like('%"sealed"%')
        return self.column.is_not(None)

    @property
    def is_json(self) -> bool:
        return not self.column.name.endswith(_ENDING)

    def again(self, value: Any, vault: Vault) -> Any:
        """The value under the first key; None when it is so already. Raises UnreadableError when no key fits."""
        return _body_again(value, vault) if self.is_json else vault.reseal(value)


@dataclass(frozen=True)
class Waiting:
    """The keys of rows under an older key, and how many rows no key opens."""

    old: Sequence[Any]
    lost: int


def places() -> list[Place]:
    """Where something sealed is kept."""
    found = [
        Place(table, column)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(_ENDING)
    ]
    message = metadata.tables[str(MessageRow.__tablename__)]
    return [*found, Place(message, message.c.body)]


def reseal(sessions: sessionmaker[Session], vault: Vault, *, progress: Progress = lambda _place, _rows: None) -> int:
    """Put everything under the vault's first key; return how many rows no key opens (they are left as they are).

    Short transactions; a run that is killed is simply done again. `progress` gets each place and how many rows were
    sealed anew there since it was told last.
    """
    lost = 0
    for place in places():
        for rows in _chunks(sessions, place):
            if done := _again(sessions, vault, place, [key for key, _ in rows], wait=False):
                progress(place.name, done)
        # What others held meanwhile: one row at a time, since who holds one and waits for none blocks nobody for good.
        while (left := waiting(sessions, vault, place)).old:
            progress(place.name, sum(_again(sessions, vault, place, [key], wait=True) for key in left.old))
        lost += left.lost
    return lost


def waiting(sessions: sessionmaker[Session], vault: Vault, place: Place) -> Waiting:
    """What still needs an older key than the first, and how many rows no key opens."""
    old, lost = [], 0
    for rows in _chunks(sessions, place):
        for key, value in rows:
            try:
                if place.again(value, vault) is not None:
                    old.append(key)
            except UnreadableError:
                lost += 1
    return Waiting(old, lost)


def _again(sessions: sessionmaker[Session], vault: Vault, place: Place, keys: Sequence[Any], *, wait: bool) -> int:
    """Seal these rows anew in one transaction; without `wait` those that somebody else holds are passed over."""
    chosen = select(place.key, place.column).where(place.key.in_(keys), place.holds_any()).order_by(place.key)
    put = (
        update(place.table)
        .where(place.key == bindparam("this"))
        .values({place.column: bindparam("again", type_=place.column.type)})
    )
    changed = []
    with sessions.begin() as session:
        for key, value in session.execute(chosen.with_for_update(skip_locked=not wait)):
            try:
                again = place.again(value, vault)
            except UnreadableError:
                continue
            if again is not None:
                changed.append({"this": key, "again": again})
        if changed:
            session.connection().execute(put, changed)
    return len(changed)


def _chunks(sessions: sessionmaker[Session], place: Place) -> Iterator[Sequence[Any]]:
    """All rows with something sealed, key and value, a chunk at a time."""
    chosen = select(place.key, place.column).where(place.holds_any()).order_by(place.key).limit(_CHUNK)
    last: Any = None
    while True:
        with ledger.reading(sessions) as session:
            rows = session.execute(chosen if last is None else chosen.where(place.key > last)).all()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _body_again(body: Mapping[str, Any], vault: Vault) -> dict[str, Any] | None:
    """A message's body with its text and its document under the first key; None when both are."""
    again = dict(body)
    changed = False
    if isinstance(body.get("sealed"), str) and (text := vault.reseal(body["sealed"])) is not None:
        again["sealed"], changed = text, True
    file = body.get("document")
    if file and (text := vault.reseal(file["sealed"])) is not None:
        again["document"], changed = file | {"sealed": text}, True
    return again if changed else None
