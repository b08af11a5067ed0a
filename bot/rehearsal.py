"""A wording sent to a chat of somebody of the staff: marked as a test, counted nowhere, without any effect.

The chat is tied to the account by a one-time code. It takes part in nothing: whoever is not a citizen of the town as
well stays out of every count and is never planned for (`COLLEAGUE`). Functions take a session and never commit.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, func, select

from bot import outbox
from bot.core.talk import Command, Heard, write_press
from bot.errors import RefusedError
from bot.links import ALPHABET
from bot.outbox import Label
from bot.store import ledger
from bot.store.ledger import COLLEAGUE
from bot.store.tables import CitizenRow, MessageRow, StaffChatCodeRow, StaffRow
from bot.store.vault import Vault
from bot.wording import Wording
from bot.wording.own import look

LIFE: Final = timedelta(minutes=15)
TRIES: Final = 5
#: So many tests somebody can send to their own chat in an hour.
PER_HOUR: Final = 10
#: A test that could not leave for so long is of no use to anybody any more.
_TEST_LIFE: Final = timedelta(hours=1)
# One letter longer than a citizen's code, so that neither is ever taken for the other.
_CODE: Final = re.compile(rf"T([{ALPHABET}]{{4}})[-_ ]?([{ALPHABET}]{{8}})")


@dataclass(frozen=True, slots=True)
class ChatCode:
    code: str
    expires_at: datetime

    def deep_link(self, bot: str) -> str:
        return f"https://t.me/{bot}?start={self.code}"


def new_code(session: Session, vault: Vault, staff: str, *, now: datetime, pick: Callable[[str], str]) -> ChatCode:
    """A code by which this member of the staff ties a chat to their account, shown once; an earlier one ends.

    `pick` takes one letter of the alphabet at random (`secrets.choice`).
    """
    while True:
        first = "".join(pick(ALPHABET) for _ in range(4))
        taken = session.exec(select(StaffChatCodeRow).where(col(StaffChatCodeRow.first) == first)).first()
        if taken is None or taken.staff_id == staff:
            break
    second = "".join(pick(ALPHABET) for _ in range(8))
    session.merge(
        StaffChatCodeRow(
            staff_id=staff,
            first=first,
            secret_hash=_hash(vault, first, second),
            expires_at=now + LIFE,
            tries=0,
        )
    )
    return ChatCode(f"T{first}-{second}", now + LIFE)


def code_in(heard: Heard) -> str | None:
    """The code that was said, if it looks like one of the staff's."""
    if not isinstance(heard, Command) or heard.name != "start":
        return None
    said = heard.argument.strip().upper()
    return said if _CODE.fullmatch(said) else None


def link(
    session: Session, wording: Wording, vault: Vault, citizen: CitizenRow, code: str, now: datetime, key: str
) -> None:
    """Tie this chat to the account that the code is of, and say so; or say that the code does not work."""
    staff = _whose(session, vault, code, now)
    if staff is not None:
        staff.chat_citizen = citizen.id
        ledger.audit(session, now, staff.login, "staff.chat_link", staff.login)
    said = wording.say("test.linked" if staff is not None else "test.refused", citizen.language)
    outbox.queue_reply(session, citizen, key, {"text": said}, now)


def has_chat(session: Session, staff: str) -> bool:
    """Whether a chat is tied to this account."""
    row = session.get(StaffRow, staff)
    return row is not None and row.chat_citizen is not None


def unlink(session: Session, staff: str, *, by: str, now: datetime) -> None:
    """No test goes to the chat of this member of the staff any more; what waits is taken back when it would leave."""
    row = session.get_one(StaffRow, staff, with_for_update=True)
    if row.chat_citizen is not None:
        row.chat_citizen = None
        ledger.audit(session, now, by, "staff.chat_unlink", row.login)


def send(
    session: Session, wording: Wording, staff: str, variant: str, language: str, *, key: str, now: datetime
) -> None:
    """Queue this wording for the chat of their own, as it would leave but marked as a test. Raises RefusedError.

    `key` is one that no other test has.
    """
    row = session.get_one(StaffRow, staff, with_for_update=True)  # so that two presses at once are counted as two
    citizen = None if row.chat_citizen is None else session.get(CitizenRow, row.chat_citizen)
    if citizen is None or citizen.chat_sealed is None:
        raise RefusedError("No chat of yours is linked. Link one on the page of your account first.")
    if variant not in wording.variants or not look(wording, variant, language).sayable:
        raise RefusedError(
            "There is no text of {wording} in {language} that could be sent.", wording=variant, language=language
        )
    prefix = f"test:{row.id}:"
    earlier = select(func.count()).where(
        col(MessageRow.key).startswith(prefix, autoescape=True), col(MessageRow.created_at) > now - timedelta(hours=1)
    )
    if session.exec(earlier).one() >= PER_HOUR:
        raise RefusedError("You sent {most} tests in the last hour. Try again later.", most=PER_HOUR)
    card = wording.cards[wording.variants[variant].card].facts()
    text, buttons = outbox.phrased(wording, variant, language, card, 0)
    body = {
        "text": f"{wording.say('test.mark', language)}\n\n{text}",
        "buttons": [{"text": label.text, "data": label.data, "url": label.url} for label in map(_dead, buttons)],
        outbox.TEST: True,
    }
    outbox.queue_notice(session, citizen, prefix + key, body, now, due_at=now, expires_at=now + _TEST_LIFE)
    ledger.audit(session, now, row.login, "campaign.test", variant, language=language)


def _dead(label: Label) -> Label:
    """The same button, of which a press says that it was a test."""
    return replace(label, data=write_press(outbox.TEST_PRESS), url=None)


def _whose(session: Session, vault: Vault, code: str, now: datetime) -> StaffRow | None:
    match = _CODE.fullmatch(code)
    assert match is not None
    query = select(StaffChatCodeRow).where(col(StaffChatCodeRow.first) == match[1]).with_for_update()
    row = session.exec(query).first()
    if row is None or row.tries >= TRIES or now > row.expires_at:
        return None
    if not hmac.compare_digest(row.secret_hash, _hash(vault, match[1], match[2])):
        row.tries += 1
        return None
    staff = session.get_one(StaffRow, row.staff_id, with_for_update=True)
    session.delete(row)
    return staff if staff.disabled_at is None else None


def _hash(vault: Vault, first: str, second: str) -> str:
    return vault.fingerprint(f"staff chat:{first}:{second}")


__all__ = ["COLLEAGUE", "PER_HOUR", "ChatCode", "code_in", "has_chat", "link", "new_code", "send", "unlink"]
