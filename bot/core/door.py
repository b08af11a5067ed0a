"""The door: language, who we are, and one question for each theme.

A theme is asked at the door (kind "d"), where the next theme follows the answer, or in the settings (kind "t"), where
none follows: whoever turns one theme on is not asked about the others.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from bot.core.buttons import buttons, labelled
from bot.core.facts import ConsentState, Phrase, Value
from bot.core.talk import (
    ALREADY,
    OLD,
    Button,
    Consent,
    Join,
    LinkResult,
    Press,
    Say,
    Scene,
    SetLanguage,
    Standing,
    Turn,
)

SETTINGS = ("themes", "language", "quiet", "often", "pause", "tone", "situation", "research", "notes", "kept")
#: It stays readable after the answer: who writes, what, how often, what is kept, and how to check that it is real.
_WHO_WE_ARE = (Phrase("welcome"), Phrase("welcome.kept"), Phrase("welcome.check"))


def start(scene: Scene) -> tuple[Say, ...]:
    """What `/start` is answered with, and whatever else somebody says who is not taking part."""
    linked = () if scene.link is None else (Say(words=(_linked(scene.link),)),)
    match scene.standing:
        case Standing.ACTIVE:
            return (*linked, Say(words=(Phrase("start.again"),), buttons=settings_buttons()))
        case Standing.STOPPED | Standing.BLOCKED:
            return (*linked, welcome_back())
        case Standing.JOINING | Standing.ERASED:
            return (*linked, ask_language(scene))


def settings_buttons() -> tuple[Button, ...]:
    return buttons("s", *SETTINGS, "stop")


def ask_language(scene: Scene) -> Say:
    """The languages, the one of the person's own app first."""
    first = scene.suggested_language
    order = sorted(scene.languages, key=lambda language: (language != first, scene.languages.index(language)))
    return Say(words=(Phrase("language.ask"),), buttons=buttons("l", *order))


def language_chosen(scene: Scene, language: str) -> Turn:
    """The words that follow are for the journey to say in the language that was just chosen."""
    chosen = Say(words=(Phrase("language.set"),), replaces=True)
    match scene.standing:
        case Standing.ACTIVE:
            return Turn(effects=(SetLanguage(language),), says=(chosen,))
        case Standing.STOPPED | Standing.BLOCKED:
            return Turn(effects=(SetLanguage(language),), says=(chosen, welcome_back()))
        case Standing.JOINING | Standing.ERASED:
            return Turn(effects=(SetLanguage(language),), says=(chosen, _welcome()))


def welcome_back() -> Say:
    """For whoever left: nothing comes back by itself."""
    return Say(words=(Phrase("welcome.back"),), buttons=buttons("w", "yes", "leave"))


def welcome_answered(scene: Scene, choice: str) -> Turn:
    match choice:
        case "kept":
            return Turn(says=(privacy(scene),))
        case "yes" if scene.standing is Standing.ACTIVE:
            return ALREADY
        case "yes":
            # A consent from before cannot come back with its person, whatever the record says.
            anew = {
                theme: ConsentState.WITHDRAWN if state is ConsentState.GIVEN else state
                for theme, state in scene.consents.items()
            }
            question = _next_theme(scene, anew) or _done(())
            return Turn(
                effects=(Join(),), says=(Say(words=(*_WHO_WE_ARE, Phrase("welcome.joined")), replaces=True), question)
            )
        case "no" | "leave" if scene.standing is not Standing.ACTIVE:
            return Turn(says=(Say(words=(Phrase("welcome.declined"),), replaces=True),))
        case _:
            return OLD


def privacy(scene: Scene) -> Say:
    more = buttons("s", "menu") if scene.standing is Standing.ACTIVE else ()
    return Say(words=(Phrase("privacy"), Phrase("privacy.rights")), buttons=more)


def ask_theme(kind: str, theme: str, *, replaces: bool = False) -> Say:
    """The question whose text, word for word, becomes the record of the consent."""
    asked = Phrase("theme.ask", {"theme": Phrase(f"theme.{theme}"), "about": Phrase(f"theme.{theme}.description")})
    answers = labelled(kind, 0, ((f"button.t.{choice}", f"{choice}.{theme}") for choice in ("yes", "no", "kept")))
    return Say(words=(asked,), buttons=answers, asks_consent=theme, replaces=replaces)


def ask_renewal(theme: str, ends: date) -> Say:
    """Asked once before a consent ends; without an answer it does."""
    named: dict[str, Value] = {
        "theme": Phrase(f"theme.{theme}"),
        "about": Phrase(f"theme.{theme}.description"),
        "date": ends,
    }
    answers = labelled(
        "t",
        0,
        (
            ("button.t.renew", f"renew.{theme}"),
            ("button.t.no", f"no.{theme}"),
            ("button.t.kept", f"kept.{theme}"),
        ),
    )
    return Say(words=(Phrase("theme.renew", named),), buttons=answers, asks_consent=theme)


