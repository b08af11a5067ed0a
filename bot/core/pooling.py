"""What a town may tell other municipalities of its rows, and what it may take from theirs: sums, never rows.

Two levels in closed form (`learning.md` 1.1): the rows of others, weighed down, move the prior; a town's own rows go on
top. A normal distribution after their rows and then ours is the one after all of them, so sums are added.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

import numpy as np

from bot.core import beliefs
from bot.core.beliefs import ONE, Policy
from bot.core.disclosure import FEWEST
from bot.core.facts import Sensitivity, Tone, Values
from bot.core.lessons import Matured, Tally, concluded, tally
from bot.core.sums import NOTHING, Others, Sums, as_record, from_record

FORMAT = 1
#: Of each number in the file. Enough for every use, and no more of the last bits than needed.
DECIMALS = 6
WEIGHTS = ("interested", "unwelcome", "stop", "per_send", "per_dose")
SEND = "send"
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def prior(values: Values, others: Others | None = None) -> Policy:
    """The policy before any answer here: even chances for everybody, whatever others learned."""
    bare = beliefs.prior(values)
    if others is None:
        return bare
    after = concluded(tally([], values, at=_FIRST), bare, values, cutoff=_FIRST, others=others)
    return replace(bare, tones=after.tones, send=after.send, others=others)


def statistics(
    matured: Sequence[Matured],
    citizens: Mapping[str, str],
    values: Values,
    *,
    at: datetime,
    window: timedelta,
    algorithm: str,
    municipality: str,
) -> dict[str, Any]:
    """What may leave of these rows, in plain values for JSON. Nothing of sensitivity S3 is in it.

    `citizens` says by decision whom it was about. A feature that fewer than FEWEST people have rows with is left out,
    and so is the next one of its kind (the languages, the themes, the tones that people chose) where the rest of that
    kind, which follows by subtraction, would be about so few.
    """
    told_of = [row for row in matured if row.sensitivity is not Sensitivity.S3]
    whole = tally(told_of, values, at=at)
    rows: dict[str, list[Matured]] = defaultdict(list)
    for row in told_of:
        rows[citizens[row.decision]].append(row)
    people = [_models(tally(own, values, at=at)) for own in rows.values()]
    told, left_out = {}, {}
    for model, sums in _models(whole).items():
        kept = _kept(sums.names, [one[model] for one in people])
        left_out[model] = len(sums.names) - len(kept)
        told[model] = _rounded(_only(sums, kept))
    days = [row.closes_at for row in told_of]
    return {
        "format": FORMAT,
        "algorithm": algorithm,
        "municipality": municipality,
        "period": {"from": min(days).date().isoformat(), "until": max(days).date().isoformat()} if days else None,
        "window_days": window / timedelta(days=1),
        "values": {"version": values.version, **{name: getattr(values, name) for name in WEIGHTS}},
        "sends": whole.sent,
        "left_out": left_out,
        "models": {model: as_record(sums) for model, sums in told.items()},
    }


def faults(record: object, *, algorithm: str, values: Values, window: timedelta) -> list[str]:
    """Why another town's statistics cannot be taken in here: each fault with the value and the mend."""
    if not isinstance(record, dict):
        return ["is not what `handreiking policy statistics` writes; paste the whole file"]
    found = []
    if record.get("format") != FORMAT:
        found.append(f"format = {record.get('format')!r}; this program reads {FORMAT}: ask for a file of its version")
    if record.get("algorithm") != algorithm:
        found.append(
            f"algorithm = {record.get('algorithm')!r}; here runs {algorithm!r}: ask for a file of this version"
        )
    if record.get("window_days") != window / timedelta(days=1):
        found.append(
            f"window_days = {record.get('window_days')!r}; here it is {window / timedelta(days=1):g}: "
            "their answers cannot be compared with ours, so leave them out"
        )
    whose = record.get("municipality")
    if not (isinstance(whose, str) and whose.strip()):
        found.append(f"municipality = {whose!r} is no name; the algorithm register says whose answers count: ask them")
    theirs = record.get("values")
    theirs = theirs if isinstance(theirs, dict) else {}
    found += [
        f"values.{name} = {theirs.get(name)!r}; messages/values.toml has {getattr(values, name):g}: "
        "their rewards are others than ours, so leave them out"
        for name in WEIGHTS
        if theirs.get(name) != getattr(values, name)
    ]
    models = record.get("models")
    models = models if isinstance(models, dict) else {}
    for model in (*map(str, Tone), SEND):
        sums = models.get(model)
        if isinstance(sums, dict):
            found += [f"models.{model}.{fault}" for fault in _wrong(sums)]
        else:
            found.append(f"models.{model} is missing; paste the whole file")
    found += [
        f"models.{model} is not a model; take it out" for model in sorted(models.keys() - {*map(str, Tone), SEND})
    ]
    return found


