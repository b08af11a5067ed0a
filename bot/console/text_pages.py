"""The pages on which texts are changed: what each shows of a text, a wording, single values or a whole file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import Response

from bot import library
from bot.console import fields
from bot.console.desk import Desk
from bot.console.showing import Shown, shown
from bot.console.words import N_
from bot.core.facts import CardStatus, Tone
from bot.errors import RefusedError
from bot.wording import Wording
from bot.wording.catalogue import SOURCE_LANGUAGE
from bot.wording.languages import unsigned
from bot.wording.speech import direction


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A value of a file that has a field of its own. `kind`: text, url, date or one of `choices`."""

    name: str
    label: str
    help: str | None = None
    kind: str = "text"
    choices: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


CARD: Final = (
    Field(name="status", label=N_("Status"), choices=tuple(CardStatus)),
    Field(name="official_page.url", label=N_("Official page"), kind="url"),
    Field(name="valid_until", label=N_("Valid until"), kind="date", help=N_("Leave it empty when no end is known.")),
    Field(name="reviewed_on", label=N_("Read again on"), kind="date"),
    Field(name="review_due", label=N_("To be read again by"), kind="date", help=N_("Within a year after it was read.")),
    Field(name="owner", label=N_("Owner"), help=N_("Who answers for this card.")),
)
SENDER: Final = (
    Field(name="name", label=N_("Name of the municipality")),
    Field(name="phone", label=N_("Phone number")),
    Field(name="website", label=N_("Website"), kind="url"),
    Field(name="privacy_page", label=N_("Page about privacy"), kind="url"),
)
SENDER_FILE: Final = "municipality.toml"


def fields_of(path: str) -> tuple[Field, ...]:
    """Raises RefusedError for a file that has no form."""
    if path.startswith("services/"):
        return CARD
    if path == SENDER_FILE:
        return SENDER
    raise RefusedError("There is no form for {path}. Change the file itself.", path=path)


def typed(form: FormData, name: str) -> str:
    """What stands in a field, with line ends as files have them; empty where there is no such field."""
    given = form.get(name)
    return given.strip().replace("\r\n", "\n") if isinstance(given, str) else ""


def text_page(
    desk: Desk,
    request: Request,
    key: str,
    said: Mapping[str, str],
    *,
    form: FormData | None = None,
    faults: Sequence[str] = (),
) -> Response:
    wording = desk.journey.wording
    source = wording.sources[key]
    card = key.split(".")[1] if key.startswith("card.") else None
    return desk.page(
        request,
        "text_change.html",
        status=422 if faults else 200,
        key=key,
        card=wording.cards.get(card or ""),
        file=source.file,
        plural=source.plural is not None,
        looks=looks_of(wording, key, said),
        **_shared(wording, form, said, faults),
    )


def wording_page(
    desk: Desk,
    request: Request,
    card: str,
    tone: Tone,
    said: Mapping[str, str],
    *,
    form: FormData | None = None,
    faults: Sequence[str] = (),
) -> Response:
    wording = desk.journey.wording
    return desk.page(
        request,
        "wording_new.html",
        status=422 if faults else 200,
        card=wording.cards[card],
        tone=tone,
        tones=list(Tone),
        ways=ways_of(wording, card, tone, said),
        **_shared(wording, form, said, faults),
    )


def values_page(
    desk: Desk,
    request: Request,
    path: str,
    given: Mapping[str, str],
    *,
    form: FormData | None = None,
    faults: Sequence[str] = (),
) -> Response:
    wording = desk.journey.wording
    card = wording.cards.get(path.removeprefix("services/").removesuffix(".toml"))
    return desk.page(
        request,
        "text_values.html",
        status=422 if faults else 200,
        file_path=path,
        card=card,
        listed=[(field, given[field.name], fields.as_day(given[field.name])) for field in fields_of(path)],
        texts=[] if card is not None else [key for key, source in wording.sources.items() if source.file == path],
        say=lambda key: wording.say(key, SOURCE_LANGUAGE),
        value=fields.value,
        **_shared(wording, form, {}, faults),
    )


def file_page(
    desk: Desk, request: Request, path: str, text: str, *, form: FormData | None = None, faults: Sequence[str] = ()
) -> Response:
    return desk.page(
        request,
        "text_file.html",
        status=422 if faults else 200,
        file_path=path,
        place=library.place(path),
        text=text,
        made_from=library.body_hash(text) if form is None else typed(form, "made_from"),
        **_shared(desk.journey.wording, form, {}, faults),
    )


def looks_of(wording: Wording, key: str, said: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each language's text with what the rules find in it."""
    trial = library.tried(wording, key, said)
    return [
        {
            "language": language,
            "direction": direction(language),
            "text": said.get(language, ""),
            "misfits": library.misfits_of(trial, key, language),
            "findings": trial.findings(key, language) if trial.speaks(key, language) else [],
        }
        for language in wording.languages
    ]


def ways_of(wording: Wording, card: str, tone: Tone, said: Mapping[str, str]) -> list[Shown]:
    """The new wording as a phone shows it, in each language."""
    key = f"{card}.{tone}.new"
    trial = library.tried(wording, key, said, card=card, tone=tone)
    return [shown(trial, key, language) for language in wording.languages]


def _shared(wording: Wording, form: FormData | None, said: Mapping[str, str], faults: Sequence[str]) -> dict[str, Any]:
    """What every form for a change has."""
    signed = [one for one in wording.languages if one != SOURCE_LANGUAGE and one not in unsigned(wording)]
    return {
        "faults": faults,
        "why": "" if form is None else typed(form, "why"),
        "said": [(one, said.get(one, ""), direction(one)) for one in wording.languages],
        "signed": [(one, "" if form is None else typed(form, f"reader-{one}")) for one in signed],
    }