def privacy_changed() -> Say:
    """Told to everybody who takes part when the privacy text changes, with the way out."""
    words = (Phrase("privacy.changed"), Phrase("privacy"), Phrase("privacy.rights"))
    return Say(words=words, buttons=buttons("s", "kept", "stop"))


def theme_answered(scene: Scene, press: Press) -> Turn:
    answer, _, theme = press.choice.partition(".")
    if theme not in scene.themes:
        return OLD
    state = scene.consents.get(theme)
    name = {"theme": Phrase(f"theme.{theme}")}
    match answer:
        case "kept":
            return Turn(says=(privacy(scene),))
        case "renew" if theme in scene.renewable:
            said = Say(words=(Phrase("renew.given", name),), replaces=True)
            return Turn(effects=(Consent(theme, ConsentState.GIVEN),), says=(said,))
        case "renew":
            return ALREADY if state is ConsentState.GIVEN else OLD
        case "yes" | "ask" if state is ConsentState.GIVEN:
            return ALREADY
        case "ask":
            return Turn(says=(ask_theme("t", theme, replaces=True),))
        case "yes":
            said = Say(words=(Phrase("theme.given", name),), replaces=True)
            return _consented(scene, press.kind, theme, ConsentState.GIVEN, said)
        case "no" | "off" if state is ConsentState.GIVEN:
            said = Say(words=(Phrase("theme.off", name),), buttons=buttons("s", "themes"), replaces=True)
            return Turn(effects=(Consent(theme, ConsentState.WITHDRAWN),), says=(said,))
        case "off":
            ended = state in {ConsentState.WITHDRAWN, ConsentState.EXPIRED}
            return _once_more(ALREADY, theme, ConsentState.WITHDRAWN if ended else ConsentState.REFUSED)
        case "no" if state is not ConsentState.REFUSED:
            said = Say(words=(Phrase("theme.refused", name),), replaces=True)
            return _consented(scene, press.kind, theme, ConsentState.REFUSED, said)
        case "no" if press.kind == "t":
            said = Say(words=(Phrase("theme.refused", name),), buttons=buttons("s", "themes"), replaces=True)
            return _once_more(Turn(says=(said,)), theme, ConsentState.REFUSED)
        case "no":
            return _once_more(ALREADY, theme, ConsentState.REFUSED)
        case _:
            return OLD


def _once_more(turn: Turn, theme: str, state: ConsentState) -> Turn:
    """A no that stood already: recorded all the same, since a yes from before it may still be on its way to us."""
    return replace(turn, effects=(Consent(theme, state),))


def chosen_themes(scene: Scene) -> Phrase:
    """The themes that are on, in words."""
    return _themes(_given(scene, scene.consents))


def _consented(scene: Scene, kind: str, theme: str, state: ConsentState, said: Say) -> Turn:
    consents = {**scene.consents, theme: state}
    if kind == "d":
        after = _next_theme(scene, consents) or _done(_given(scene, consents))
    else:
        after = Say(words=(_themes(_given(scene, consents)),), buttons=buttons("s", "themes", "menu"))
    return Turn(effects=(Consent(theme, state),), says=(said, after))


def _welcome() -> Say:
    return Say(words=(*_WHO_WE_ARE, Phrase("welcome.ask")), buttons=buttons("w", "yes", "no", "kept"))


def _linked(result: LinkResult) -> Phrase:
    return Phrase(f"link.{result}")


def _next_theme(scene: Scene, consents: Mapping[str, ConsentState]) -> Say | None:
    """The first theme without a yes or a no, or whose yes has ended."""
    settled = {ConsentState.GIVEN, ConsentState.REFUSED}
    return next((ask_theme("d", theme) for theme in scene.themes if consents.get(theme) not in settled), None)


def _given(scene: Scene, consents: Mapping[str, ConsentState]) -> tuple[Phrase, ...]:
    return tuple(Phrase(f"theme.{theme}") for theme in scene.themes if consents.get(theme) is ConsentState.GIVEN)


def _themes(given: tuple[Phrase, ...]) -> Phrase:
    return Phrase("themes.chosen", {"themes": given}) if given else Phrase("themes.none")


def _done(given: tuple[Phrase, ...]) -> Say:
    if not given:
        return Say(words=(Phrase("done.none"),), buttons=buttons("s", "themes"))
    return Say(words=(Phrase("done", {"themes": given}),), buttons=buttons("s", "situation", "menu"))
