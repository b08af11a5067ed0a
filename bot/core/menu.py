"""The settings: themes, language, quiet hours, how often, a pause, the tone, research and notes."""

from dataclasses import replace
from datetime import time, timedelta

from bot.core import door, kept, notes
from bot.core.buttons import buttons
from bot.core.facts import ConsentState, Phrase, Tone
from bot.core.talk import (
    ALREADY,
    OLD,
    RESEARCH,
    Button,
    Consent,
    PauseUntil,
    Press,
    Say,
    Scene,
    SetQuiet,
    SetRest,
    SetTone,
    Turn,
)

PAUSE_DAYS = (30, 90, 182)
REST_DAYS = (30, 90)
TONES = {"practical": Tone.PRACTICAL, "warm": Tone.WARM, "any": None}
#: Quiet from and until. They can only add to the quiet hours of the rules.
QUIET = {
    "morning": (time(12), time(9)),
    "afternoon": (time(17), time(12)),
    "daytime": (time(17), time(9)),
    "usual": None,
}


def settings() -> Say:
    return Say(words=(Phrase("settings"),), buttons=door.settings_buttons())


def pressed(scene: Scene, choice: str) -> Turn:
    """A press in the settings; stop is not among them, since it is the same everywhere."""
    name, _, value = choice.partition(".")
    match name:
        case "menu":
            return Turn(says=(settings(),))
        case "themes":
            return Turn(says=(_theme_list(scene),))
        case "language":
            return Turn(says=(door.ask_language(scene),))
        case "situation":
            return Turn(says=(kept.ask_situation(scene),))
        case "kept":
            return Turn(says=kept.everything(scene))
        case "pause":
            return _pause(scene, value)
        case "quiet":
            return _quiet(scene, value)
        case "often":
            return _often(scene, value)
        case "tone":
            return _tone(scene, value)
        case "research":
            return _research(scene, value)
        case "notes":
            return notes.pressed(scene, value)
        case _:
            return OLD


def _theme_list(scene: Scene) -> Say:
    def button(theme: str) -> Button:
        on = scene.consents.get(theme) is ConsentState.GIVEN
        label = Phrase("button.t.turn_off" if on else "button.t.turn_on", {"theme": Phrase(f"theme.{theme}")})
        return Button(label=label, press=Press("t", 0, f"{'off' if on else 'ask'}.{theme}"))

    return Say(words=(door.chosen_themes(scene),), buttons=tuple(button(theme) for theme in scene.themes))


def _pause(scene: Scene, days: str) -> Turn:
    if not days:
        return Turn(says=(_ask_pause(scene),))
    if days == "off":
        if scene.paused_until is None:
            return ALREADY
        return Turn(effects=(PauseUntil(None),), says=(Say(words=(Phrase("pause.ended"),), replaces=True),))
    if days not in {str(known) for known in PAUSE_DAYS}:
        return OLD
    length = timedelta(days=int(days))
    words = Phrase("pause.set", {"date": scene.today + length})
    said = Say(words=(words,), buttons=buttons("s", "pause.off"), replaces=True)
    return Turn(effects=(PauseUntil(scene.now + length),), says=(said,))


def _ask_pause(scene: Scene) -> Say:
    if kept.is_paused(scene) and scene.paused_until is not None:
        words = Phrase("pause.on", {"date": scene.paused_until.date()})
        return Say(words=(words,), buttons=buttons("s", "pause.off", "pause.90"))
    return Say(words=(Phrase("pause.ask"),), buttons=buttons("s", *(f"pause.{days}" for days in PAUSE_DAYS)))


def _quiet(scene: Scene, when: str) -> Turn:
    quiet_from, quiet_until = scene.quiet_rules
    fits = [name for name, hours in QUIET.items() if hours is None or _leaves_an_hour(hours, scene.quiet_rules)]
    if not when:
        words = Phrase("quiet.ask", {"from": f"{quiet_until:%H:%M}", "until": f"{quiet_from:%H:%M}"})
        return Turn(says=(Say(words=(words,), buttons=buttons("s", *(f"quiet.{name}" for name in fits))),))
    if when not in fits:
        return OLD
    if QUIET[when] == scene.quiet:
        return ALREADY
    said = Say(words=(Phrase(f"quiet.set.{when}"),), buttons=buttons("s", "menu"), replaces=True)
    return Turn(effects=(SetQuiet(QUIET[when]),), says=(said,))


def _leaves_an_hour(own: tuple[time, time], rules: tuple[time, time]) -> bool:
    """Whether an hour a day is left to write in, the two together."""
    return max(own[1], rules[1]).hour < min(own[0], rules[0]).hour


def _often(scene: Scene, days: str) -> Turn:
    if not days:
        choices = (*(f"often.{known}" for known in REST_DAYS), "often.usual")
        now = () if scene.pause_days is None else (Phrase("often.now", {"n": scene.pause_days}),)
        return Turn(says=(Say(words=(*now, Phrase("often.ask")), buttons=buttons("s", *choices)),))
    if days == "usual":
        said = Say(words=(Phrase("often.usual"),), buttons=buttons("s", "menu"), replaces=True)
        return Turn(effects=(SetRest(None),), says=(said,))
    if days not in {str(known) for known in REST_DAYS}:
        return OLD
    if scene.own_rest == int(days):
        return ALREADY
    said = Say(words=(Phrase("often.set", {"n": int(days)}),), buttons=buttons("s", "menu"), replaces=True)
    return Turn(effects=(SetRest(int(days)),), says=(said,))


def _tone(scene: Scene, tone: str) -> Turn:
    if not tone:
        return Turn(says=(Say(words=(Phrase("tone.ask"),), buttons=buttons("s", *(f"tone.{name}" for name in TONES))),))
    if tone not in TONES:
        return OLD
    if TONES[tone] is scene.tone:
        return ALREADY
    said = Say(words=(Phrase(f"tone.set.{tone}"),), buttons=buttons("s", "menu"), replaces=True)
    return Turn(effects=(SetTone(TONES[tone]),), says=(said,))


def _research(scene: Scene, answer: str) -> Turn:
    """A consent of its own: no theme needs it, and nothing changes without it."""
    state = scene.consents.get(RESEARCH)
    given = state is ConsentState.GIVEN
    match answer:
        case "" if given:
            return Turn(says=(Say(words=(Phrase("research.is.on"),), buttons=buttons("s", "research.no", "menu")),))
        case "":
            choices = buttons("s", "research.yes", "research.no")
            return Turn(says=(Say(words=(Phrase("research.ask"),), buttons=choices, asks_consent=RESEARCH),))
        case "yes" if given:
            return ALREADY
        case "yes":
            new = ConsentState.GIVEN
        case "no" if given:
            new = ConsentState.WITHDRAWN
        case "no" if state is ConsentState.REFUSED or state is ConsentState.WITHDRAWN:
            # Recorded all the same: a yes from before it may still be on its way to us.
            return replace(ALREADY, effects=(Consent(RESEARCH, state),))
        case "no":
            new = ConsentState.REFUSED
        case _:
            return OLD
    words = Phrase("research.given" if new is ConsentState.GIVEN else "research.refused")
    return Turn(
        effects=(Consent(RESEARCH, new),), says=(Say(words=(words,), buttons=buttons("s", "menu"), replaces=True),)
    )
