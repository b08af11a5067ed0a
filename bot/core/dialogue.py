"""What a press or a text means, and what is said next.

`respond` is the whole of it: from what is known (`Scene`) and what was heard to what is done and said (`Turn`). The
state of a talk is in the buttons and in the ledger, so an old button still means what it meant, and pressing twice
changes nothing the second time. Declining is one tap, like accepting; why and stop are never more than one tap away.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import contact, door, menu, survey
from bot.core.buttons import buttons, labelled
from bot.core.facts import CardStatus, Choice, Origin, Phrase
from bot.core.talk import (
    Answered,
    Blocked,
    Button,
    CancelContact,
    Command,
    Effect,
    Heard,
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

LATER_DAYS = (30, 90)
_OLD = Turn(notice=Phrase("old.notice"))
_ALREADY = Turn(notice=Phrase("already.notice"))
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
        case Typed() | SharedContact() | Unreadable():
            if scene.flow is not None:
                return contact.number_given(scene, scene.flow, heard)
            return _anything_else(scene, heard)
    assert_never(heard)


def nudge_buttons(nudge: Nudge) -> tuple[Button, ...]:
    """The answers under a nudge, in the order that never changes.

    *More* becomes *I look myself* once it was pressed. *Contact* stays after it was pressed: whoever let that talk be
    may take it up again, and whoever has a promise is told of it.
    """
    order = (Choice.MORE, Choice.SELF, Choice.NOT_NOW, Choice.NO, Choice.CONTACT, Choice.WHY, Choice.STOP)
    opened = Choice.MORE in nudge.choices
    left_out = {Choice.MORE} if opened else {Choice.SELF}
    if not nudge.asks_contact:
        left_out.add(Choice.CONTACT)
    return _answers(nudge, *(choice for choice in order if choice not in left_out))


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
        case "why":
            says = (_why(scene, scene.nudge) if scene.nudge else Say(words=(Phrase("why.none"),)),)
        case "mydata":
            says = (menu.my_data(scene),)
        case "settings" | "situation" if not active:
            says = door.start(scene)
        case "settings":
            says = (menu.settings(),)
        case "situation":
            says = (menu.ask_situation(scene),)
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
        effects += () if nudge is None else _answer(nudge, Choice.STOP)
        effects += tuple(CancelContact(request.id) for request in scene.requests)
    return Turn(effects=(*effects, Leave(Standing.STOPPED)), says=(receipt,))


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


# Presses.


def _press(scene: Scene, press: Press) -> Turn:
    """A press counts for the nudge that it names, and only if that one is this person's."""
    nudge = scene.nudge if scene.nudge is not None and scene.nudge.message == press.ref else None
    match press.kind:
        case "l" if press.choice in scene.languages:
            return door.language_chosen(scene, press.choice)
        case "w":
            return door.welcome_answered(scene, press.choice)
        case "n" if nudge is not None and press.choice == Choice.WHY:
            return Turn(effects=_answer(nudge, Choice.WHY), says=(_why(scene, nudge),))
        case "n" if nudge is not None and press.choice == Choice.STOP:
            return _stop(scene, nudge)
        case "s" if press.choice == "stop":
            return _stop(scene)
    if scene.standing is not Standing.ACTIVE:
        return _STOPPED if scene.standing is Standing.STOPPED else _OLD
    match press.kind:
        case "n" if nudge is not None:
            return _nudge_answered(scene, nudge, press.choice)
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
            return menu.situation_pressed(scene, press.choice)
        case _:
            return _OLD


# The nudge.


