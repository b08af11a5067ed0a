"""What a press or a text means, and what is said next.

`respond` is the whole of it: from what is known (`Scene`) and what was heard to what is done and said (`Turn`). The
state of a talk is in the buttons and in the ledger, so an old button still means what it meant, and pressing twice
changes nothing the second time. Declining is one tap, like accepting; why and stop are never more than one tap away.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import assert_never

from bot.core import answers, contact, door, free_text, kept, menu, survey
from bot.core.answers import nudge_buttons
from bot.core.buttons import buttons
from bot.core.facts import Choice, Phrase
from bot.core.talk import (
    OLD,
    Blocked,
    CancelContact,
    Command,
    Effect,
    Heard,
    KeepText,
    Leave,
    Nudge,
    Press,
    Say,
    Scene,
    SharedContact,
    Standing,
    Step,
    Turn,
    Typed,
    Unblocked,
    Unreadable,
)

__all__ = ["nudge_buttons", "respond"]

_STOPPED = Turn(notice=Phrase("stopped.notice"))


def respond(scene: Scene, heard: Heard) -> Turn:
    """What follows. Whatever is heard, a stop is a stop, and nothing is sent to somebody who blocked us."""
    if scene.flow is not None and (scene.flow.ends_at <= scene.now or scene.standing is not Standing.ACTIVE):
        scene = replace(scene, flow=None)
    match heard:
        case Blocked():
            gone = scene.standing in {Standing.BLOCKED, Standing.ERASED}
            return Turn() if gone else Turn(effects=(Leave(Standing.BLOCKED),))
        case Unblocked():
            return Turn(says=(door.welcome_back(),)) if scene.standing is Standing.BLOCKED else Turn()
        case Command(name="stop"):
            return _stop(scene)
        case Typed(text=text) if _means_stop(text, scene.stop_words):
            return _stop(scene)
        case Command():
            return _command(scene, heard)
        case Press():
            return _press(scene, heard)
        case Typed():
            return _typed(scene, heard)
        case SharedContact() | Unreadable():
            if scene.flow is not None:
                return contact.number_given(scene, scene.flow, heard)
            return _anything_else(scene, heard)
    assert_never(heard)


def _means_stop(text: str, stop_words: Collection[str]) -> bool:
    """Whether this is nothing but a stop word, whatever its case, marks and spaces."""
    said = " ".join(re.sub(r"[^\w\s]", "", text).casefold().split())
    return bool(said) and said in stop_words


def _command(scene: Scene, command: Command) -> Turn:
    active = scene.standing is Standing.ACTIVE
    says: tuple[Say, ...]
    match command.name:
        case "start":
            says = door.start(scene)
        case "language":
            says = (door.ask_language(scene),)
        case "privacy":
            says = (door.privacy(scene),)
        case "about":
            says = (
                Say(words=(Phrase("about"), Phrase("about.check")), buttons=buttons("s", "menu") if active else ()),
            )
        case "why":
            says = answers.why_of_the_last(scene)
        case "mydata":
            says = kept.everything(scene)
        case "settings" | "situation" if not active:
            says = door.start(scene)
        case "settings":
            says = (menu.settings(),)
        case "situation":
            says = (kept.ask_situation(scene),)
        case _:
            says = (Say(words=(Phrase("help"), Phrase("help.never")), buttons=buttons("s", "menu") if active else ()),)
    ends, first = contact.left(scene)
    return Turn(effects=ends, says=(*first, *says))


def _stop(scene: Scene, nudge: Nudge | None = None) -> Turn:
    """Off at once, with a receipt; whoever had stopped already gets the receipt again."""
    words = (Phrase("stop.done"), *((Phrase("stop.contact"),) if scene.requests else ()), Phrase("stop.again"))
    keyboard = scene.flow is not None
    receipt = Say(words=words, replaces=nudge is not None and not keyboard, keyboard="remove" if keyboard else "none")
    effects: tuple[Effect, ...] = (Step(None),) if keyboard else ()
    if scene.standing is Standing.ACTIVE:
        effects += () if nudge is None else answers.answer(nudge, Choice.STOP)
        effects += tuple(CancelContact(request.id) for request in scene.requests)
    return Turn(effects=(*effects, Leave(Standing.STOPPED)), says=(receipt,))


def _typed(scene: Scene, heard: Typed) -> Turn:
    """What somebody typed. Numbers for an emergency come first, whoever it is and whatever we were talking about."""
    urgent = free_text.emergencies(heard.text, scene.emergencies)
    clean, masked = free_text.without_numbers(heard.text)
    first: tuple[Say, ...] = ()
    if urgent:
        numbers = tuple(Phrase(f"emergency.{kind}") for kind in urgent)
        first = (Say(words=(Phrase("emergency"), *numbers)),)
    if scene.flow is not None:
        turn = contact.number_given(scene, scene.flow, heard)
        # A phone number can look like another one; it is the one thing that was asked for.
        masked = masked and not any(isinstance(effect, Step) for effect in turn.effects)
    elif scene.standing is Standing.ACTIVE and scene.requests:
        turn = _for_staff(scene, clean)
    elif urgent and scene.standing is not Standing.ACTIVE:
        turn = Turn()
    else:
        turn = _anything_else(scene, heard)
    if masked:
        first = (*first, Say(words=(Phrase("text.masked"),)))
    return Turn(effects=turn.effects, says=(*first, *turn.says), notice=turn.notice)


def _for_staff(scene: Scene, text: str) -> Turn:
    """Whoever asked for contact writes to the one who will answer; nobody else's words reach staff."""
    request = scene.requests[0]
    words = Phrase("talk.kept") if request.talking else Phrase("talk.kept.early", {"date": request.promised_by})
    choices = ("cancel",) if request.talking else ("change", "cancel")
    said = Say(words=(words,), buttons=buttons("r", *choices, ref=request.id))
    return Turn(effects=(KeepText(request.id, text),), says=(said,))


