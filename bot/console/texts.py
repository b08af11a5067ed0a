"""Changing texts: one text with its translations, a new wording, single values, or a whole file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from bot import library
from bot.console import fields
from bot.console.desk import Desk, allowed, go_to
from bot.console.showing import shown
from bot.console.words import N_
from bot.core.facts import CardStatus, Tone
from bot.errors import FaultsError, RefusedError
from bot.staff import May, SignedIn
from bot.wording import Wording
from bot.wording.catalogue import SOURCE_LANGUAGE
from bot.wording.languages import unsigned
from bot.wording.speech import RIGHT_TO_LEFT


async def _form(request: Request) -> FormData:
    return await request.form()


#: What was typed, where the fields depend on the languages that the municipality writes.
Typed = Annotated[FormData, Depends(_form)]


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


def routes(desk: Desk) -> APIRouter:
    """They stand under /cards too, and before its pages: these words are no cards."""
    router = APIRouter(prefix="/cards")

    @router.get("/text")
    def text(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], key: str = "") -> Response:
        wording = desk.journey.wording
        said = {language: library.translation(wording, _key(wording, key), language) for language in wording.languages}
        return _text_page(desk, request, key, said)

    @router.post("/text")
    def propose_text(request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Typed) -> Response:
        return _propose_text(desk, request, form, me)

    @router.post("/text/look")
    def look_at_text(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Typed) -> Response:
        """What the rules say while somebody types."""
        wording = desk.journey.wording
        key = _key(wording, _typed(form, "key"))
        return desk.page(request, "_text_looks.html", looks=_looks(wording, key, _said(wording, form)))

    @router.get("/wording")
    def wording(
        request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], card: str = "", like: str = ""
    ) -> Response:
        words = desk.journey.wording
        if card not in words.cards:
            raise RefusedError("There is no card {card}.", card=card)
        start = like if like in words.variants and words.variants[like].card == card else None
        said = {
            language: "" if start is None else library.translation(words, start, language)
            for language in words.languages
        }
        tone = Tone.NEUTRAL if start is None else words.variants[start].tone
        return _wording_page(desk, request, card, tone, said)

    @router.post("/wording")
    def propose_wording(
        request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Typed
    ) -> Response:
        return _propose_wording(desk, request, form, me)

    @router.post("/wording/look")
    def look_at_wording(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Typed) -> Response:
        card, tone = _typed(form, "card"), _tone(_typed(form, "tone"))
        if card not in desk.journey.wording.cards:
            raise RefusedError("There is no card {card}.", card=card)
        said = _said(desk.journey.wording, form)
        return desk.page(request, "_wording_looks.html", ways=_ways(desk.journey.wording, card, tone, said))

    @router.get("/values")
    def values(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], path: str = "") -> Response:
        with desk.reading() as session:
            text = _file(desk, session, path)
        document = library.parsed(text)
        given = {field.name: _shown(_inside(document, field.name)) for field in _fields_of(path)}
        return _values_page(desk, request, path, given)

    @router.post("/values")
    def propose_values(request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Typed) -> Response:
        return _propose_values(desk, request, form, me)

    @router.get("/files")
    def all_files(request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)]) -> Response:
        files = desk.journey.shelf.files
        with desk.reading() as session:
            texts = library.in_force(session, files)
        listed = [(path, texts.get(path) != files.get(path)) for path in sorted({*texts, *files})]
        return desk.page(request, "text_files.html", listed=listed, place=library.place)

    @router.get("/file")
    def file(request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], path: str = "") -> Response:
        with desk.reading() as session:
            text = _file(desk, session, path)
        return _file_page(desk, request, path, text)

    @router.post("/file")
    def propose_file(request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Typed) -> Response:
        return _propose_file(desk, request, form, me)

    return router


# What somebody proposes.


def _propose_text(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    wording = desk.journey.wording
    key, said = _key(wording, _typed(form, "key")), _said(wording, form)
    try:
        row = _proposed(desk, form, me, lambda files: _with_version(files, library.with_text(files, key, said)))
    except FaultsError as error:
        return _text_page(desk, request, key, said, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _propose_wording(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    wording = desk.journey.wording
    card, tone, said = _typed(form, "card"), _tone(_typed(form, "tone")), _said(wording, form)
    if card not in wording.cards:
        raise RefusedError("There is no card {card}.", card=card)
    try:
        row = _proposed(desk, form, me, lambda files: library.with_wording(files, card, tone, said, desk.today)[1])
    except FaultsError as error:
        return _wording_page(desk, request, card, tone, said, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _propose_values(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    path = _typed(form, "path")
    given = {field.name: _typed(form, field.id) for field in _fields_of(path)}
    with desk.reading() as session:
        _file(desk, session, path)
    try:
        values = _read(path, given)
        row = _proposed(
            desk, form, me, lambda files: _with_version(files, {path: library.with_values(files[path], values)})
        )
    except FaultsError as error:
        return _values_page(desk, request, path, given, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _propose_file(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    path = _typed(form, "path")
    text = str(form.get("text") or "").replace("\r\n", "\n")  # a browser's line ends
    if not text.endswith("\n"):
        text += "\n"
    try:
        row = _proposed(desk, form, me, lambda files: _whole(files, path, text, _typed(form, "made_from")))
    except FaultsError as error:
        return _file_page(desk, request, path, text, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _whole(files: Mapping[str, str], path: str, text: str, made_from: str) -> dict[str, str]:
    """A whole file, unless it is another one by now than somebody opened. Raises FaultsError."""
    if made_from and path in files and library.body_hash(files[path]) != made_from:
        raise FaultsError([f"{library.place(path)}: {library.CHANGED}"])
    return {path: text}


def _proposed(
    desk: Desk, form: FormData, me: SignedIn, make: Callable[[Mapping[str, str]], Mapping[str, str]]
) -> int | None:
    """Propose what `make` makes of the texts in force; give its number. Raises FaultsError."""
    readers = {language: _typed(form, f"reader-{language}") for language in desk.journey.wording.languages}
    files, why = desk.journey.shelf.files, _typed(form, "why")
    with desk.reading() as session:
        there = library.in_force(session, files)
        try:
            texts = make(there)
        except ValueError as error:
            raise FaultsError([str(error)]) from None
        library.rehearse(session, files, texts, by=me.login, now=desk.now, readers=readers)
    with desk.writing() as session:
        row = library.propose(
            session, files, texts, why=why, by=me.login, now=desk.now, readers=readers, made_from=there
        )
        return row.id


def _with_version(files: Mapping[str, str], fresh: Mapping[str, str]) -> dict[str, str]:
    """A card that says something else is another version of it."""
    changed = dict(fresh)
    for path, text in fresh.items():
        if path.startswith("services/") and text != files.get(path):
            version = library.parsed(text).get("version")
            if isinstance(version, int):
                changed[path] = library.with_values(text, {"version": version + 1})
    return changed


def _read(path: str, given: Mapping[str, str]) -> dict[str | tuple[str, ...], library.Value]:
    """What was typed, as the file has it. Raises FaultsError."""
    values: dict[str | tuple[str, ...], library.Value] = {}
    faults = []
    for field in _fields_of(path):
        said = given[field.name]
        if field.kind == "date" and said:
            try:
                values[field.name] = date.fromisoformat(said)
            except ValueError:
                faults.append(f"{field.name} = {said!r}: is not a day; write it as 2027-03-31")
        else:
            values[field.name] = said or None
    if faults:
        raise FaultsError(faults)
    return values


# What is shown.


def _text_page(
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
        looks=_looks(wording, key, said),
        **_shared(wording, form, said, faults),
    )


def _wording_page(
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
        ways=_ways(wording, card, tone, said),
        **_shared(wording, form, said, faults),
    )


def _values_page(
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
        listed=[(field, given[field.name], fields.as_day(given[field.name])) for field in _fields_of(path)],
        texts=[] if card is not None else [key for key, source in wording.sources.items() if source.file == path],
        say=lambda key: wording.say(key, SOURCE_LANGUAGE),
        value=fields.value,
        **_shared(wording, form, {}, faults),
    )


def _file_page(
    desk: Desk, request: Request, path: str, text: str, *, form: FormData | None = None, faults: Sequence[str] = ()
) -> Response:
    return desk.page(
        request,
        "text_file.html",
        status=422 if faults else 200,
        file_path=path,
        place=library.place(path),
        text=text,
        made_from=library.body_hash(text) if form is None else _typed(form, "made_from"),
        **_shared(desk.journey.wording, form, {}, faults),
    )


def _looks(wording: Wording, key: str, said: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each language's text with what the rules find in it."""
    trial = library.tried(wording, key, said)
    return [
        {
            "language": language,
            "direction": _direction(language),
            "text": said.get(language, ""),
            "misfits": library.misfits_of(trial, key, language),
            "findings": trial.findings(key, language) if trial.speaks(key, language) else [],
        }
        for language in wording.languages
    ]


