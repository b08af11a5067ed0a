"""The entry itself: the fields of publicatiestandaard 1.0.0, filled in from what runs, and whether they fit it."""

import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from typing import Final

from bot.core.beliefs import PHASES
from bot.core.plain import Kind, Severity, findings
from bot.errors import FaultsError
from bot.register.algorithm import configuration, fingerprint
from bot.wording import Wording
from bot.wording.municipal import RegisterFile
from bot.wording.prior import Prior

SCHEMA_VERSION: Final = "1.0.0"
MANDATORY: Final = (
    "schema_versie", "taal", "naam", "organisatie", "korte_omschrijving", "status", "contactgegevens",
    "publicatiecategorie",
)  # fmt: skip
STATUSES: Final = ("In ontwikkeling", "In gebruik", "Buiten gebruik")
CATEGORIES: Final = ("Hoog-risico AI-systemen", "Impactvolle algoritmes", "Overige algoritmes")
#: Fewer characters than so many (domain.md 4.8); the others have no limit that is known here.
LIMITS: Final[Mapping[str, int]] = {
    "naam": 100,
    "korte_omschrijving": 350,
    "menselijke_tussenkomst": 2500,
    "technische_werking": 5000,
}
#: These are for everybody, so they are written as plainly as what citizens get.
_PLAIN: Final = ("korte_omschrijving", "menselijke_tussenkomst")
_ORDER: Final = (
    "naam", "organisatie", "korte_omschrijving", "status", "thema", "begindatum", "einddatum", "contactgegevens",
    "publicatiecategorie", "doel_en_impact", "afwegingen", "menselijke_tussenkomst", "risicobeheer",
    "wettelijke_basis", "link_wettelijke_basis", "impacttoetsen", "gegevens", "technische_werking", "leverancier",
)  # fmt: skip
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_BULLET: Final = re.compile(r"[\r\n\t•‣◦▪]|(?:^|\s)[*]\s")


def entry(wording: Wording) -> dict[str, str]:
    """The entry as it would be published now, field by field in the standard's order.

    Raises FaultsError when messages/register.toml is not there or lacks words for something that is looked at.
    """
    file = wording.register
    if file is None:
        raise FaultsError(["messages/register.toml is not there; put it back and write your own municipality in it"])
    values = _values(wording, file)
    found = {"schema_versie": SCHEMA_VERSION, "taal": "nld"}
    for name in _ORDER:
        said = getattr(file, name)
        if said is not None:
            found[name] = str(said).format_map(values) if "{" in str(said) else str(said)
    if wording.prior is not None:
        found["gegevens"] += " " + _of_others(wording.prior, file)
    return found


def _of_others(prior: Prior, file: RegisterFile) -> str:
    if file.others is None:
        told = (
            "messages/prior.toml is in force, so say in Dutch what it does with {municipalities}, {weight}, {signed_by}"
        )
        raise FaultsError([f"messages/register.toml: others is missing; {told}"])
    return file.others.format(
        municipalities=_listed(iter(prior.municipalities)), weight=_percent(prior.weight), signed_by=prior.signed_by
    )


def faults(said: Mapping[str, str], wording: Wording) -> list[str]:
    """Where an entry does not fit the standard, as far as it is known here: field, value and mend."""
    return [*_of_shape(said), *_of_words(said, wording)]


