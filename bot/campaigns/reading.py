"""A campaign as it stands in a TOML file."""

import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bot.campaigns.file import CampaignFile
from bot.campaigns.misfit import misfits
from bot.core.facts import Tone
from bot.errors import FaultsError
from bot.wording import Wording
from bot.wording.own import shared


def read(text: str, wording: Wording) -> CampaignFile:
    """The campaign in a TOML file, with tones turned into the wordings they stand for. Raises FaultsError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultsError([f"this is not TOML: {error}"]) from error
    try:
        file = CampaignFile.model_validate(document)
    except ValidationError as error:
        raise FaultsError(_fault(detail) for detail in error.errors(include_url=False)) from error
    file = file.model_copy(update={"variants": _without_tones(file, wording)})
    if faults := list(misfits(file, wording)):
        raise FaultsError(faults)
    return file


def _fault(detail: Mapping[str, Any]) -> str:
    """One fault as a sentence: the field, the value and the mend."""
    field = ".".join(str(step) for step in detail["loc"]) or "campaign"
    match detail["type"]:
        case "missing":
            return f"{field} is missing; add it"
        case "extra_forbidden":
            return f"{field} is not a field; mend its name or take it out"
        case "value_error":
            return f"{field}: {detail['ctx']['error']}"
    reason = str(detail["msg"])
    return f"{field} = {detail['input']!r}: {reason[:1].lower()}{reason[1:]}"


def _without_tones(file: CampaignFile, wording: Wording) -> list[str]:
    named: dict[str, None] = {}
    for name in file.variants:
        toned = [known.id for known in shared(wording, file.card) if known.tone == name]
        named |= dict.fromkeys(toned if name in set(Tone) and toned else [name])
    return list(named)
