"""What is in force: the files on disk, and instead of some of them what people approved."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.resources.abc import Traversable
from typing import Final

from sqlmodel import Session, col, select

from bot import campaigns
from bot.errors import WordingError
from bot.library.files import LOCALE, Files, place, shipped, wording_of
from bot.library.merging import merged
from bot.store import ledger
from bot.store.tables import TextBodyRow, TextInForceRow
from bot.wording import Wording, with_own

#: Sentences one beside the other, of which a new version brings new ones. Other files are decisions, and whole.
_SENTENCES: Final = frozenset({"bot.toml", "replies.toml"})
#: The mark that says whether something was approved since.
MARK: Final = "texts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """A file that was changed on disk after people approved another text for it, which is still the one that counts.

    None for a text: there is no such file.
    """

    path: str
    ours: str | None
    file: str | None
    was: str | None  # the file when our text was approved
    since: datetime


def body_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def in_force(session: Session, files: Files) -> dict[str, str]:
    """The text that counts, by path: the latest approved one, else the file.

    Where a new version changed a file of sentences, those that people approved count and the others are as it has them:
    without them the program would have nothing to say. Where both are about the same lines, what was approved counts.
    """
    texts = dict(files)
    rows = session.exec(select(TextInForceRow)).all()
    bodies = bodies_of(session, [known for row in rows for known in (row.body, row.shipped) if known is not None])
    for row in rows:
        if row.body is None:
            texts.pop(row.path, None)
        else:
            was = None if row.shipped is None else bodies[row.shipped]
            texts[row.path] = _with_new_sentences(row.path, was, bodies[row.body], files.get(row.path))
    return texts


def _with_new_sentences(path: str, was: str | None, ours: str, file: str | None) -> str:
    if was is None or file is None or was == file or not (path in _SENTENCES or LOCALE.fullmatch(path)):
        return ours
    return merged(was, ours, file) or ours


def conflicts(session: Session, files: Files) -> list[Conflict]:
    """Files that a new version changed although people had approved a text of their own, by path.

    Where the file reads as our text there is none: it was exported and came back.
    """
    rows = session.exec(select(TextInForceRow).order_by(col(TextInForceRow.path))).all()
    now = {row.path: None if (text := files.get(row.path)) is None else body_hash(text) for row in rows}
    odd = [row for row in rows if now[row.path] not in {row.shipped, row.body}]
    bodies = bodies_of(session, [known for row in odd for known in (row.body, row.shipped) if known is not None])
    return [
        Conflict(
            path=row.path,
            ours=bodies.get(row.body or ""),
            file=files.get(row.path),
            was=bodies.get(row.shipped or ""),
            since=row.since,
        )
        for row in odd
    ]


def current(session: Session, files: Files) -> Wording:
    """The wording in force, with what campaigns say in their own words. Raises WordingError with every fault."""
    texts = in_force(session, files)
    try:
        return with_own(wording_of(texts), campaigns.own_wordings(session))
    except WordingError as error:
        ours = sorted(place(path) for path in texts if texts[path] != files.get(path))
        if not ours:
            raise
        hint = f"approved in the console, and counted instead of the file: {', '.join(ours)}"
        raise WordingError([*error.faults, f"{hint}; `handreiking texts list` tells more"]) from None


def version(session: Session) -> str:
    """Changes whenever `current` may say something else with the same files."""
    return f"{texts_version(session)} {campaigns.own_version(session)}".strip()


def texts_version(session: Session) -> str:
    """The part of `version` that is about texts which two people change."""
    mark = ledger.mark(session, MARK)
    return "" if mark is None else str(mark["version"])


def bodies_of(session: Session, hashes: Collection[str]) -> dict[str, str]:
    return {known: row.text for known, row in ledger.by_id(session, TextBodyRow, hashes).items()}


class Shelf:
    """The texts of one process. The files on disk are read once: what is deployed counts from the next start.

    `settle` gives what the process makes of a wording before it uses it.
    """

    def __init__(
        self,
        *,
        messages: Traversable | None = None,
        locale: Traversable | None = None,
        settle: Callable[[Wording], Wording] = lambda wording: wording,
    ) -> None:
        self._messages, self._locale = messages, locale
        self.settle = settle
        self._seen = "/"  # nothing was approved and nobody wrote anything yet

    @cached_property
    def files(self) -> Files:
        return shipped(messages=self._messages, locale=self._locale)

    def of_files(self) -> Wording:
        """What the files alone say, where there is no database to ask. Raises WordingError."""
        return wording_of(self.files)

    def fresh(self, session: Session) -> Wording:
        """The wording in force. Raises WordingError."""
        seen = version(session)
        wording = self.settle(current(session, self.files))
        self._seen = seen
        return wording

    def newer(self, session: Session) -> Wording | None:
        """The wording in force, when it may be another one than was given out before. Raises WordingError."""
        return None if version(session) == self._seen else self.fresh(session)
