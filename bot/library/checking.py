"""What would be wrong if texts were in force, and was not wrong before."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import tomlkit
from sqlmodel import Session

from bot.core.facts import Rules
from bot.errors import FaultsError
from bot.library.bounds import softer
from bot.library.files import CAMPAIGNS, LOCALE, Files, place, wording_of
from bot.store import ledger
from bot.wording import Wording
from bot.wording.languages import signature, unsigned, with_signature
from bot.wording.municipal import RulesFile

#: In the place of whoever approves, until somebody has.
SOMEBODY: Final = "(whoever approves)"
_RULES: Final = "rules.toml"
_LANGUAGES: Final = "languages.toml"


def checked(
    session: Session,
    there: Files,
    fresh: Mapping[str, str | None],
    *,
    proposer: str,
    approver: str,
    readers: Mapping[str, str],
    now: datetime,
) -> tuple[dict[str, str | None], Wording | None, list[str]]:
    """The texts as they would be in force, what they say, and what is wrong with that and was not wrong before."""
    after = dict(fresh)
    if (text := after.get(_RULES)) is not None:
        after[_RULES] = _with_names(text, proposer, approver)
    try:
        wording = wording_of(_over(there, after))
    except FaultsError as error:
        return after, None, list(error.faults)
    before = wording_of(there)
    zone = ZoneInfo(wording.municipality.zone)
    today = now.astimezone(zone).date()
    faults = []
    lost = unsigned(wording).keys() - unsigned(before).keys()
    signing = _over(there, after).get(_LANGUAGES, "")
    for language in sorted(lost):
        if language in readers:
            signed = signature(wording, language)
            signing = with_signature(signing, language, by=readers[language], on=today, signed=signed)
        elif language in before.checks:
            who = before.checks[language].checked_by
            faults.append(
                f"locale/{language}: {who} signed for these words as they were; say who read the {language} texts "
                "beside the Dutch as they are now"
            )
    if lost & readers.keys():
        after[_LANGUAGES] = signing
        wording = wording_of(_over(there, after))
    frozen = ledger.frozen(session)
    gone = sorted({variant for variant, _ in frozen if variant in before.variants and variant not in wording.variants})
    faults += [
        f"messages/nudges/{before.variants[variant].card}.toml: {variant} was sent once, so it stays: people can ask "
        "about it; take it out of campaigns instead"
        for variant in gone
    ]
    if found := _known_faults(wording, frozen, today):
        old = set(_known_faults(before, frozen, today))
        faults += [fault for fault in found if fault not in old]
    return after, wording, faults


def misplaced(texts: Mapping[str, str | None]) -> Iterator[str]:
    """Why some of these are no files of texts that change here."""
    for path in texts:
        if path.startswith(CAMPAIGNS):
            yield f"{place(path)}: campaigns are changed at Campaigns, or with `handreiking campaign add`"
        elif path.startswith("locale/") and LOCALE.fullmatch(path) is None:
            yield f"{path}: a catalogue is called locale/<language>.po"
        elif ".." in path.split("/") or not path.endswith((".toml", ".po")):
            yield f"{place(path)}: is not a file of texts"


def _known_faults(wording: Wording, frozen: Mapping[tuple[str, str], str], today: date) -> list[str]:
    """Every fault, worked out once for a wording, a day and what was sent."""
    sent = str(hash(frozenset(frozen.items())))
    return wording.once(("faults", today.isoformat(), sent), lambda: wording.checked(frozen, today=today))


def _with_names(text: str, proposer: str, approver: str) -> str:
    """The rules with the two who let more through than the product's own bounds, where they do."""
    try:
        document = tomlkit.parse(text)
        rules = RulesFile.model_validate(document.unwrap() | {"raised_by": [proposer, approver]})
    except ValueError:
        return text  # what is wrong with it is told by whoever loads it
    own = Rules()
    bounds = ("rest_cap_days", "snooze_days", "survey_gap", "holidays_of", "window", "consent_years")
    facts = rules.facts(holidays_of=own.holidays_of)
    compared: dict[str, Any] = {name: getattr(own, name) for name in (*bounds, "promise_working_days")}
    if softer(own, replace(facts, **compared)):
        return text
    document["raised_by"] = [proposer, approver]
    return tomlkit.dumps(document)


def _over(there: Files, texts: Mapping[str, str | None]) -> dict[str, str]:
    whole: dict[str, str | None] = {**there, **texts}
    return {path: text for path, text in whole.items() if text is not None}