def _ways(wording: Wording, card: str, tone: Tone, said: Mapping[str, str]) -> list[Any]:
    """The new wording as a phone shows it, in each language."""
    key = f"{card}.{tone}.new"
    trial = library.tried(wording, key, said, card=card, tone=tone)
    return [shown(trial, key, language) for language in wording.languages]


def _shared(wording: Wording, form: FormData | None, said: Mapping[str, str], faults: Sequence[str]) -> dict[str, Any]:
    """What every form for a change has."""
    signed = [one for one in wording.languages if one != SOURCE_LANGUAGE and one not in unsigned(wording)]
    return {
        "faults": faults,
        "why": "" if form is None else _typed(form, "why"),
        "said": [(one, said.get(one, ""), _direction(one)) for one in wording.languages],
        "signed": [(one, "" if form is None else _typed(form, f"reader-{one}")) for one in signed],
    }


def _fields_of(path: str) -> tuple[Field, ...]:
    if path.startswith("services/"):
        return CARD
    if path == SENDER_FILE:
        return SENDER
    raise RefusedError("There is no form for {path}. Change the file itself.", path=path)


def _file(desk: Desk, session: Session, path: str) -> str:
    text = library.in_force(session, desk.journey.shelf.files).get(path)
    if text is None:
        raise RefusedError("There is no file {path}.", path=path)
    return text


def _key(wording: Wording, key: str) -> str:
    """A text that stands in a file. Raises RefusedError for any other."""
    source = wording.sources.get(key)
    if source is None or source.own is not None:
        raise RefusedError("There is no text {key} in the files.", key=key)
    return key


def _said(wording: Wording, form: FormData) -> dict[str, str]:
    return {language: _typed(form, f"text-{language}") for language in wording.languages}


def _typed(form: FormData, name: str) -> str:
    given = form.get(name)
    return given.strip().replace("\r\n", "\n") if isinstance(given, str) else ""


def _tone(name: str) -> Tone:
    return Tone(name) if name in set(Tone) else Tone.NEUTRAL


def _inside(document: Mapping[str, Any], name: str) -> Any:
    value: Any = document
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _direction(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"
