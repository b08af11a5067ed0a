"""The figures that researchers look at: numbers with a finding each, from answers of whoever agreed to research.

Importing this loads polars, so the console does it when a page of research is asked for.
"""

from collections.abc import Callable, Mapping
from typing import Final

from bot.research.figures import answers, opinions, policies
from bot.research.figures.data import Data, Version, read
from bot.research.figures.fairness import fairness, since
from bot.research.figures.policies import Change, changes
from bot.research.figures.shape import Asked, Figure, Finding, Value, monday, week_name

__all__ = [
    "EVERY",
    "Asked",
    "Change",
    "Data",
    "Figure",
    "Finding",
    "Value",
    "Version",
    "changes",
    "fairness",
    "made",
    "monday",
    "read",
    "since",
    "week_name",
]

#: By key, each figure of data that was cut to what is asked for.
EVERY: Final[Mapping[str, Callable[[Data], Figure]]] = {
    "funnel": answers.funnel,
    "reasons": answers.reasons,
    "tones": answers.tones,
    "choices": answers.choices,
    "rhythm": answers.rhythm,
    "irritation": answers.irritation,
    "stops": answers.stops,
    "axes": opinions.axes,
    "axes_over_time": opinions.axes_over_time,
    "dimensions": opinions.dimensions,
    "shares": policies.shares,
    "versions": policies.versions,
    "holdout": policies.holdout,
    "holdout_unwelcome": policies.holdout_unwelcome,
    "languages": answers.languages,
    "languages_unwelcome": answers.languages_unwelcome,
    "themes": answers.themes,
    "themes_unwelcome": answers.themes_unwelcome,
    "promises": opinions.promises,
}


def made(key: str, data: Data, asked: Asked) -> Figure:
    """One figure of the part that is asked for. Raises KeyError for one that there is not."""
    return EVERY[key](data.within(asked))
