"""Pre-analysis plans: what will be called primary is settled, hashed and dated before the data are looked at.

The shape is that of the OSF and AEA registries (learning.md 2.4). Functions take a session and never commit.
"""

from bot.research.plans.choices import Choices, Outcome
from bot.research.plans.freezing import (
    Frozen,
    at_work,
    choices_of,
    draft,
    freeze,
    frozen,
    holds,
    newest,
    of_campaign,
    plannable,
    save,
    to_analyse,
)
from bot.research.plans.record import canonical, digest, record, tones_of
from bot.research.plans.sections import Section, Table, as_markdown, registered_late, sections

__all__ = [
    "Choices",
    "Frozen",
    "Outcome",
    "Section",
    "Table",
    "as_markdown",
    "at_work",
    "canonical",
    "choices_of",
    "digest",
    "draft",
    "freeze",
    "frozen",
    "holds",
    "newest",
    "of_campaign",
    "plannable",
    "record",
    "registered_late",
    "save",
    "sections",
    "to_analyse",
    "tones_of",
]
