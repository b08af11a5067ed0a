"""What the researchers' pages show, read once for all who look."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlmodel import col

from bot import guarding
from bot.console.desk import Desk
from bot.guarding import Group
from bot.store import ledger
from bot.store.tables import ConsentRow

if TYPE_CHECKING:
    from bot.research.figures import Asked, Data, Figure

#: So long the same count is shown. Whoever takes back a consent is out of it at once.
FRESH: Final = timedelta(minutes=5)
#: So many figures are kept with what they were made of.
FIGURES: Final = 500


class Counted:
    """The answers as they were read last, for five minutes; then they are read anew by whoever asks first."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._lock = desk, Lock()
        self._now: Count | None = None

    def now(self) -> "Count":
        from bot.research import figures  # noqa: PLC0415 - polars, which nobody else in the console needs

        now = self._desk.now
        with self._lock, self._desk.reading() as session:
            consents = session.execute(select(func.max(col(ConsentRow.id)))).scalar_one() or 0
            count = self._now
            if count is None or consents != count.consents or not timedelta(0) <= now - count.data.counted_at < FRESH:
                ledger.unhurried(session)
                data = figures.read(session, self._desk.journey.wording.rules.window, now)
                count = self._now = Count(data=data, consents=consents)
            return count


class Groups:
    """How the guards see each language and theme, counted last, for five minutes."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._lock = desk, Lock()
        self._now: tuple[datetime, list[Group]] | None = None

    def now(self, since: datetime) -> list[Group]:
        """Over what left after `since`."""
        now = self._desk.now
        with self._lock, self._desk.reading() as session:
            if self._now is None or not timedelta(0) <= now - self._now[0] < FRESH:
                ledger.unhurried(session)
                self._now = (now, guarding.fairness(session, self._desk.journey.wording, since=since))
            return self._now[1]


@dataclass(frozen=True, kw_only=True)
class Count:
    """What was read, with the figures that were made of it. `consents`: the newest consent by then."""

    data: "Data"
    consents: int
    made: dict[tuple[str, "Asked"], "Figure"] = field(default_factory=dict)

    def figure(self, key: str, asked: "Asked") -> "Figure":
        from bot.research import figures  # noqa: PLC0415

        if len(self.made) > FIGURES:
            self.made.clear()
        # Two who ask at once make the same figure twice, which harms nobody.
        return self.made.get((key, asked)) or self.made.setdefault((key, asked), figures.made(key, self.data, asked))
