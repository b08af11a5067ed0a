"""Chance that can be checked afterwards: each draw follows from a key and what is drawn for.

Commit and reveal: the SHA-256 of a quarter's key is published before it is used, the key itself once the quarter is
over. So nobody can foretell a draw, nobody can choose one, and in the end anybody can make each of them again.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

KEY_BYTES = 32
SEND, TONE = "send", "tone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Quarter:
    """A quarter of the year in UTC, such as `2026-Q4`: from `starts_at` up to, not including, `ends_at`."""

    id: str
    starts_at: datetime
    ends_at: datetime


def quarter(moment: datetime) -> Quarter:
    """The quarter that an aware moment lies in."""
    at = moment.astimezone(UTC)
    number = (at.month - 1) // 3
    return Quarter(
        id=f"{at.year}-Q{number + 1}",
        starts_at=datetime(at.year, 3 * number + 1, 1, tzinfo=UTC),
        ends_at=datetime(at.year + number // 3, 3 * (number + 1) % 12 + 1, 1, tzinfo=UTC),
    )


def uniform(key: bytes, *parts: str) -> float:
    """A number in [0, 1) that follows from `key` and `parts` alone.

    HMAC-SHA256 of the parts, joined by the byte 0x1F; its first 64 bits are a whole number, of which a double holds the
    first 53 exactly, so those count.
    """
    digest = hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)


def of_decision(key: bytes, decision: str) -> tuple[float, float]:
    """A decision's two draws: for writing, for the wording."""
    return uniform(key, decision, SEND), uniform(key, decision, TONE)


def published(key: bytes) -> str:
    """What is published of a key before it is used: its SHA-256, as 64 hex digits."""
    return hashlib.sha256(key).hexdigest()
