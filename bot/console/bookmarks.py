"""Where a page of a long list ended, as it stands in the address of the next one."""

from datetime import UTC, datetime, timedelta
from typing import Final

from bot.store.ledger import Place

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def bookmark(at: datetime, number: int | None) -> str:
    """Of the last row of a page, to the microsecond: several rows may be of one moment."""
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{number}"


def place_at(mark: str) -> Place | None:
    """Where that page ended; None for what is no bookmark of ours, so that the list begins at the newest."""
    moment, _, number = mark.partition("-")
    if not (moment.isdecimal() and number.isdecimal() and len(moment) < 18 and len(number) < 19):
        return None
    return Place(_EPOCH + timedelta(microseconds=int(moment)), int(number))
