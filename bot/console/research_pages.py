"""Which figures stand on which page of research, and how each is drawn."""

from dataclasses import dataclass
from typing import Final, Literal

from bot.console.words import N_

Kind = Literal["intervals", "bars", "lines", "table"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One figure: `key` is its name in bot.research.figures.

    `label` names the column whose words stand at the marks, `value` the column that is drawn (for lines one for each
    series where there is no label), `at` the column with the weeks, `axis` what the scale is called.
    """

    key: str
    title: str
    kind: Kind
    note: str = ""
    label: str = ""
    value: tuple[str, ...] = ("share",)
    at: str = ""
    axis: str = ""
    folded: bool = False  # a table that only some read


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    slug: str
    title: str
    lead: str
    figures: tuple[Drawn, ...]


_BOUNDS: Final = N_("The bounds may be looked at every day: 95 times in 100 they are right at all moments together.")
_BY_PERSON: Final = N_("Several messages of one person count as if they were of several.")
_ALL: Final = N_(
    "Whoever stops ends the consent for research too. So this counts everybody, as numbers only; nobody who "
    "stopped is in the other figures."
)
_EVERYBODY: Final = N_(
    "This counts everybody, as numbers only. “Clearly” is what chance alone would do to one group in twenty at most."
)
_WORKING: Final = N_(
    "The questions are our own working reading of the eight dimensions of van Grondelle and others (2023)."
)
_BOTHERED: Final = N_("Somebody called the message unpleasant, or said that we write too often.")
_WINDOW: Final = N_("Only messages whose two weeks are over.")

PAGES: Final = (
    Page(
        slug="funnel",
        title=N_("From signal to answer"),
        lead=N_("How many people are left at each step, and why nothing was written to the others."),
        figures=(
            Drawn(
                key="funnel", title=N_("From signal to answer"), kind="bars", label="stage", value=("moments",),
                axis="moments",
                note=N_("Each moment at which it was looked at whether to write to somebody. Answers count "
                        "within two weeks."),
            ),
            Drawn(
                key="reasons", title=N_("Why nothing was written"), kind="bars", label="reason", value=("moments",),
                axis="moments", note=N_("Not writing is an outcome too: most of these pauses are what people "
                        "asked for."),
            ),
        ),
    ),
    Page(
        slug="tones",
        title=N_("Answers by tone"),
        lead=N_("Which wordings were felt welcome, where the tone was drawn by lot."),
        figures=(
            Drawn(key="tones", title=N_("Felt welcome, by tone"), kind="intervals", label="tone", axis="interested",
                  note=N_("Each tone as it was sent. The sentence weighs every message by the chance that its "
                        "tone had, so that a lottery that learned in between misleads nobody.")),
            Drawn(key="choices", title=N_("All answers, by tone"), kind="table",
                  note=N_("One message can have several answers. “No answer” is an outcome and no opinion.")),
        ),
    ),
    Page(
        slug="rhythm",
        title=N_("Rhythm and stopping"),
        lead=N_("How answers go with the pause before a message, and how many people stop."),
        figures=(
            Drawn(key="rhythm", title=N_("Felt welcome, by pause"), kind="intervals", label="pause", axis="interested",
                  note=_WINDOW),
            Drawn(key="irritation", title=N_("Bothered people, by pause"), kind="intervals", label="pause",
                  axis="unwelcome", note=_BOTHERED),
            Drawn(key="stops", title=N_("Stopped, over time"), kind="lines", at="block", axis="stops", note=_ALL),
        ),
    ),
    Page(
        slug="welcome",
        title=N_("Welcome and expected"),
        lead=N_("“Uninvited” and “unexpected” are two different things, so people are asked about both."),
        figures=(
            Drawn(key="axes", title=N_("Welcome × expected"), kind="table",
                  note=N_("Asked now and then of people who answered a message, so this is not everybody.")),
            Drawn(key="axes_over_time", title=N_("Welcome × expected, over time"), kind="lines", label="quadrant",
                  at="block", axis="answers", note=N_("“No opinion” is left out here.")),
        ),
    ),
    Page(
        slug="dimensions",
        title=N_("The eight dimensions"),
        lead=N_("One question at a time about the dimensions of personal service."),
        figures=(
            Drawn(key="dimensions", title=N_("The eight dimensions"), kind="intervals", label="dimension", axis="yes",
                  note=_WORKING),
        ),
    ),
    Page(
        slug="policy",
        title=N_("The policy"),
        lead=N_("What the lottery did, what it learned and when, and how it compares with the group that it "
                "leaves alone."),
        figures=(
            Drawn(key="shares", title=N_("Chances over time"), kind="lines",
                  value=("p_send", "p_neutral", "p_warm", "p_practical"), at="week", axis="chance",
                  note=N_("Means over the moments at which something was drawn by lot.")),
            Drawn(key="versions", title=N_("Versions of the policy"), kind="table", folded=True,
                  note=N_("The policy learns from everybody's answers but those about illness and debt.")),
            Drawn(key="holdout", title=N_("Felt welcome: policy and fixed pause"), kind="intervals", label="arm",
                  axis="people_interested",
                  note=N_("Who stays on the fixed pause of four weeks is drawn by lot once, for each person. Who "
                        "agrees to research is not drawn.")),
            Drawn(key="holdout_unwelcome", title=N_("Bothered: policy and fixed pause"), kind="intervals", label="arm",
                  axis="people_unwelcome", note=_BOTHERED),
        ),
    ),
    Page(
        slug="groups",
        title=N_("Languages and themes"),
        lead=N_("Whether it works as well for everybody. Nothing here is drawn by lot."),
        figures=(
            Drawn(key="languages", title=N_("Felt welcome, by language"), kind="intervals", label="language",
                  axis="interested", note=_WINDOW),
            Drawn(key="languages_unwelcome", title=N_("Bothered people, by language"), kind="intervals",
                  label="language", axis="unwelcome", note=_BOTHERED),
            Drawn(key="themes", title=N_("Felt welcome, by theme"), kind="intervals", label="theme", axis="interested",
                  note=_WINDOW),
            Drawn(key="themes_unwelcome", title=N_("Bothered people, by theme"), kind="intervals", label="theme",
                  axis="unwelcome", note=_BOTHERED),
        ),
    ),
    Page(
        slug="promises",
        title=N_("Promises of contact"),
        lead=N_("Whether people who asked for contact got it by the day that was promised."),
        figures=(
            Drawn(key="promises", title=N_("Promises of contact"), kind="bars", label="promise", value=("requests",),
                  axis="requests",
                  note=N_("Of requests that came from a message. A promise counts as put off once the person was "
                        "told so.")),
        ),
    ),
)  # fmt: skip
#: Beside the guards: everybody counts, and there is nothing to choose from.
FAIRNESS: Final = (
    Drawn(key="fairness_languages", title=N_("Stopped and felt welcome, by language"), kind="intervals",
          label="language", value=("stop_share",), axis="stops", note=_EVERYBODY),
    Drawn(key="fairness_themes", title=N_("Stopped and felt welcome, by theme"), kind="intervals", label="theme",
          value=("stop_share",), axis="stops", note=_EVERYBODY),
)  # fmt: skip
BOUNDS, BY_PERSON = _BOUNDS, _BY_PERSON
