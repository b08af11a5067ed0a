"""The research question: was it welcome, had you expected it? At most once in thirty days, never about illness or debt.

"Uninvited" and "unexpected" are two axes (HU Utrecht), so they are two questions.
"""

from bot.core.buttons import buttons
from bot.core.facts import Choice, Phrase, Sensitivity
from bot.core.talk import Answered, Effect, Nudge, Say, Scene, Surveyed, Turn

_FIRST = (Choice.WELCOME, Choice.UNWELCOME, Choice.NO_OPINION)
_SECOND = (Choice.EXPECTED, Choice.UNEXPECTED)


def asked(scene: Scene, message: int) -> tuple[tuple[Effect, ...], tuple[Say, ...]]:
    """The first question about the nudge `message`, when one is due; else nothing."""
    about = scene.nudge
    if not scene.survey_due or about is None or about.message != message:
        return (), ()
    if about.card.sensitivity is Sensitivity.S3 or about.choices & set(_FIRST):
        return (), ()
    return (Surveyed(),), (Say(words=(Phrase("survey.welcome"),), buttons=buttons("q", *_FIRST, ref=message)),)


def answered(nudge: Nudge, choice: str) -> Turn:
    """An answer to either question; the second time it is pressed nothing changes."""
    if choice in _FIRST and not nudge.choices & set(_FIRST):
        thanks = Phrase("survey.sorry" if choice == Choice.UNWELCOME else "survey.thanks")
        expected = Say(
            words=(thanks, Phrase("survey.expected")),
            buttons=buttons("q", *_SECOND, ref=nudge.message),
            replaces=True,
        )
        return Turn(effects=(Answered(nudge.message, Choice(choice)),), says=(expected,))
    if choice in _SECOND and not nudge.choices & set(_SECOND):
        done = Say(words=(Phrase("survey.done"),), replaces=True)
        return Turn(effects=(Answered(nudge.message, Choice(choice)),), says=(done,))
    if choice in {*_FIRST, *_SECOND}:
        return Turn(notice=Phrase("already.notice"))
    return Turn(notice=Phrase("old.notice"))
