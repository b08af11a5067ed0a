"""The research question: at most one moment in thirty days, never about illness or debt.

Every second time it is: was this welcome, and had you expected it? "Uninvited" and "unexpected" are two axes (HU
Utrecht), so they are two questions. In between it is one of the eight dimensions of personal service, in turn, in our
own working reading: the authors' definitions were not at hand (domain.md 2.2). Each person starts at another one.
"""

from bot.core.buttons import buttons, labelled
from bot.core.facts import Choice, Phrase, Sensitivity
from bot.core.talk import ALREADY, OLD, Answered, Effect, Nudge, Opinion, Say, Scene, Surveyed, Turn

#: The names of van Grondelle and others (2023), in their order.
DIMENSIONS = ("complexity", "language", "place", "time", "relevance", "trust", "empathy", "autonomy")
_FIRST = (Choice.WELCOME, Choice.UNWELCOME, Choice.NO_OPINION)
_SECOND = (Choice.EXPECTED, Choice.UNEXPECTED)


def asked(scene: Scene, message: int) -> tuple[tuple[Effect, ...], tuple[Say, ...]]:
    """The question about the nudge `message`, when one is due; else nothing."""
    about = scene.nudge
    if not scene.survey_due or about is None or about.message != message:
        return (), ()
    if about.card.sensitivity is Sensitivity.S3 or about.choices & set(_FIRST):
        return (), ()
    turn, second_time = divmod(scene.survey_turn, 2)
    if not second_time:
        return (Surveyed(),), (Say(words=(Phrase("survey.welcome"),), buttons=buttons("q", *_FIRST, ref=message)),)
    dimension = DIMENSIONS[turn % len(DIMENSIONS)]
    answers = (("button.q.yes", "yes"), ("button.q.no", "no"), ("button.q.no_opinion", "no_opinion"))
    choices = labelled("q", message, ((label, f"{answer}.{dimension}") for label, answer in answers))
    words = (Phrase(f"survey.dimension.{dimension}"), Phrase("survey.working"))
    return (Surveyed(),), (Say(words=words, buttons=choices),)


def answered(nudge: Nudge, choice: str) -> Turn:
    """An answer to any of the questions; the second time it is pressed nothing changes."""
    answer, _, dimension = choice.partition(".")
    if dimension in DIMENSIONS:
        return _opinion(nudge, answer, dimension)
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
    return ALREADY if choice in {*_FIRST, *_SECOND} else OLD


def _opinion(nudge: Nudge, answer: str, dimension: str) -> Turn:
    done = Say(words=(Phrase("survey.done"),), replaces=True)
    match answer:
        case "yes" | "no" | "no_opinion" if dimension not in nudge.opinions:
            return Turn(effects=(Opinion(nudge.message, dimension, answer),), says=(done,))
        case "yes" | "no" | "no_opinion":
            return ALREADY
        case _:
            return OLD
