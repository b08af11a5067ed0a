"""Who may hand in signals: sources and their keys. A key is shown once and kept as a hash."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from bot.errors import FaultsError, RefusedError
from bot.signals.desk import TYPE, Source
from bot.store import ledger
from bot.store.tables import SourceRow

#: Names under this one are ours: what the bot itself hands in.
OURS = "urn:handreiking:"
# A URN (RFC 8141), or a URI-reference in visible ASCII without the characters that RFC 3986 leaves out.
_URI = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]{3,200}")
_SEEN = timedelta(minutes=1)


def new_key(
    session: Session,
    name: str,
    types: Collection[str],
    *,
    by: str,
    now: datetime,
    legal_basis: str | None = None,
    dpia: str | None = None,
) -> str:
    """A key for a new source, or for one whose key was revoked. It cannot be shown again.

    `name` is the CloudEvents `source` that goes with it. Raises FaultsError for what cannot be a source, RefusedError
    when the source has a key that works.
    """
    faults = []
    if not _URI.fullmatch(name) or name.startswith(OURS):
        faults.append(f"source: {name!r} is no name for a source; use a URN such as urn:nld:oin:…:systeem:naam")
    if not types:
        faults.append("types: none; name at least one signal type")
    faults += [
        f"types: {kind!r} is not a signal type; write one such as nl.kalenders.aanvraagtermijn-nadert.v1"
        for kind in sorted(types)
        if not TYPE.fullmatch(kind)
    ]
    if faults:
        raise FaultsError(faults)
    row = session.get(SourceRow, name)
    if row is not None and row.revoked_at is None:
        raise RefusedError("{name} has a key already. Revoke it first; the new key then takes its place.", name=name)
    key = _fresh()
    row = row or SourceRow(name=name, key_hash="", types=[], created_at=now)
    row.key_hash = _hash(key)
    row.types = sorted(set(types))
    row.legal_basis, row.dpia = legal_basis or None, dpia or None
    row.created_at, row.revoked_at, row.last_seen_at = now, None, None
    row.old_key_hash, row.old_key_until = None, None
    session.add(row)
    ledger.audit(session, now, by, "source.key", name, types=row.types, legal_basis=row.legal_basis, dpia=row.dpia)
    session.flush()
    return key


def rotate_key(session: Session, name: str, *, old_works_for: timedelta, by: str, now: datetime) -> str:
    """A new key for a source, at once; the one before it opens for `old_works_for` longer, then nothing.

    The new one cannot be shown again. A key from before that one opens nothing any more. Raises RefusedError when the
    source has no key that works.
    """
    row = _in_use(session, name)
    if row is None:
        raise RefusedError("{name} has no key that works. Make a new one for it.", name=name)
    key = _fresh()
    row.old_key_hash, row.old_key_until = (row.key_hash, now + old_works_for) if old_works_for else (None, None)
    row.key_hash, row.created_at = _hash(key), now
    session.add(row)
    until = row.old_key_until and row.old_key_until.isoformat()
    ledger.audit(session, now, by, "source.rotate", name, old_key_until=until)
    session.flush()
    return key


def revoke_key(session: Session, name: str, *, by: str, now: datetime) -> None:
    """From now on none of the source's keys opens anything. Raises RefusedError when it has none that works."""
    row = _in_use(session, name)
    if row is None:
        raise RefusedError("{name} has no key that works, so there is nothing to revoke.", name=name)
    row.revoked_at = now
    row.old_key_hash, row.old_key_until = None, None
    session.add(row)
    ledger.audit(session, now, by, "source.revoke", name)
    session.flush()


def find_source(session: Session, key: str, *, now: datetime) -> Source | None:
    """Whose key this is; None for a key that is unknown or revoked. Notes, by the minute, that it was seen."""
    digest = _hash(key)
    fits = or_(col(SourceRow.key_hash) == digest, col(SourceRow.old_key_hash) == digest)
    row = session.exec(select(SourceRow).where(fits)).first()
    if row is None or row.revoked_at is not None:
        return None
    # The database compared hashes of 256 random bits, of which timing tells nothing; compared once more all the same.
    new = hmac.compare_digest(row.key_hash, digest)
    old = hmac.compare_digest(row.old_key_hash or "", digest)
    if not new and not (old and row.old_key_until is not None and now < row.old_key_until):
        return None
    if row.last_seen_at is None or abs(now - row.last_seen_at) >= _SEEN:
        row.last_seen_at = now
        session.add(row)
        session.flush()
    return Source(name=row.name, types=frozenset(row.types), legal_basis=row.legal_basis, dpia=row.dpia)


def listing(session: Session) -> list[dict[str, Any]]:
    """The sources by name, without anything of their keys. Moments are ISO 8601 in UTC."""
    return [
        {
            "name": row.name,
            "types": row.types,
            "legal_basis": row.legal_basis,
            "dpia": row.dpia,
            "created_at": row.created_at.isoformat(),
            "old_key_until": row.old_key_until and row.old_key_until.isoformat(),
            "revoked_at": row.revoked_at and row.revoked_at.isoformat(),
            "last_seen_at": row.last_seen_at and row.last_seen_at.isoformat(),
        }
        for row in session.exec(select(SourceRow).order_by(col(SourceRow.name)))
    ]


def _in_use(session: Session, name: str) -> SourceRow | None:
    row = session.get(SourceRow, name)
    return None if row is None or row.revoked_at is not None else row


def _fresh() -> str:
    return f"hr_{secrets.token_urlsafe(32)}"


def _hash(key: str) -> str:
    """No salt and no slow hash: the key holds 256 random bits, so that there is nothing to guess."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