def _nudge_answered(scene: Scene, nudge: Nudge, choice: str) -> Turn:
    name, _, days = choice.partition(".")
    match name:
        case Choice.MORE if _closed(scene, nudge):
            rest = _answers(nudge, *((Choice.CONTACT,) if nudge.asks_contact else ()), Choice.WHY, Choice.STOP)
            said = Say(words=(Phrase("nudge.closed"),), buttons=rest, replaces=True)
            return Turn(effects=_answer(nudge, Choice.MORE), says=(said,))
        case Choice.MORE:
            opened = _with(nudge, Choice.MORE)
            said = Say(words=_shown(opened), buttons=nudge_buttons(opened), replaces=True)
            return Turn(effects=_answer(nudge, Choice.MORE), says=(said,))
        case Choice.SELF:
            rest = tuple(button for button in nudge_buttons(nudge) if button.press and button.press.choice in _LASTING)
            said = Say(words=(*_shown(nudge), Phrase("nudge.self")), buttons=rest, replaces=True)
            return _closing(scene, nudge, Choice.SELF, said)
        case Choice.NOT_NOW | "later" | Choice.NO if Choice.NO in nudge.choices:
            return _ALREADY
        case Choice.NOT_NOW:
            labels = [(f"button.later.{days}", f"later.{days}") for days in LATER_DAYS]
            asked = labelled("n", nudge.message, [*labels, ("button.later.never", Choice.NO)])
            rest = _answers(nudge, Choice.WHY, Choice.STOP)
            said = Say(words=(Phrase("later.ask"),), buttons=asked + rest, replaces=True)
            until = scene.now + timedelta(days=LATER_DAYS[0])
            return Turn(effects=_answer(nudge, Choice.NOT_NOW, until), says=(said,))
        case "later" if days in {str(known) for known in LATER_DAYS}:
            length = timedelta(days=int(days))
            said = Say(
                words=(Phrase("later.done", {"date": scene.today + length}),),
                buttons=_answers(nudge, Choice.WHY, Choice.STOP),
                replaces=True,
            )
            return _closing(scene, nudge, Choice.NOT_NOW, said, until=scene.now + length)
        case Choice.NO:
            day = scene.today + timedelta(days=nudge.card.silence_after_no_days)
            said = Say(
                words=(Phrase("no.done", {"date": day}),),
                buttons=_answers(nudge, Choice.WHY, Choice.STOP),
                replaces=True,
            )
            return _closing(scene, nudge, Choice.NO, said)
        case Choice.CONTACT if nudge.asks_contact:
            asks = contact.wanted(scene, nudge.message)
            return Turn(effects=(*_answer(nudge, Choice.CONTACT), *asks.effects), says=asks.says)
        case _:
            return _OLD


#: What stays under a nudge after "I look myself": the question is answered, the ways on and out are not.
_LASTING = {Choice.CONTACT, Choice.WHY, Choice.STOP}


def _shown(nudge: Nudge) -> tuple[Phrase, ...]:
    """What stands in the nudge's message now: the body once it was opened, before that the nudge itself."""
    return (Phrase(f"card.{nudge.card.id}.body"),) if Choice.MORE in nudge.choices else (nudge.words,)


def _closed(scene: Scene, nudge: Nudge) -> bool:
    """Whether the service came to an end after the nudge left; a door that is shut is not pointed to."""
    ended = nudge.card.valid_until is not None and nudge.card.valid_until < scene.today
    return ended or nudge.card.status in {CardStatus.SUSPENDED, CardStatus.EXPIRED}


def _answers(nudge: Nudge, *choices: Choice) -> tuple[Button, ...]:
    return labelled("n", nudge.message, ((f"button.{choice}", choice) for choice in choices))


def _with(nudge: Nudge, choice: Choice) -> Nudge:
    return replace(nudge, choices=nudge.choices | {choice})


def _answer(nudge: Nudge, choice: Choice, until: datetime | None = None) -> tuple[Effect, ...]:
    """The answer as an effect; the same answer again is none, unless it names another day."""
    return () if choice in nudge.choices and until is None else (Answered(nudge.message, choice, until),)


def _closing(scene: Scene, nudge: Nudge, choice: Choice, said: Say, *, until: datetime | None = None) -> Turn:
    """An answer that ends the nudge's question; now and then the research question follows."""
    effects, says = survey.asked(scene, nudge.message)
    return Turn(effects=(*_answer(nudge, choice, until), *effects), says=(said, *says))


def _why(scene: Scene, nudge: Nudge) -> Say:
    """Generated from the signal's real origin, so that it cannot say more, or less, than is true."""
    theme = {"theme": Phrase(f"theme.{nudge.card.theme}")}
    day = {"date": nudge.signal_at.date()}
    match nudge.origin:
        case Origin.SELF if nudge.situation:
            cause = Phrase("why.self", {**day, "situation": nudge.situation})
        case Origin.SELF:
            cause = Phrase("why.self.unnamed", day)
        case Origin.CALENDAR:
            cause = Phrase("why.calendar", theme)
        case Origin.PROFESSIONAL if nudge.said_by:
            cause = Phrase("why.professional", {**day, "said_by": nudge.said_by})
        case Origin.PROFESSIONAL:
            cause = Phrase("why.professional.unnamed", day)
        case Origin.REGISTER:
            cause = Phrase("why.register", {"data": ", ".join(nudge.data_used), "law": nudge.legal_basis})
        case _:
            assert_never(nudge.origin)
    words = [cause, Phrase("why.ground", theme)]
    if Choice.MORE in nudge.choices or not nudge.card.sensitivity.teaser_first:
        # An unopened teaser keeps its subject to itself, here as well.
        words.append(Phrase("why.service", {"service": Phrase(f"card.{nudge.card.id}.name")}))
    if nudge.chance is not None:
        words.append(Phrase("why.lot", {"percent": nudge.chance}))
    if nudge.words_by_lot:
        words.append(Phrase("why.words_by_lot"))
    active = scene.standing is Standing.ACTIVE
    return Say(words=tuple(words), buttons=buttons("s", "themes") + _answers(nudge, Choice.STOP) if active else ())
