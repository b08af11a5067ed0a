"""What is said to a person, put into words and queued."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot import outbox
from bot.core import outreach
from bot.core.facts import Phrase, Value
from bot.core.talk import Say
from bot.store import ledger
from bot.store.tables import CitizenRow
from bot.wording import Wording

NOTICE_LIFE = timedelta(days=14)


def text_of(wording: Wording, language: str, say: Say) -> str:
    """The paragraphs of `say`. Where one of them is there in Dutch only, the last one says so and offers a language."""
    words = say.words
    if any(wording.forms(phrase.key, language) is None for phrase in words if wording.has(phrase.key)):
        words = (*words, Phrase("language.fallback"))
    return "\n\n".join(wording.say(phrase.key, language, phrase.params) for phrase in words)


def body_of(wording: Wording, language: str, say: Say) -> dict[str, Any]:
    """A message of the outbox: the words and buttons of `say` in `language`."""
    labels = outbox.labels(wording, language, say.buttons)
    return {
        "text": text_of(wording, language, say),
        "buttons": [{"text": label.text, "data": label.data, "url": label.url} for label in labels],
        "keyboard": say.keyboard,
        "keyboard_label": wording.say("button.share_phone", language) if say.keyboard == "ask_phone" else None,
    }


def notify(session: Session, wording: Wording, citizen: CitizenRow, key: str, say: Say, now: datetime) -> None:
    """Queue something that was not asked for just now, for the next civil hour; a stop takes it back."""
    person = ledger.citizens(session, [citizen])[citizen.id]
    due = outreach.next_civil_moment(citizen.zone, outreach.own_rules(person, wording.rules), now)
    body = body_of(wording, citizen.language, say)
    outbox.queue_notice(session, citizen, key, body, now, due_at=due, expires_at=due + NOTICE_LIFE)


def phrase(key: str, **params: Value) -> Phrase:
    return Phrase(key, params)
