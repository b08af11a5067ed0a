"""The words of a campaign in the making: which are chosen, and those that it writes for itself.

Each function gives the content of the step as it is kept (`drafts.save`) and changes nothing by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from bot.campaigns.file import file_of
from bot.campaigns.filled import Step
from bot.errors import RefusedError
from bot.store import ledger
from bot.store.tables import CampaignDraftRow, CampaignRow, FrozenRow
from bot.wording import OwnWording, Wording, with_own
from bot.wording.own import shared

Content = dict[str, Any]


def own_of(row: CampaignDraftRow) -> list[OwnWording]:
    """What it wrote for itself so far, gaps and all."""
    return [OwnWording.model_validate(one) for one in _content(row)["wordings"]]


def wording_of(row: CampaignDraftRow, wording: Wording) -> Wording:
    """A wording that can say these too, as they read in the draft."""
    return with_own(wording, own_of(row))


def languages_of(row: CampaignDraftRow, wording: Wording) -> list[str]:
    """The languages that it is for, in the municipality's order; all of them while none is chosen."""
    chosen = row.content.get(Step.AUDIENCE, {}).get("languages") or wording.languages
    return [language for language in wording.languages if language in chosen]


def card_of(row: CampaignDraftRow) -> str:
    return str(row.content.get(Step.CARD, {}).get("card", ""))


def names_of(row: CampaignDraftRow, wording: Wording) -> list[str]:
    """What it can choose: the wordings that everybody has for its card, then its own."""
    return [*(one.id for one in shared(wording, card_of(row))), *(own.id for own in own_of(row))]


def chosen(row: CampaignDraftRow, variants: Sequence[str], wording: Wording) -> Content:
    """These and no others, of those that there are; in the order in which they are listed."""
    return _content(row) | {"variants": [name for name in names_of(row, wording) if name in variants]}


def adapted(
    session: Session,
    row: CampaignDraftRow,
    wording: Wording,
    variant: str,
    today: date,
    *,
    ticked: Sequence[str] | None = None,
) -> tuple[Content, OwnWording]:
    """With a copy of `variant` in every language that it has, which is chosen in its place. Raises RefusedError.

    `ticked`: the choice as it stands on the page, which is kept with it; None: the choice stays.
    """
    said = wording_of(row, wording)
    if variant not in names_of(row, wording) or variant not in said.variants:
        raise RefusedError("{wording} is no wording of this campaign or its card.", wording=variant)
    tone = said.variants[variant].tone
    prefix = f"{card_of(row)}.{row.id}.{tone}."
    copy = OwnWording(
        id=f"{prefix}{_highest(session, row, prefix) + 1}",
        tone=tone,
        since=today,
        text={
            language: forms[0] for language in said.languages if (forms := said.forms(variant, language)) is not None
        },
    )
    content = _content(row) if ticked is None else chosen(row, ticked, wording)
    names = content["variants"]
    place = names.index(variant) if variant in names else len(names)
    content["variants"] = [*names[:place], copy.id, *names[place + (variant in names) :]]
    content["wordings"] = [*content["wordings"], copy.model_dump(mode="json")]
    return content, copy


def rewritten(session: Session, row: CampaignDraftRow, name: str, text: Mapping[str, str]) -> Content:
    """With these words for the languages that are named; what was sent once stays. Raises RefusedError."""
    before = _known(row, name)
    kept = {language: said for language, said in before.text.items() if language not in text}
    fixed = {language: before.text[language] for language in sent_in(session, name) if language in before.text}
    after = OwnWording.model_validate(before.model_dump() | {"text": {**kept, **text, **fixed}})
    content = _content(row)
    content["wordings"] = [after.model_dump(mode="json") if one["id"] == name else one for one in content["wordings"]]
    return content


def taken_out(
    session: Session, row: CampaignDraftRow, wording: Wording, name: str, *, ticked: Sequence[str]
) -> Content:
    """Without it, and with the choice as it stands on the page.

    Raises RefusedError when people got it already: it stays, and need not be chosen.
    """
    _known(row, name)
    if sent_in(session, name):
        raise RefusedError(
            "{wording} was sent to people before, so it is kept. Choose it no longer instead.", wording=name
        )
    content = chosen(row, ticked, wording)
    content["variants"] = [one for one in content["variants"] if one != name]
    content["wordings"] = [one for one in content["wordings"] if one["id"] != name]
    return content


def sent_in(session: Session, name: str) -> Collection[str]:
    """The languages in which people got it; there its words stay as they are."""
    return sorted(language for _, language in ledger.frozen(session, [name]))


def _known(row: CampaignDraftRow, name: str) -> OwnWording:
    for own in own_of(row):
        if own.id == name:
            return own
    raise RefusedError("{wording} is not there any more. Somebody took it out.", wording=name)


def _content(row: CampaignDraftRow) -> Content:
    step = row.content.get(Step.MESSAGE, {})
    return {"variants": list(step.get("variants", ())), "wordings": list(step.get("wordings", ()))}


def _highest(session: Session, row: CampaignDraftRow, prefix: str) -> int:
    """The highest number that was ever given under this prefix, as far as anybody knows of it."""
    there = session.get(CampaignRow, row.id)
    names = [own.id for own in own_of(row)]
    names += [] if there is None else [own.id for own in file_of(there).wordings]
    names += session.exec(select(FrozenRow.variant).where(col(FrozenRow.variant).startswith(prefix, autoescape=True)))
    return max((int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)), default=0)
