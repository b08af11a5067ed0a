"""One-time codes that tie a chat to somebody whom the municipality knows by an opaque reference.

A code is on a letter, a leaflet or a screen at the desk: `ABCD-EFGHJKMN`. Its first half finds it, its second half has
to fit; five misses, one use or fourteen days end it. Only a keyed hash of the second half is kept.
"""

import hmac
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, delete, func, update
from sqlmodel import Session, col, select

from bot.core.talk import LinkResult
from bot.errors import FaultsError, RefusedError
from bot.store import ledger
from bot.store.tables import AuditRow, LinkBatchRow, LinkCodeRow, LinkRow
from bot.store.vault import Vault

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that reads like another letter on paper
LIFE = timedelta(days=14)
LONGEST_LIFE: Final = 90  # days: a letter may lie for a while, and a code that is never used is one to be found
MOST: Final = 2000
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


def new_code(
    session: Session,
    vault: Vault,
    reference: str,
    *,
    now: datetime,
    pick: Callable[[str], str],
    life: timedelta = LIFE,
    batch: str | None = None,
) -> LinkCode:
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
            expires_at=now + life,
            batch=batch,
        )
    )
    return LinkCode(f"{first}-{second}", now + life)


def bot_name(session: Session) -> str | None:
    """The bot's user name, without @; None until it has run once."""
    name = (ledger.mark(session, BOT) or {}).get("username")
    return name.removeprefix("@") if name else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Codes that were made together. `open`: not used, and not over."""

    row: LinkBatchRow
    used: int
    open: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NewBatch:
    """What somebody asks for. `days`: for how many days the codes work."""

    id: str
    purpose: str
    days: int
    by: str


def new_batch(
    session: Session,
    vault: Vault,
    references: Sequence[str],
    new: NewBatch,
    *,
    now: datetime,
    pick: Callable[[str], str],
) -> list[LinkCode]:
    """A code for each of these references, in their order; shown once, since only their hashes are kept.

    Raises FaultsError with all that is wrong, RefusedError when this batch was made already: its codes are gone.
    """
    purpose, days, batch, by = new.purpose.strip(), new.days, new.id, new.by
    faults = []
    if not purpose or len(purpose) > 200:
        faults.append("purpose: say in 1 to 200 characters what the letters are for")
    if not 1 <= days <= LONGEST_LIFE:
        faults.append(f"days: give 1 to {LONGEST_LIFE}")
    if not 1 <= len(references) <= MOST:
        faults.append(f"codes: make 1 to {MOST} at a time")
    if twice := [one for one, times in Counter(references).items() if times > 1]:
        faults.append(f"references: {', '.join(twice[:5])} is there more than once")
    if faults:
        raise FaultsError(faults)
    if session.get(LinkBatchRow, batch) is not None:
        raise RefusedError("These codes were made already and cannot be shown again. Revoke them and make new ones.")
    life = timedelta(days=days)
    session.add(
        LinkBatchRow(id=batch, purpose=purpose, made_at=now, made_by=by, codes=len(references), expires_at=now + life)
    )
    codes = [new_code(session, vault, one, now=now, pick=pick, life=life, batch=batch) for one in references]
    ledger.audit(session, now, by, "link.batch", batch, codes=len(codes), purpose=purpose, days=days)
    return codes


def new_references(count: int, pick: Callable[[str], str]) -> list[str]:
    """References that mean nothing elsewhere."""
    return [f"hr-{''.join(pick('0123456789abcdef') for _ in range(16))}" for _ in range(count)]


def batches(session: Session, now: datetime, *, before: datetime | None = None, limit: int) -> list[Batch]:
    """The newest that were made before then, with how many of each were used."""
    asked = select(LinkBatchRow).order_by(col(LinkBatchRow.made_at).desc()).limit(limit)
    rows = session.exec(asked if before is None else asked.where(col(LinkBatchRow.made_at) < before)).all()
    unused = col(LinkCodeRow.used_at).is_(None)
    used, open_ = _count(session, rows, ~unused), _count(session, rows, unused, col(LinkCodeRow.expires_at) > now)
    return [Batch(row=row, used=used.get(row.id, 0), open=open_.get(row.id, 0)) for row in rows]


def _count(session: Session, rows: Collection[LinkBatchRow], *conditions: Any) -> dict[str | None, int]:
    asked: Any = select(col(LinkCodeRow.batch), func.count()).where(
        col(LinkCodeRow.batch).in_([row.id for row in rows]), *conditions
    )
    return dict(iter(session.exec(asked.group_by(col(LinkCodeRow.batch)))))


def revoke_batch(session: Session, batch: str, *, by: str, now: datetime) -> int:
    """From now on the codes of this batch that nobody used tie nobody; return how many. Raises RefusedError."""
    row = session.get(LinkBatchRow, batch, with_for_update=True)
    if row is None:
        raise RefusedError("There is no such batch of codes.")
    if row.revoked_at is not None:
        raise RefusedError("These codes were revoked already.")
    row.revoked_at = now
    unused = update(LinkCodeRow).where(
        col(LinkCodeRow.batch) == batch, col(LinkCodeRow.used_at).is_(None), col(LinkCodeRow.expires_at) > now
    )
    result: Any = session.execute(unused.values(expires_at=now))
    assert isinstance(result, CursorResult)
    ledger.audit(session, now, by, "link.revoke", batch, codes=result.rowcount, purpose=row.purpose)
    return result.rowcount


def note_file(session: Session, vault: Vault, batch: str, codes: Sequence[str], *, by: str, now: datetime) -> None:
    """Write down that somebody takes along the codes of this batch. Raises RefusedError unless they are all of it."""
    kept = {row.id: row for row in session.exec(select(LinkCodeRow).where(col(LinkCodeRow.batch) == batch))}
    for code in codes:
        match = _CODE.fullmatch(code)
        row = None if match is None else kept.pop(match[1], None)
        if match is None or row is None or not _fits(row, vault, match):
            raise RefusedError("These are not the codes of this batch.")
    if kept or not codes:
        raise RefusedError("These are not the codes of this batch.")
    ledger.audit(session, now, by, "link.file", batch, codes=len(codes))


def _fits(row: LinkCodeRow, vault: Vault, match: re.Match[str]) -> bool:
    return hmac.compare_digest(row.secret_hash, vault.fingerprint(f"link:{match[1]}:{match[2]}"))


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
    if not _fits(row, vault, match):
        row.tries += 1
        return LinkResult.UNKNOWN
    row.used_at = now
    reference = reference_hash(vault, vault.open(row.reference_sealed))
    session.merge(LinkRow(reference_hash=reference, citizen_id=citizen, linked_at=now))
    ledger.audit(session, now, "citizen", "link", citizen)
    return LinkResult.LINKED


def forget(session: Session, citizen: str) -> None:
    """This person is tied to nothing any more. Their codes go too: each was used in the moment that the trail tells of.

    So nobody can find out whose reference belongs to what stays of them.
    """
    session.execute(delete(LinkRow).where(col(LinkRow.citizen_id) == citizen))
    moments = select(AuditRow.at).where(col(AuditRow.action) == "link", col(AuditRow.subject) == citizen)
    session.execute(delete(LinkCodeRow).where(col(LinkCodeRow.used_at).in_(moments)))


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
    if not _fits(row, vault, match):
        row.tries += 1
        return None
    return vault.open(row.reference_sealed)


def reference_hash(vault: Vault, reference: str) -> str:
    return vault.fingerprint(f"reference:{reference}")
