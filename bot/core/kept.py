"""What people tell us of themselves, what is kept of them, and how it is wiped."""

from datetime import timedelta

from bot.core import door
from bot.core.buttons import buttons
from bot.core.facts import ConsentState, Phrase
from bot.core.talk import (
    ALREADY,
    NOTES,
    OLD,
    RESEARCH,
    Button,
    Erase,
    PauseUntil,
    Press,
    Say,
    Scene,
    Standing,
    TakeBackSituation,
    TellSituation,
    Turn,
)

_BACK = "back."


def ask_situation(scene: Scene) -> Say:
    """What can be told, and for what was told already the way to take it back."""

    def button(code: str) -> Button:
        situation = Phrase(f"situation.{code}")
        if code in scene.told:
            return Button(
                label=Phrase("button.y.back", {"situation": situation}), press=Press("y", 0, f"{_BACK}{code}")
            )
        return Button(label=situation, press=Press("y", 0, code))

    return Say(
        words=(Phrase("situation.ask"),),
        buttons=tuple(button(code) for code in scene.situations) + buttons("y", "none"),
    )


def situation_pressed(scene: Scene, choice: str) -> Turn:
    """What somebody tells us; a theme that it needs is asked at once, or nothing could come of it."""
    code = choice.removeprefix(_BACK)
    if choice == "none":
        return Turn(says=(Say(words=(Phrase("situation.none"),), replaces=True),))
    if code not in scene.situations:
        return OLD
    named = {"situation": Phrase(f"situation.{code}")}
    if choice.startswith(_BACK):
        if code not in scene.told:
            return ALREADY
        said = Say(words=(Phrase("situation.taken_back", named),), buttons=buttons("s", "situation"), replaces=True)
        return Turn(effects=(TakeBackSituation(code),), says=(said,))
    if code in scene.told:
        return ALREADY
    if code in scene.rest_days:
        return _left_in_peace(scene, code)
    themes = scene.themes_of_situations.get(code, ())
    outcome = Phrase("situation.perhaps" if themes else "situation.nothing")
    chosen = any(scene.consents.get(theme) is ConsentState.GIVEN for theme in themes)
    asks = () if chosen or not themes else (door.ask_theme("t", themes[0]),)
    said = Say(words=(Phrase("situation.told", named), outcome), replaces=True)
    return Turn(effects=(TellSituation(code),), says=(said, *asks))


def _left_in_peace(scene: Scene, code: str) -> Turn:
    """After a loss people are there for somebody, and the bot is silent; nothing is asked either."""
    until = scene.now + timedelta(days=scene.rest_days[code])
    if scene.paused_until is not None:
        until = max(until, scene.paused_until)
    thanks = Phrase("situation.told", {"situation": Phrase(f"situation.{code}")})
    words = (thanks, Phrase("situation.rest", {"date": scene.today + (until - scene.now)}))
    said = Say(words=words, buttons=buttons("c", "ask"), replaces=True)
    return Turn(effects=(TellSituation(code), PauseUntil(until)), says=(said,))


def everything(scene: Scene) -> tuple[Say, ...]:
    """What is kept of this person: in words, and whole in a file."""
    active = scene.standing is Standing.ACTIVE
    words = [Phrase("mydata")]
    if scene.joined is not None and active:
        words.append(Phrase("mydata.joined", {"date": scene.joined}))
    words += [
        Phrase("mydata.language", {"language": Phrase(f"button.l.{scene.language}")}),
        door.chosen_themes(scene),
        Phrase("mydata.received", {"n": scene.received}),
    ]
    told = tuple(Phrase(f"situation.{code}") for code in scene.situations if code in scene.told)
    if told:
        words.append(Phrase("mydata.told", {"situations": told}))
    if is_paused(scene) and scene.paused_until is not None:
        words.append(Phrase("pause.on", {"date": scene.paused_until.date()}))
    if scene.tone is not None:
        words.append(Phrase(f"tone.is.{scene.tone}"))
    if scene.own_rest is not None:
        words.append(Phrase("often.is", {"n": scene.own_rest}))
    given = scene.consents.get(RESEARCH) is ConsentState.GIVEN
    words.append(Phrase("research.is.on" if given else "research.is.off"))
    if scene.consents.get(NOTES) is ConsentState.GIVEN:
        words.append(Phrase("notes.is.on"))
    for request in scene.requests:
        how = "talk" if request.talking else request.how
        words.append(Phrase(f"mydata.request.{how}", {"date": request.promised_by}))
    words.append(Phrase("mydata.rest"))
    if scene.person_code:
        words.append(Phrase("mydata.code", {"code": scene.person_code}))
    words.append(Phrase("privacy.rights"))
    ways_on = (buttons("s", "menu") if active else ()) + buttons("e", "ask")
    return Say(words=tuple(words), buttons=ways_on), Say(words=(Phrase("mydata.file"),), with_data=True)


def is_paused(scene: Scene) -> bool:
    return scene.paused_until is not None and scene.paused_until > scene.now


def erasing(scene: Scene, choice: str) -> Turn:
    """Wiping: asked once, with the two answers side by side. Whoever stopped can do it too."""
    if scene.standing is Standing.ERASED:
        return ALREADY
    match choice:
        case "ask":
            words = (Phrase("erase.ask"), *((Phrase("stop.contact"),) if scene.requests else ()))
            return Turn(says=(Say(words=words, buttons=buttons("e", "yes", "no")),))
        case "yes":
            return Turn(effects=(Erase(),), says=(Say(words=(Phrase("erase.done"), Phrase("stop.again"))),))
        case "no":
            return Turn(says=(Say(words=(Phrase("erase.kept"),), replaces=True),))
        case _:
            return OLD
