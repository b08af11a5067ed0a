"""The talk that ends in "we will contact you": how, when, and a promise that names the day.

It goes by the nudge that it came from (kind "c"), or by the request that it changes (kind "r"); a request that is
being changed stands until its successor is there, so that walking away from the question loses nothing.
"""

from datetime import timedelta
from typing import Literal

import phonenumbers

from bot.core import survey
from bot.core.buttons import buttons, labelled
from bot.core.facts import Phrase
from bot.core.talk import (
    ALREADY,
    OLD,
    AskContact,
    CancelContact,
    Effect,
    Flow,
    OpenRequest,
    Press,
    RemindContact,
    Say,
    Scene,
    SharedContact,
    Step,
    Turn,
    Typed,
    Unreadable,
)

WAYS = ("chat", "phone", "desk")
DAYPARTS = ("morning", "afternoon", "any")
_FLOW_HOURS = 24
_CALLABLE = {
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
    phonenumbers.PhoneNumberType.VOIP,
}


def wanted(scene: Scene, ref: int) -> Turn:
    """Ask how; whoever has a promise already is told of that promise instead of getting a second one."""
    if scene.requests:
        return Turn(says=(_standing_promise(scene, scene.requests[0]),))
    return Turn(says=(_ask_how("c", ref),))


def pressed(scene: Scene, press: Press) -> Turn:
    """A press on the way to a request; `press.ref` is the nudge it came from, 0 when there was none."""
    if press.choice == "ask":
        return wanted(scene, press.ref)
    if scene.requests:
        return ALREADY
    if press.choice == "nothing":
        return _let_be(scene, Phrase("contact.nothing"))
    return _chosen(scene, press)


def request_pressed(scene: Scene, press: Press) -> Turn:
    """Change or cancel an open request; `press.ref` is the request's number."""
    if press.ref not in {request.id for request in scene.requests}:
        return OLD
    talking = any(request.talking for request in scene.requests)
    match press.choice:
        case _ if talking and press.choice not in {"cancel", "keep"}:
            return OLD
        case "change":
            return Turn(says=(_ask_how("r", press.ref),))
        case "cancel":
            said = _let_be(scene, Phrase("contact.cancelled"))
            return Turn(effects=(CancelContact(press.ref), *said.effects), says=said.says)
        case "keep":
            return _let_be(scene, Phrase("contact.kept"))
        case "remind":
            return _remind(scene, next(request for request in scene.requests if request.id == press.ref))
        case _:
            return _chosen(scene, press)


def number_given(scene: Scene, flow: Flow, heard: Typed | SharedContact | Unreadable) -> Turn:
    """A phone number, shared or typed; anything that is none leaves the question open and says what would do."""
    kind, ref = flow.draft.get("kind", "c"), int(flow.draft.get("ref", "0"))
    if isinstance(heard, SharedContact) and not heard.own:
        return Turn(says=(Say(words=(Phrase("contact.number.not_yours"),), keyboard="ask_phone"),))
    phone = None
    if not isinstance(heard, Unreadable):
        phone = read_number(_international(heard), scene.country)
    if phone is None and "phone" in flow.draft:
        return Turn(says=(_ask_when(kind, ref, "phone"),))
    if phone is None:
        return Turn(says=(Say(words=(Phrase("contact.number.unclear"),), keyboard="ask_phone"),))
    kept = Flow(step="when", draft={**flow.draft, "phone": phone}, ends_at=flow.ends_at)
    thanks = Say(words=(Phrase("contact.number.thanks"),), keyboard="remove")
    return Turn(effects=(Step(kept),), says=(thanks, _ask_when(kind, ref, "phone")))


def left(scene: Scene) -> tuple[tuple[Effect, ...], tuple[Say, ...]]:
    """What it takes to leave a talk in steps, whatever comes instead; nothing when there is none."""
    if scene.flow is None:
        return (), ()
    return (Step(None),), (Say(words=(Phrase("contact.left"),), keyboard="remove"),)


def read_number(text: str, country: str) -> str | None:
    """The first number in `text`, in E.164; None when there is none that can be called at an ordinary rate.

    `country` (ISO 3166) is where a number without a country code belongs.
    """
    for match in phonenumbers.PhoneNumberMatcher(text, country):
        if phonenumbers.number_type(match.number) in _CALLABLE:
            return phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _international(heard: Typed | SharedContact) -> str:
    """What was given, with the plus that Telegram leaves out of the numbers that people share."""
    if isinstance(heard, Typed):
        return heard.text
    return heard.phone if heard.phone.startswith(("+", "0")) else f"+{heard.phone}"


