"""The answers under a nudge: what each of them does, and why the nudge came."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import contact, survey
from bot.core.buttons import buttons, labelled
from bot.core.facts import REASONS, Card, CardStatus, Choice, ConsentState, Level, Origin, Phrase, Value
from bot.core.talk import (
    ALREADY,
    OLD,
    Answered,
    Button,
    Consent,
    Effect,
    Nudge,
    Press,
    Referral,
    Say,
    Scene,
    Standing,
    Turn,
)

LATER_DAYS = (30, 90)
#: What stays under a nudge after "I look myself": the question is answered, the ways on and out are not.
_LASTING = {Choice.CONTACT, Choice.WHY, Choice.STOP}


def nudge_buttons(nudge: Nudge) -> tuple[Button, ...]:
    """The answers under a nudge, in the order that never changes.

    *More* becomes *I look myself* once it was pressed. *Contact* stays after it was pressed: whoever let that talk be
    may take it up again, and whoever has a promise is told of it.
    """
    opened = Choice.MORE in nudge.choices
    first = (Choice.SELF if opened else Choice.MORE, Choice.NOT_NOW, Choice.NO)
    ask = (Choice.CONTACT,) if nudge.asks_contact else ()
    related = _related(nudge) if opened else ()
    return _answers(nudge, *first, *ask) + related + _answers(nudge, Choice.WHY, Choice.STOP)


def fresh_buttons(message: int, card: Card) -> tuple[Button, ...]:
    """`nudge_buttons` of a nudge about `card` that nobody has answered yet."""
    ask = (Choice.CONTACT,) if card.level is Level.INFORM_AND_OFFER_CONTACT else ()
    choices = (Choice.MORE, Choice.NOT_NOW, Choice.NO, *ask, Choice.WHY, Choice.STOP)
    return labelled("n", message, ((f"button.{choice}", choice) for choice in choices))


def answered(scene: Scene, nudge: Nudge, choice: str) -> Turn:
    """What a press under this nudge does; why and stop are the same everywhere, so they are not among them."""
    name, _, days = choice.partition(".")
    match name:
        case Choice.MORE if _closed(scene, nudge):
            rest = _answers(nudge, *((Choice.CONTACT,) if nudge.asks_contact else ()), Choice.WHY, Choice.STOP)
            said = Say(words=(Phrase("nudge.closed"),), buttons=rest, replaces=True)
            return Turn(effects=answer(nudge, Choice.MORE), says=(said,))
        case Choice.MORE:
            opened = replace(nudge, choices=nudge.choices | {Choice.MORE})
            said = Say(words=_shown(opened), buttons=nudge_buttons(opened), replaces=True)
            return Turn(effects=answer(nudge, Choice.MORE), says=(said,))
        case Choice.SELF:
            rest = tuple(button for button in nudge_buttons(nudge) if button.press and button.press.choice in _LASTING)
            said = Say(words=(*_shown(nudge), Phrase("nudge.self")), buttons=rest, replaces=True)
            return _closing(scene, nudge, Choice.SELF, said)
        case Choice.NOT_NOW | "later" | Choice.NO if Choice.NO in nudge.choices:
            return ALREADY
        case Choice.NOT_NOW:
            labels = [(f"button.later.{days}", f"later.{days}") for days in LATER_DAYS]
            asked = labelled("n", nudge.message, [*labels, ("button.later.never", Choice.NO)])
            rest = _answers(nudge, Choice.WHY, Choice.STOP)
            said = Say(words=(Phrase("later.ask"),), buttons=asked + rest, replaces=True)
            until = scene.now + timedelta(days=LATER_DAYS[0])
            return Turn(effects=answer(nudge, Choice.NOT_NOW, until), says=(said,))
        case "later" if days in {str(known) for known in LATER_DAYS}:
            length = timedelta(days=int(days))
            said = Say(
                words=(Phrase("later.done", {"date": scene.today + length}),),
                buttons=_answers(nudge, Choice.WHY, Choice.STOP),
                replaces=True,
            )
            return _closing(scene, nudge, Choice.NOT_NOW, said, until=scene.now + length)
        case Choice.NO:
            return _declined(scene, nudge)
        case Choice.CONTACT if nudge.asks_contact:
            asks = contact.wanted(scene, nudge.message)
            return Turn(effects=(*answer(nudge, Choice.CONTACT), *asks.effects), says=asks.says)
        case _ if choice in REASONS and Choice.NO in nudge.choices:
            return _reason(scene, nudge, Choice(choice))
        case _:
            return OLD


def service_told(scene: Scene, nudge: Nudge, card: str) -> Turn:
    """Another service, told about because somebody pressed on it. An answer is no nudge, and counts as none."""
    found = next((service for service in nudge.related if service.card == card), None)
    if found is None:
        return OLD
    words = (Phrase(f"card.{card}.name"), Phrase(f"card.{card}.body"), *_referred(card, found.referral))
    ask = buttons("c", "ask", ref=nudge.message) if nudge.asks_contact and not scene.requests else ()
    return Turn(says=(Say(words=words, buttons=ask + _answers(nudge, Choice.WHY, Choice.STOP)),))


def answer(nudge: Nudge, choice: Choice, until: datetime | None = None) -> tuple[Effect, ...]:
    """The answer as an effect; the same answer again is none, unless it names another day."""
    return () if choice in nudge.choices and until is None else (Answered(nudge.message, choice, until),)


def why(scene: Scene, nudge: Nudge) -> Say:
    """Generated from the signal's real origin, so that it cannot say more, or less, than is true."""
    theme = {"theme": Phrase(f"theme.{nudge.card.theme}")}
    day = {"date": nudge.signal_at.date()}
    match nudge.origin:
        case Origin.SELF if nudge.situation:
            cause = Phrase("why.self", {**day, "situation": nudge.situation})
        case Origin.SELF:
            cause = Phrase("why.self.unnamed", day)
        case Origin.CALENDAR if nudge.told:
            cause = Phrase("why.calendar.told", {**theme, "situations": nudge.told})
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
    words = [cause]
    if nudge.told and nudge.origin is not Origin.CALENDAR:
        words.append(Phrase("why.told", {"situations": nudge.told}))
    words.append(Phrase("why.ground", theme))
    if Choice.MORE in nudge.choices or not nudge.card.sensitivity.teaser_first:
        # An unopened teaser keeps its subject to itself, here as well.
        words.append(Phrase("why.service", {"service": Phrase(f"card.{nudge.card.id}.name")}))
    if nudge.chance is not None:
        words.append(Phrase("why.lot", {"percent": nudge.chance}))
    if nudge.words_by_lot:
        words.append(Phrase("why.words_by_lot"))
    active = scene.standing is Standing.ACTIVE
    return Say(words=tuple(words), buttons=buttons("s", "themes") + _answers(nudge, Choice.STOP) if active else ())


