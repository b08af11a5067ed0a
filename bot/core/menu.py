"""The settings, and what people tell us of themselves and can see of it."""

from datetime import timedelta

from bot.core import door
from bot.core.buttons import buttons
from bot.core.facts import ConsentState, Phrase
from bot.core.talk import Button, PauseUntil, Press, Say, Scene, Standing, TellSituation, Turn

PAUSE_DAYS = (30, 90)
_OLD = Turn(notice=Phrase("old.notice"))
_ALREADY = Turn(notice=Phrase("already.notice"))


def settings() -> Say:
    return Say(words=(Phrase("settings"),), buttons=door.settings_buttons())


def pressed(scene: Scene, choice: str) -> Turn:
    """A press in the settings; stop is not among them, since it is the same everywhere."""
    name, _, days = choice.partition(".")
    match name:
        case "menu":
            return Turn(says=(settings(),))
        case "themes":
            return Turn(says=(_theme_list(scene),))
        case "language":
            return Turn(says=(door.ask_language(scene),))
        case "situation":
            return Turn(says=(ask_situation(scene),))
        case "kept":
            return Turn(says=(my_data(scene),))
        case "pause" if not days:
            return Turn(says=(_ask_pause(scene),))
        case "pause" if days == "off" and scene.paused_until is None:
            return _ALREADY
        case "pause" if days == "off":
            return Turn(effects=(PauseUntil(None),), says=(Say(words=(Phrase("pause.ended"),), replaces=True),))
        case "pause" if days in {str(known) for known in PAUSE_DAYS}:
            length = timedelta(days=int(days))
            words = Phrase("pause.set", {"date": scene.today + length})
            said = Say(words=(words,), buttons=buttons("s", "pause.off"), replaces=True)
            return Turn(effects=(PauseUntil(scene.now + length),), says=(said,))
        case _:
            return _OLD


def ask_situation(scene: Scene) -> Say:
    told = tuple(Button(label=Phrase(f"situation.{code}"), press=Press("y", 0, code)) for code in scene.situations)
    return Say(words=(Phrase("situation.ask"),), buttons=told + buttons("y", "none"))


def situation_pressed(scene: Scene, code: str) -> Turn:
    """What somebody tells us; a theme that it needs is asked at once, or nothing could come of it."""
    if code == "none":
        return Turn(says=(Say(words=(Phrase("situation.none"),), replaces=True),))
    if code not in scene.situations:
        return _OLD
    if code in scene.told:
        return _ALREADY
    themes = scene.themes_of_situations.get(code, ())
    outcome = Phrase("situation.perhaps" if themes else "situation.nothing")
    thanks = Phrase("situation.told", {"situation": Phrase(f"situation.{code}")})
    chosen = any(scene.consents.get(theme) is ConsentState.GIVEN for theme in themes)
    asks = () if chosen or not themes else (door.ask_theme("t", themes[0]),)
    return Turn(effects=(TellSituation(code),), says=(Say(words=(thanks, outcome), replaces=True), *asks))


def my_data(scene: Scene) -> Say:
    """What is kept of this person, in words. The rest, such as times, is named but not shown."""
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
    if _paused(scene) and scene.paused_until is not None:
        words.append(Phrase("pause.on", {"date": scene.paused_until.date()}))
    for request in scene.requests:
        how = "phone" if request.how == "phone" else "chat"
        words.append(Phrase(f"mydata.request.{how}", {"date": request.promised_by}))
    words += [Phrase("mydata.rest"), Phrase("privacy.rights")]
    return Say(words=tuple(words), buttons=buttons("s", "menu") if active else ())


def _theme_list(scene: Scene) -> Say:
    def button(theme: str) -> Button:
        on = scene.consents.get(theme) is ConsentState.GIVEN
        label = Phrase("button.t.turn_off" if on else "button.t.turn_on", {"theme": Phrase(f"theme.{theme}")})
        return Button(label=label, press=Press("t", 0, f"{'off' if on else 'ask'}.{theme}"))

    return Say(words=(door.chosen_themes(scene),), buttons=tuple(button(theme) for theme in scene.themes))


def _ask_pause(scene: Scene) -> Say:
    if _paused(scene) and scene.paused_until is not None:
        words = Phrase("pause.on", {"date": scene.paused_until.date()})
        return Say(words=(words,), buttons=buttons("s", "pause.off", "pause.90"))
    return Say(words=(Phrase("pause.ask"),), buttons=buttons("s", *(f"pause.{days}" for days in PAUSE_DAYS)))


def _paused(scene: Scene) -> bool:
    return scene.paused_until is not None and scene.paused_until > scene.now
