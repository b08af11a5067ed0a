"""Changing texts: one text with its translations, a new wording, single values, or a whole file."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from bot import library
from bot.console.desk import Desk, Filled, allowed, go_to
from bot.console.text_pages import (
    fields_of,
    file_page,
    looks_of,
    text_page,
    typed,
    values_page,
    ways_of,
    wording_page,
)
from bot.core.facts import Tone
from bot.errors import FaultsError, RefusedError
from bot.staff import May, SignedIn
from bot.wording import Wording


def routes(desk: Desk) -> APIRouter:
    """They stand under /cards too, and before its pages: these words are no cards."""
    router = APIRouter(prefix="/cards")

    @router.get("/text")
    def text(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], key: str = "") -> Response:
        wording = desk.journey.wording
        said = {language: library.translation(wording, _key(wording, key), language) for language in wording.languages}
        return text_page(desk, request, key, said)

    @router.post("/text")
    def propose_text(request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Filled) -> Response:
        return _propose_text(desk, request, form, me)

    @router.post("/text/look")
    def look_at_text(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Filled) -> Response:
        """What the rules say while somebody types."""
        wording = desk.journey.wording
        key = _key(wording, typed(form, "key"))
        return desk.page(request, "_text_looks.html", looks=looks_of(wording, key, _said(wording, form)))

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
        return wording_page(desk, request, card, tone, said)

    @router.post("/wording")
    def propose_wording(
        request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Filled
    ) -> Response:
        return _propose_wording(desk, request, form, me)

    @router.post("/wording/look")
    def look_at_wording(
        request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Filled
    ) -> Response:
        card, tone = typed(form, "card"), _tone(typed(form, "tone"))
        if card not in desk.journey.wording.cards:
            raise RefusedError("There is no card {card}.", card=card)
        said = _said(desk.journey.wording, form)
        return desk.page(request, "_wording_looks.html", ways=ways_of(desk.journey.wording, card, tone, said))

    @router.get("/values")
    def values(request: Request, _: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], path: str = "") -> Response:
        with desk.reading() as session:
            text = _file(desk, session, path)
        document = library.parsed(text)
        given = {field.name: _shown(_inside(document, field.name)) for field in fields_of(path)}
        return values_page(desk, request, path, given)

    @router.post("/values")
    def propose_values(
        request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Filled
    ) -> Response:
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
        return file_page(desk, request, path, text)

    @router.post("/file")
    def propose_file(request: Request, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], form: Filled) -> Response:
        return _propose_file(desk, request, form, me)

    return router


def _propose_text(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    wording = desk.journey.wording
    key, said = _key(wording, typed(form, "key")), _said(wording, form)
    try:
        row = _proposed(desk, form, me, lambda files: _with_version(files, library.with_text(files, key, said)))
    except FaultsError as error:
        return text_page(desk, request, key, said, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _propose_wording(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    wording = desk.journey.wording
    card, tone, said = typed(form, "card"), _tone(typed(form, "tone")), _said(wording, form)
    if card not in wording.cards:
        raise RefusedError("There is no card {card}.", card=card)
    try:
        row = _proposed(desk, form, me, lambda files: library.with_wording(files, card, tone, said, desk.today)[1])
    except FaultsError as error:
        return wording_page(desk, request, card, tone, said, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _propose_values(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    path = typed(form, "path")
    given = {field.name: typed(form, field.id) for field in fields_of(path)}
    with desk.reading() as session:
        _file(desk, session, path)
    try:
        values = _read(path, given)
        row = _proposed(
            desk, form, me, lambda files: _with_version(files, {path: library.with_values(files[path], values)})
        )
    except FaultsError as error:
        return values_page(desk, request, path, given, form=form, faults=error.faults)
    return go_to(f"/cards/changes/{row}", "text_proposed")


def _propose_file(desk: Desk, request: Request, form: FormData, me: SignedIn) -> Response:
    path = typed(form, "path")
    text = str(form.get("text") or "").replace("\r\n", "\n")  # a browser's line ends
    if not text.endswith("\n"):
        text += "\n"
    try:
        row = _proposed(desk, form, me, lambda files: _whole(files, path, text, typed(form, "made_from")))
    except FaultsError as error:
        return file_page(desk, request, path, text, form=form, faults=error.faults)
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
    readers = {language: typed(form, f"reader-{language}") for language in desk.journey.wording.languages}
    files, why = desk.journey.shelf.files, typed(form, "why")
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
    for field in fields_of(path):
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
    return {language: typed(form, f"text-{language}") for language in wording.languages}


def _tone(name: str) -> Tone:
    return Tone(name) if name in set(Tone) else Tone.NEUTRAL


def _inside(document: Mapping[str, Any], name: str) -> Any:
    value: Any = document
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