def _chosen(scene: Scene, press: Press) -> Turn:
    how, _, daypart = press.choice.partition(".")
    match how:
        case "chat" | "desk" if not daypart:
            effects, says = left(scene)
            return Turn(effects=effects, says=(_ask_when(press.kind, press.ref, how, replaces=True), *says))
        case "phone" if not daypart:
            return _ask_number(scene, press)
        case "chat" if daypart in DAYPARTS:
            return _asked(scene, press, "chat", daypart, None)
        case "desk" if daypart in DAYPARTS:
            return _asked(scene, press, "desk", daypart, None)
        case "phone" if daypart in DAYPARTS:
            phone = scene.flow.draft.get("phone") if scene.flow else None
            if phone is None:
                return Turn(says=(_ask_how(press.kind, press.ref),))
            return _asked(scene, press, "phone", daypart, phone)
        case _:
            return OLD


def _ask_how(kind: str, ref: int) -> Say:
    leave = "nothing" if kind == "c" else "keep"
    choices = ((f"button.c.{choice}", choice) for choice in (*WAYS, leave))
    return Say(words=(Phrase("contact.how"),), buttons=labelled(kind, ref, choices))


def _ask_number(scene: Scene, press: Press) -> Turn:
    draft = {"kind": press.kind, "ref": str(press.ref)}
    ask = Say(words=(Phrase("contact.number"),), keyboard="ask_phone")
    if scene.flow is not None and scene.flow.step == "number" and scene.flow.draft == draft:
        return Turn(says=(ask,))
    flow = Flow(step="number", draft=draft, ends_at=scene.now + timedelta(hours=_FLOW_HOURS))
    leave = "nothing" if press.kind == "c" else "keep"
    ways_out = labelled(press.kind, press.ref, (("button.c.chat_instead", "chat"), (f"button.c.{leave}", leave)))
    chosen = Say(words=(Phrase("contact.how.phone"),), buttons=ways_out, replaces=True)
    return Turn(effects=(Step(flow),), says=(chosen, ask))


def _ask_when(kind: str, ref: int, how: str, *, replaces: bool = False) -> Say:
    dayparts = labelled(kind, ref, ((f"button.c.{daypart}", f"{how}.{daypart}") for daypart in DAYPARTS))
    return Say(words=(Phrase("contact.when"),), buttons=dayparts, replaces=replaces)


def _asked(scene: Scene, press: Press, how: Literal["chat", "phone", "desk"], daypart: str, phone: str | None) -> Turn:
    effects: tuple[Effect, ...] = (Step(None),) if scene.flow else ()
    if press.kind == "r":
        message = next((request.message for request in scene.requests if request.id == press.ref), None)
        effects = (*effects, CancelContact(press.ref))
    else:
        message = press.ref if scene.nudge is not None and scene.nudge.message == press.ref else None
    effects = (*effects, AskContact(message, how, daypart, phone, scene.promise))
    words = (
        Phrase(f"contact.promise.{how}", {"date": scene.promise}),
        Phrase(f"contact.promise.{daypart}"),
        Phrase("contact.early"),
        Phrase("contact.never"),
    )
    promise = Say(words=words, buttons=buttons("r", "change", "cancel", "remind", ref=scene.update), replaces=True)
    # With the number still asked for, its keyboard has to go: an inline row and a keyboard cannot be in one message.
    gone = (
        (Say(words=(Phrase("contact.left"),), keyboard="remove"),)
        if scene.flow is not None and scene.flow.step == "number"
        else ()
    )
    survey_effects, questions = survey.asked(scene, message) if message is not None else ((), ())
    return Turn(effects=(*effects, *survey_effects), says=(promise, *gone, *questions))


def _standing_promise(scene: Scene, request: OpenRequest) -> Say:
    if request.talking:
        return Say(words=(Phrase("talk.open"),), buttons=buttons("r", "cancel", ref=request.id))
    if request.promised_by < scene.today:
        return Say(words=(Phrase("contact.late"),), buttons=buttons("r", "change", "cancel", ref=request.id))
    words = Phrase(f"contact.already.{request.how}", {"date": request.promised_by})
    late = request.promised_by == scene.today  # a reminder comes on the day itself
    choices = ("change", "cancel") if request.reminded or late else ("change", "cancel", "remind")
    return Say(words=(words,), buttons=buttons("r", *choices, ref=request.id))


def _remind(scene: Scene, request: OpenRequest) -> Turn:
    """A reminder only because it was asked for, on the day of the promise; not of a talk that goes on already."""
    if request.talking or request.promised_by <= scene.today:
        return OLD
    if request.reminded:
        return ALREADY
    words = Phrase("contact.remind", {"date": request.promised_by})
    said = Say(words=(words,), buttons=buttons("r", "change", "cancel", ref=request.id))
    return Turn(effects=(RemindContact(request.id),), says=(said,))


def _let_be(scene: Scene, words: Phrase) -> Turn:
    """The answer that ends the talk. It takes the keyboard for a number along, which an edited message cannot."""
    if scene.flow is None:
        return Turn(says=(Say(words=(words,), replaces=True),))
    return Turn(effects=(Step(None),), says=(Say(words=(words,), keyboard="remove"),))