def _anything_else(scene: Scene, heard: Typed | SharedContact | Unreadable) -> Turn:
    match scene.standing:
        case Standing.STOPPED:
            return Turn(says=(Say(words=(Phrase("text.stopped"),), buttons=buttons("w", "yes", "leave")),))
        case Standing.JOINING | Standing.BLOCKED | Standing.ERASED:
            return Turn(says=door.start(scene))
        case Standing.ACTIVE:
            pass
    match heard:
        case SharedContact():
            # A number that nobody asked for (any more) is not kept; the keyboard that offered it goes.
            gone = Say(words=(Phrase("text.number"),), keyboard="remove")
            return Turn(says=(gone, Say(words=(Phrase("text.contact"),), buttons=buttons("c", "ask"))))
        case Typed():
            return Turn(says=(Say(words=(Phrase("text.unread"),), buttons=buttons("c", "ask") + buttons("s", "menu")),))
        case Unreadable():
            return Turn(says=(Say(words=(Phrase("text.unreadable"),), buttons=buttons("s", "menu")),))


def _press(scene: Scene, press: Press) -> Turn:
    """A press counts for the nudge that it names, and only if that one is this person's."""
    nudge = scene.nudge if scene.nudge is not None and scene.nudge.message == press.ref else None
    match press.kind:
        case "l" if press.choice in scene.languages:
            return door.language_chosen(scene, press.choice)
        case "w":
            return door.welcome_answered(scene, press.choice)
        case "n" if nudge is not None and press.choice == Choice.WHY:
            return Turn(effects=answers.answer(nudge, Choice.WHY), says=(answers.why(scene, nudge),))
        case "n" if nudge is not None and press.choice == Choice.STOP:
            return _stop(scene, nudge)
        case "s" if press.choice == "stop":
            return _stop(scene)
        case "e":
            return kept.erasing(scene, press.choice)
        case "x":
            return Turn(notice=Phrase("test.notice"))
    if scene.standing is not Standing.ACTIVE:
        return _STOPPED if scene.standing is Standing.STOPPED else OLD
    match press.kind:
        case "n" if nudge is not None:
            return answers.answered(scene, nudge, press.choice)
        case "k" if nudge is not None:
            return answers.service_told(scene, nudge, press.choice)
        case "q" if nudge is not None:
            return survey.answered(nudge, press.choice)
        case "d" | "t":
            return door.theme_answered(scene, press)
        case "c":
            return contact.pressed(scene, press)
        case "r":
            return contact.request_pressed(scene, press)
        case "s":
            return menu.pressed(scene, press.choice)
        case "y":
            return kept.situation_pressed(scene, press.choice)
        case _:
            return OLD
