"""What other municipalities learned, as somebody took it in and signed for it (messages/prior.toml)."""

import json
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from bot.core import policy, pooling
from bot.core.facts import Values
from bot.core.sums import Others
from bot.wording.cards import Part, Sentence

FILE = "prior.toml"


class PriorFile(Part):
    """`statistics` are the files of other municipalities as they came, `weight` what a row of theirs counts here.

    One in ten unless somebody says otherwise: their people are not ours and their pool may be many times as large, so
    that a town's own first thousand messages weigh as much as ten thousand of others.
    """

    signed_by: Sentence
    because: Sentence
    weight: float = Field(default=0.1, gt=0, le=1)
    statistics: list[str] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """Such a file in force: what it adds to the prior, of whom that is, who signed and what a row of theirs counts."""

    others: Others
    municipalities: tuple[str, ...]
    signed_by: str
    weight: float


def in_force(file: PriorFile, values: Values, window: timedelta, faults: list[str]) -> Prior | None:
    """What the file comes to. What is wrong with any of its statistics goes to `faults`; None then."""
    records, found = [], []
    for number, text in enumerate(file.statistics, start=1):
        at = f"messages/{FILE}: statistics[{number}]"
        try:
            record = json.loads(text)
        except ValueError as error:
            found.append(f"{at} is not JSON: {error}; paste the whole file between three single quotes")
            continue
        wrong = pooling.faults(record, algorithm=policy.ALGORITHM, values=values, window=window)
        found += [f"{at}: {fault}" for fault in wrong]
        if not wrong and record in records:
            found.append(f"{at}: stands here twice; keep one")
        records.append(record)
    faults += found
    if found:
        return None
    return Prior(
        others=pooling.taken(records, weight=file.weight),
        municipalities=tuple(dict.fromkeys(record["municipality"] for record in records)),
        signed_by=file.signed_by,
        weight=file.weight,
    )