def taken(records: Sequence[Mapping[str, Any]], *, weight: float) -> Others:
    """The sums of several towns' statistics, in which `faults` found nothing; a row of theirs counts for `weight`."""
    towns = [{model: from_record(sums) for model, sums in record["models"].items()} for record in records]
    return Others.of([({tone: town[tone] for tone in Tone}, town[SEND]) for town in towns], weight=weight)


def _models(whole: Tally) -> dict[str, Sums]:
    return {**{tone.value: whole.tones[tone] for tone in Tone}, SEND: whole.send}


def _kept(names: Sequence[str], people: Sequence[Sums]) -> tuple[str, ...]:
    """The features that may be told, in their order. `people`: the sums of each one's own rows."""
    rows = [dict(zip(own.names, np.diag(own.xx).tolist(), strict=True)) for own in people if own.n]
    number = Counter(name for own in rows for name, weight in own.items() if weight > 0)
    kept = {name for name in names if number[name] >= FEWEST}
    for kind in sorted({name.partition(":")[0] for name in names if ":" in name}):
        everybody = kind.rpartition(" ")[0]
        one = f"{everybody} {ONE}" if everybody else ONE
        while some := sorted((name for name in kept if name.startswith(f"{kind}:")), key=lambda name: number[name]):
            rest = sum(own[one] - math.fsum(own.get(name, 0.0) for name in some) > 1e-9 * own[one] for own in rows)
            if not 0 < rest < FEWEST:
                break
            kept.discard(some[0])
    return tuple(name for name in names if name in kept)


def _only(sums: Sums, names: Sequence[str]) -> Sums:
    """The sums of these features; of none, nothing at all."""
    if not names:
        return NOTHING
    at = [sums.names.index(name) for name in names]
    return replace(sums, names=tuple(names), xx=sums.xx[np.ix_(at, at)], xy=sums.xy[at])


def _rounded(sums: Sums) -> Sums:
    return replace(
        sums,
        xx=np.round((sums.xx + sums.xx.T) / 2, DECIMALS),
        xy=np.round(sums.xy, DECIMALS),
        yy=round(sums.yy, DECIMALS),
        weight=round(sums.weight, DECIMALS),
    )


def _wrong(record: Mapping[str, Any]) -> list[str]:
    """What is wrong with one model's sums, each fault beginning with the field."""
    found = []
    names = record.get("names")
    if not (isinstance(names, list) and all(isinstance(name, str) and name for name in names)):
        return ["names is not a list of names; paste the whole file"]
    if names != sorted(set(names)):
        found.append("names are not in order, each once; paste the file as it came")
    n, weight, yy = record.get("n"), record.get("weight"), record.get("yy")
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        found.append(f"n = {n!r} is not a whole number of rows; paste the file as it came")
    elif not (_number(weight) and 0 <= weight <= n + 1e-6):
        found.append(f"weight = {weight!r} is not between 0 and n = {n}; paste the file as it came")
    if not _number(yy):
        found.append(f"yy = {yy!r} is not a number; paste the file as it came")
    xy, xx = record.get("xy"), record.get("xx")
    if not _numbers(xy, len(names)):
        found.append(f"xy is not {len(names)} numbers; paste the file as it came")
    if not (isinstance(xx, list) and len(xx) == len(names) and all(_numbers(line, len(names)) for line in xx)):
        found.append(f"xx is not {len(names)} lines of {len(names)} numbers; paste the file as it came")
    if found:
        return found
    matrix = np.array(xx, dtype=float).reshape(len(names), len(names))
    if not np.allclose(matrix, matrix.T, rtol=0, atol=10.0**-DECIMALS):
        return ["xx is not symmetric; paste the file as it came"]
    gram = np.block([[matrix, np.array(xy)[:, None]], [np.array(xy)[None, :], np.array([[yy]])]]) if names else matrix
    if names and float(np.linalg.eigvalsh(gram)[0]) < -(10.0**-DECIMALS) * len(gram):
        return ["xx, xy and yy cannot be sums of rows (not positive semidefinite); paste the file as it came"]
    return []


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: object, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_number, value))