def why_of_the_last(scene: Scene) -> tuple[Say, ...]:
    """Why the newest nudge came, with a button for each of those shortly before it."""
    if scene.nudge is None:
        return (Say(words=(Phrase("why.none"),)),)
    newest = why(scene, scene.nudge)
    if not scene.earlier:
        return (newest,)
    dated = (
        Button(label=Phrase("button.why.of", {"date": day}), press=Press("n", message, Choice.WHY))
        for message, day in scene.earlier
    )
    return newest, Say(words=(Phrase("why.earlier"),), buttons=(*dated, *_answers(scene.nudge, Choice.STOP)))


def _shown(nudge: Nudge) -> tuple[Phrase, ...]:
    """What stands in the nudge's message now: the body once it was opened, before that the nudge itself."""
    if Choice.MORE not in nudge.choices:
        return (nudge.words,)
    return (Phrase(f"card.{nudge.card.id}.body"), *_referred(nudge.card.id, nudge.referral))


def _referred(card: str, referral: Referral | None) -> tuple[Phrase, ...]:
    """Where one has to go, and what is told there. Nothing, where the municipality delivers it itself."""
    if referral is None:
        return ()
    named: dict[str, Value] = {"organisation": referral.organisation, "service": Phrase(f"card.{card}.name")}
    return (Phrase(f"refer.{referral.handover}", named),)


def _related(nudge: Nudge) -> tuple[Button, ...]:
    return tuple(
        Button(
            label=Phrase("button.k", {"service": Phrase(f"card.{service.card}.name")}),
            press=Press("k", nudge.message, service.card),
        )
        for service in nudge.related
    )


def _closed(scene: Scene, nudge: Nudge) -> bool:
    """Whether the service came to an end after the nudge left; a door that is shut is not pointed to."""
    ended = nudge.card.valid_until is not None and nudge.card.valid_until < scene.today
    return ended or nudge.card.status in {CardStatus.SUSPENDED, CardStatus.EXPIRED}


def _answers(nudge: Nudge, *choices: Choice) -> tuple[Button, ...]:
    return labelled("n", nudge.message, ((f"button.{choice}", choice) for choice in choices))


def _closing(scene: Scene, nudge: Nudge, choice: Choice, said: Say, *, until: datetime | None = None) -> Turn:
    """An answer that ends the nudge's question; now and then the research question follows."""
    effects, says = survey.asked(scene, nudge.message)
    return Turn(effects=(*answer(nudge, choice, until), *effects), says=(said, *says))


def _declined(scene: Scene, nudge: Nudge) -> Turn:
    """No is enough. Why is asked in the same message, and needs no answer; it is the one question of this moment."""
    day = scene.today + timedelta(days=nudge.card.silence_after_no_days)
    given = nudge.choices & set(REASONS)
    words = (Phrase("no.done", {"date": day}), *(() if given else (Phrase("no.why"),)))
    asked = () if given else _answers(nudge, *REASONS)
    said = Say(words=words, buttons=asked + _answers(nudge, Choice.WHY, Choice.STOP), replaces=True)
    return Turn(effects=answer(nudge, Choice.NO), says=(said,))


def _reason(scene: Scene, nudge: Nudge, reason: Choice) -> Turn:
    """Why not, and what follows from it (domain.md 6.1). A second reason is not taken."""
    if nudge.choices & set(REASONS):
        return ALREADY
    effects: tuple[Effect, ...] = (Answered(nudge.message, reason),)
    more: tuple[Button, ...] = ()
    match reason:
        case Choice.NOT_THEME:
            theme = nudge.card.theme
            words = Phrase("theme.off", {"theme": Phrase(f"theme.{theme}")})
            more = buttons("s", "themes")
            if scene.consents.get(theme) is ConsentState.GIVEN:
                effects = (*effects, Consent(theme, ConsentState.WITHDRAWN))
        case Choice.TOO_OFTEN:
            words, more = Phrase("reason.too_often"), buttons("s", "often")
        case Choice.UNWELCOME:
            words = Phrase("survey.sorry")
        case Choice.HAVE_IT if nudge.related:
            words, more = Phrase("reason.have_it.related"), _related(nudge)
        case _:
            words = Phrase(f"reason.{reason}")
    said = Say(words=(words,), buttons=more + _answers(nudge, Choice.WHY, Choice.STOP), replaces=True)
    if reason in {Choice.UNWELCOME, Choice.TOO_OFTEN}:
        return Turn(effects=effects, says=(said,))  # whoever finds us too much is not asked anything else
    asked, questions = survey.asked(scene, nudge.message)
    return Turn(effects=(*effects, *asked), says=(said, *questions))
