"""One-time codes that tie a chat to somebody whom the municipality knows by an opaque reference.

A code is on a letter, a leaflet or a screen at the desk: `ABCD-EFGHJKMN`. Its first half finds it, its second half has
to fit; five misses, one use or fourteen days end it. Only a keyed hash of the second half is kept.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from bot.core.talk import LinkResult
from bot.store import ledger
from bot.store.tables import LinkCodeRow, LinkRow
from bot.store.vault import Vault

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that reads like another letter on paper
LIFE = timedelta(days=14)
TRIES = 5
#: Where the bot's user name is remembered, so that codes can be printed with a link to it.
BOT: Final = "bot"
_CODE = re.compile(rf"([{ALPHABET}]{{4}})[-_ ]?([{ALPHABET}]{{8}})")


@dataclass(frozen=True, slots=True)
class LinkCode:
    code: str
    expires_at: datetime

    def deep_link(self, bot: str) -> str:
        return f"https://t.me/{bot}?start={self.code}"


def new_code(session: Session, vault: Vault, reference: str, *, now: datetime, pick: Callable[[str], str]) -> LinkCode:
    """A code for `reference`, shown once. `pick` takes one letter of the alphabet at random (`secrets.choice`)."""
    while True:
        first = "".join(pick(ALPHABET) for _ in range(4))
        if session.get(LinkCodeRow, first) is None:
            break
    second = "".join(pick(ALPHABET) for _ in range(8))
    session.add(
        LinkCodeRow(
            id=first,
            secret_hash=vault.fingerprint(f"link:{first}:{second}"),
            reference_sealed=vault.seal(reference),
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    return LinkCode(f"{first}-{second}", now + LIFE)


def bot_name(session: Session) -> str | None:
    """The bot's user name, without @; None until it has run once."""
    name = (ledger.mark(session, BOT) or {}).get("username")
    return name.removeprefix("@") if name else None


def use_code(session: Session, vault: Vault, text: str, citizen: str, now: datetime) -> LinkResult | None:
    """Tie this person to what the code stands for; None when `text` is no code at all, such as a poster's payload."""
    match = _CODE.fullmatch(text.strip().upper())
    if match is None:
        return None
    row = session.get(LinkCodeRow, match[1], with_for_update=True)
    if row is None:
        return LinkResult.UNKNOWN
    if row.used_at is not None:
        return LinkResult.USED
    if row.tries >= TRIES:
        return LinkResult.TOO_MANY
    if now > row.expires_at:
        return LinkResult.EXPIRED
    if not hmac.compare_digest(row.secret_hash, vault.fingerprint(f"link:{match[1]}:{match[2]}")):
        row.tries += 1
        return LinkResult.UNKNOWN
    row.used_at = now
    reference = reference_hash(vault, vault.open(row.reference_sealed))
    session.merge(LinkRow(reference_hash=reference, citizen_id=citizen, linked_at=now))
    ledger.audit(session, now, "citizen", "link", citizen)
    return LinkResult.LINKED


def reference_of(session: Session, vault: Vault, text: str) -> str | None:
    """The reference that `text` stands for: that of a code, whether used or too old, or else `text` itself.

    None for a code of ours whose second half does not fit; that counts as a miss, and five misses close it.
    """
    match = _CODE.fullmatch(text.strip().upper())
    row = None if match is None else session.get(LinkCodeRow, match[1], with_for_update=True)
    if match is None or row is None:
        return text.strip()
    if row.tries >= TRIES:
        return None
    if not hmac.compare_digest(row.secret_hash, vault.fingerprint(f"link:{match[1]}:{match[2]}")):
        row.tries += 1
        return None
    return vault.open(row.reference_sealed)


def reference_hash(vault: Vault, reference: str) -> str:
    return vault.fingerprint(f"reference:{reference}")