def _of_shape(said: Mapping[str, str]) -> Iterator[str]:
    for name in MANDATORY:
        if not said.get(name, "").strip():
            yield f"{name} is missing; the standard asks for it"
    for name, most in LIMITS.items():
        if len(said.get(name, "")) >= most:
            yield f"{name} has {len(said[name])} characters; write fewer than {most}"
    for name, known in (("status", STATUSES), ("publicatiecategorie", CATEGORIES), ("taal", ("nld",))):
        if name in said and said[name] not in known:
            yield f"{name} = {said[name]!r} is not in the standard; use {' or '.join(known)}"
    for name in ("begindatum", "einddatum"):
        if name in said and not _MONTH.fullmatch(said[name]):
            yield f"{name} = {said[name]!r} is no month; write it as 2026-11"
    if said.get("einddatum", "9999-12") < said.get("begindatum", "0000-01"):
        yield f"einddatum = {said['einddatum']} is before begindatum = {said['begindatum']}; swap them"
    link = said.get("link_wettelijke_basis")
    if link is not None and not link.startswith("https://"):
        yield f"link_wettelijke_basis = {link!r} is no address; begin it with https://"
    if "zelflerend" not in said.get("technische_werking", ""):
        yield "technische_werking does not say that the algorithm is zelflerend; the standard asks for it"
    for name, text in said.items():
        if (broken := _BULLET.search(text)) is not None:
            yield f"{name} holds {broken[0]!r}; the standard takes plain sentences without new lines, tabs or bullets"
    for name in sorted(set(said) - {"schema_versie", "taal", *_ORDER}):
        yield f"{name} is not a field of the standard; mend its name or take it out"


def _of_words(said: Mapping[str, str], wording: Wording) -> Iterator[str]:
    for name in _PLAIN:
        for found in findings(said.get(name, ""), language="nl", kind=Kind.BODY, book=wording.book):
            if found.severity is Severity.BLOCK:
                yield f"{name}: {found}"


def _values(wording: Wording, file: RegisterFile) -> dict[str, str]:
    """What the sentences may fill in, in Dutch."""
    made, rules, values = configuration(wording), wording.rules, wording.values
    tone, send = made["tone_features"], made["send_features"]
    if missing := sorted({*tone, *send} - file.words.keys()):
        raise FaultsError(
            f"messages/register.toml: words.{name} is missing; decisions look at it, so say in Dutch what it is"
            for name in missing
        )
    first, later = PHASES[1], PHASES[2]
    return {
        "municipality": wording.municipality.name,
        "cards": str(len(wording.cards)),
        "languages": str(len(wording.languages)),
        "tones": str(len(made["tones"])),
        "tone_features": _listed(file.words[name] for name in tone if name != "one"),
        "send_features": _listed(file.words[name] for name in send if name != "one"),
        "slope": _number(made["slope"]),
        "first_sends": str(made["first_sends"]),
        "enough_sends": str(made["enough_sends"]),
        "send_least_first": _percent(first["p_min"]),
        "send_most_first": _percent(first["p_max"]),
        "tone_least_first": _percent(first["eps"]),
        "send_least": _percent(later["p_min"]),
        "send_most": _percent(later["p_max"]),
        "tone_least": _percent(later["eps"]),
        "holdout": _percent(made["holdout"]["share"]),
        "holdout_weeks": _number(made["holdout"]["gap_days"] / 7),
        "window_days": _number(made["window_days"]),
        "stale_days": _number(made["stale_days"]),
        "min_gap": _number(rules.min_gap / timedelta(days=1)),
        "per_month": str(rules.per_month),
        "per_year": str(rules.per_year),
        "quiet_from": _hour(rules.quiet_from),
        "quiet_until": _hour(rules.quiet_until),
        "consent_years": str(rules.consent_years),
        **{name: _number(weight) for name, weight in made["values"].items()},
        "values_version": values.version,
        "values_signed": values.signed_by or "niemand, het is een voorbeeld",
        "algorithm": made["algorithm"],
        "fingerprint": fingerprint(wording)[:12],
        "stops_per_thousand": str(made["guardrails"]["stops_per_thousand"]),
        "stops_in_a_row": str(made["guardrails"]["stops_in_a_row"][0]),
        "in_a_row": str(made["guardrails"]["stops_in_a_row"][1]),
    }


def _number(value: float) -> str:
    return f"{value:g}".replace(".", ",").replace("-", "−")


def _percent(share: float) -> str:
    return f"{_number(round(100 * share, 3))}%"


def _hour(value: time) -> str:
    return f"{value:%H.%M}"


def _listed(words: Iterator[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} en {last}" if first else last
