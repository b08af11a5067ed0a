"""People in a chat, for the tests of the dialogue: a scene as it stands, and what effects make of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from bot.core.facts import Card, CardStatus, Choice, ConsentState, Level, Origin, Phrase, Sensitivity
from bot.core.talk import (
    Answered,
    AskContact,
    CancelContact,
    Consent,
    Erase,
    Join,
    KeepText,
    Leave,
    Nudge,
    OpenRequest,
    Opinion,
    PauseUntil,
    Press,
    RemindContact,
    Say,
    Scene,
    SetLanguage,
    SetQuiet,
    SetRest,
    SetTone,
    Standing,
    Step,
    Surveyed,
    TakeBackSituation,
    TellSituation,
    Turn,
)
from bot.wording import Wording, load

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TODAY = date(2026, 11, 24)
THEMES = ("money", "children", "care", "free-time")


@cache
def wording() -> Wording:
    return load()


def card(**changes: Any) -> Card:
    known: dict[str, Any] = {
        "id": "zorgtoeslag", "version": 1, "theme": "money", "sensitivity": Sensitivity.S1,
        "level": Level.INFORM_AND_OFFER_CONTACT, "status": CardStatus.PUBLISHED, "valid_from": date(2026, 1, 1),
        "valid_until": None, "review_due": date(2027, 1, 1), "max_sends": 2, "min_gap_days": 21,
        "silence_after_no_days": 365, "signals": (),
    }  # fmt: skip
    return Card(**{**known, **changes})


def nudge(**changes: Any) -> Nudge:
    known: dict[str, Any] = {
        "message": 7, "card": card(), "words": Phrase("zorgtoeslag.neutral.1"), "chance": None, "words_by_lot": False,
        "sent_at": NOW - timedelta(hours=1), "origin": Origin.CALENDAR, "signal_at": NOW - timedelta(days=2),
        "said_by": None, "situation": None, "data_used": (), "legal_basis": "",
    }  # fmt: skip
    return Nudge(**{**known, **changes})


def scene(**changes: Any) -> Scene:
    """Somebody who takes part, chose money, and got one nudge."""
    situations = tuple(wording().situations)
    known: dict[str, Any] = {
        "update": 1001, "now": NOW, "today": TODAY, "standing": Standing.ACTIVE, "language": "nl",
        "languages": ("nl", "en", "ar"), "suggested_language": "nl", "themes": THEMES,
        "consents": {"money": ConsentState.GIVEN}, "situations": situations,
        "themes_of_situations": {"moved": ("money", "free-time"), "looks-after": ("care",)}, "paused_until": None,
        "nudge": nudge(), "flow": None, "requests": (), "survey_due": False, "link": None,
        "promise": date(2026, 11, 26), "stop_words": frozenset({"stop", "توقف", "no more messages"}), "country": "NL",
        "joined": date(2026, 11, 1), "received": 1,
    }  # fmt: skip
    return Scene(**{**known, **changes})


def after(before: Scene, turn: Turn) -> Scene:
    """The scene that the next update finds, once the ledger has taken in the effects."""
    now = before
    for effect in turn.effects:
        match effect:
            case SetLanguage(language):
                now = replace(now, language=language)
            case Join():
                now = replace(now, standing=Standing.ACTIVE, joined=now.today)
            case Consent(theme, state):
                now = replace(now, consents={**now.consents, theme: state})
            case Leave(standing):
                withdrawn = {
                    theme: ConsentState.WITHDRAWN if state is ConsentState.GIVEN else state
                    for theme, state in now.consents.items()
                }
                now = replace(now, standing=standing, consents=withdrawn, flow=None)
            case Answered(message, choice):
                if now.nudge is not None and now.nudge.message == message:
                    now = replace(now, nudge=replace(now.nudge, choices=now.nudge.choices | {choice}))
            case PauseUntil(moment):
                now = replace(now, paused_until=moment)
            case Step(flow):
                now = replace(now, flow=flow)
            case AskContact(message=message, how=how, promised_by=day):
                made = OpenRequest(id=now.update, how=how, promised_by=day, message=message)
                now = replace(now, requests=(*now.requests, made))
            case CancelContact(request):
                now = replace(now, requests=tuple(open_ for open_ in now.requests if open_.id != request))
            case TellSituation(code):
                now = replace(now, told=now.told | {code})
            case TakeBackSituation(code):
                now = replace(now, told=now.told - {code})
            case RemindContact(request):
                now = replace(
                    now,
                    requests=tuple(replace(row, reminded=row.reminded or row.id == request) for row in now.requests),
                )
            case SetTone(tone):
                now = replace(now, tone=tone)
            case SetQuiet(quiet):
                now = replace(now, quiet=quiet)
            case SetRest(days):
                now = replace(now, own_rest=days)
            case Erase():
                now = replace(now, standing=Standing.ERASED, consents={}, flow=None, requests=(), told=frozenset())
            case Opinion(message, dimension):
                if now.nudge is not None and now.nudge.message == message:
                    now = replace(now, nudge=replace(now.nudge, opinions=now.nudge.opinions | {dimension}))
            case KeepText():
                pass
            case Surveyed():
                now = replace(now, survey_due=False)
    return replace(now, update=before.update + 1, link=None)


def keys(turn: Turn) -> list[str]:
    """The phrases of a turn in the order in which they are read, buttons left out."""
    said = [phrase.key for say in turn.says for phrase in say.words]
    return said if turn.notice is None else [*said, turn.notice.key]


def labels(say: Say) -> list[str]:
    return [button.label.key.removeprefix("button.") for button in say.buttons]


def press_of(say: Say, label: str) -> Press:
    """The press behind the button that carries this label."""
    found = next(button.press for button in say.buttons if button.label.key == f"button.{label}")
    assert found is not None
    return found


def phrases(turn: Turn) -> Iterator[Phrase]:
    """Every phrase of a turn that is said by itself."""
    for say in turn.says:
        yield from say.words
        yield from (button.label for button in say.buttons)
    if turn.notice is not None:
        yield turn.notice


ALL_CHOICES = (
    *Choice, "later.30", "later.90", "later.31", "later.never", "yes", "no", "kept", "leave", "ask", "chat", "phone",
    "nothing", "keep", "change", "cancel", "menu", "themes", "language", "pause", "pause.30", "pause.90", "pause.off",
    "pause.7", "situation", "none", "moved", "baby", "looks-after", "nl", "ar", "xx",
    "remind", "quiet", "quiet.morning", "quiet.usual", "often", "often.30", "often.usual", "tone", "tone.warm",
    "research", "research.yes", "research.no", "back.moved", "stadspas", "yes.trust", "no.complexity", "desk", "about",
    *(f"{how}.{daypart}" for how in ("chat", "phone", "desk") for daypart in ("morning", "afternoon", "any", "night")),
    *(f"{answer}.{theme}" for answer in ("yes", "no", "kept", "ask", "off", "renew")
      for theme in ("money", "care", "moon")),
)  # fmt: skip
