"""The step “message” of the editor: which wordings, their adapted texts, and how a phone shows them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from bot import campaigns, rehearsal
from bot.campaigns import drafts, wordings
from bot.campaigns.drafts import OvertakenError
from bot.campaigns.filled import Step
from bot.console import editing
from bot.console.desk import Desk, Filled, allowed, go_to
from bot.console.editing import Editor, Seen
from bot.console.showing import shown
from bot.core.facts import Tone, Variant
from bot.errors import RefusedError
from bot.staff import May, SignedIn
from bot.store.tables import CampaignDraftRow
from bot.wording import OwnWording, Wording, with_own
from bot.wording.own import is_own

#: Longer than any text that may be sent, so that nobody loses what they pasted.
LONGEST_TYPED = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One wording to choose. `missing` are languages of the campaign in which it cannot be sent."""

    variant: Variant
    text: str
    own: bool
    missing: tuple[str, ...]
    sent: bool = False


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/campaigns")
    _choosing(desk, router)
    _writing(desk, router)
    _trying(desk, router)
    return router


def _choosing(desk: Desk, router: APIRouter) -> None:
    @router.get("/{campaign}/edit/message")
    def listed(request: Request, campaign: str, _: Editor) -> Response:
        return _list(desk, request, campaign)

    @router.post("/{campaign}/edit/message")
    def choose(
        request: Request,
        campaign: str,
        me: Editor,
        seen: Seen = 0,
        then: Annotated[str, Form(max_length=20)] = "",
        variants: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006
    ) -> Response:
        try:
            with desk.writing() as session:
                row = drafts.found(session, campaign, locked=True)
                content = wordings.chosen(row, variants, desk.journey.wording)
                drafts.save(session, campaign, Step.MESSAGE, content, seen=seen, by=me.login, now=desk.now)
        except OvertakenError as error:
            return _list(desk, request, campaign, typed=variants, refused=error)
        step = "check" if then == "next" else "message"
        return go_to(f"/campaigns/{campaign}/edit/{step}", "saved")

    @router.post("/{campaign}/edit/message/adapt")
    def adapt(
        request: Request,
        campaign: str,
        me: Editor,
        variant: Annotated[str, Form(max_length=200)],
        seen: Seen = 0,
        listed: Annotated[str, Form(max_length=5)] = "",
        variants: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006
    ) -> Response:
        """`listed`: it was pressed among the choices, which are kept with it."""
        ticked = variants if listed else None
        try:
            with desk.writing() as session:
                row = drafts.found(session, campaign, locked=True)
                content, copy = wordings.adapted(session, row, desk.journey.wording, variant, desk.today, ticked=ticked)
                drafts.save(session, campaign, Step.MESSAGE, content, seen=seen, by=me.login, now=desk.now)
        except OvertakenError as error:
            return _list(desk, request, campaign, typed=ticked, refused=error)
        return go_to(f"/campaigns/{campaign}/edit/message/{copy.id}", "text_adapted")

    @router.post("/{campaign}/edit/message/{name}/take-out")
    def take_out(
        request: Request,
        campaign: str,
        name: str,
        me: Editor,
        seen: Seen = 0,
        variants: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006
    ) -> Response:
        try:
            with desk.writing() as session:
                row = drafts.found(session, campaign, locked=True)
                content = wordings.taken_out(session, row, desk.journey.wording, name, ticked=variants)
                drafts.save(session, campaign, Step.MESSAGE, content, seen=seen, by=me.login, now=desk.now)
        except RefusedError as error:
            return _list(desk, request, campaign, typed=variants, refused=error)
        return go_to(f"/campaigns/{campaign}/edit/message", "text_taken_out")


def _writing(desk: Desk, router: APIRouter) -> None:
    @router.get("/{campaign}/edit/message/{name}")
    def one(request: Request, campaign: str, name: str, me: Editor) -> Response:
        return _one(desk, request, campaign, name, me)

    @router.post("/{campaign}/edit/message/{name}")
    def write(request: Request, campaign: str, name: str, me: Editor, form: Filled) -> Response:
        return _written(desk, request, campaign, name, me, form)

    @router.post("/{campaign}/edit/message/{name}/check/{language}")
    def check(request: Request, campaign: str, name: str, language: str, _: Editor, form: Filled) -> Response:
        """What the rules say about the text of one language as it is typed; nothing is kept."""
        return _checked(desk, request, campaign, name, language, form)


def _trying(desk: Desk, router: APIRouter) -> None:
    @router.post("/{campaign}/test")
    def test(
        campaign: str,
        me: Annotated[SignedIn, allowed(May.TRY_TEXTS)],
        variant: Annotated[str, Form(max_length=200)],
        language: Annotated[str, Form(max_length=5)],
        back: Annotated[str, Form(max_length=20)] = "",
    ) -> Response:
        """`back`: from the editor, and so in the draft's words; else in those that are to be approved."""
        writing = back == "message"
        with desk.writing() as session:
            _try(desk, session, campaign, me, variant, language, draft=writing)
        desk.journey.on_queued()
        where = f"edit/message/{variant}" if writing else "approve"
        return go_to(f"/campaigns/{campaign}/{where}", "test_sent")


def _try(
    desk: Desk, session: Session, campaign: str, me: SignedIn, variant: str, language: str, *, draft: bool
) -> None:
    wording = desk.journey.wording
    if draft:
        wording = wordings.wording_of(drafts.found(session, campaign), wording)
    else:
        wording = campaigns.with_its_words(wording, [campaigns.known(session, campaign)])
    rehearsal.send(session, wording, me.id, variant, language, key=desk.new_token(), now=desk.now)


def _list(
    desk: Desk,
    request: Request,
    campaign: str,
    *,
    typed: list[str] | None = None,
    refused: RefusedError | None = None,
) -> Response:
    wording = desk.journey.wording
    with desk.reading() as session:
        row = drafts.found(session, campaign)
        around = editing.shown(desk, session, row, Step.MESSAGE, None)
        said = wordings.wording_of(row, wording)
        languages = wordings.languages_of(row, wording)
        own = wordings.own_of(row)
        kept = {one.id for one in own if wordings.sent_in(session, one.id)}
    names = [name for name in wordings.names_of(row, wording) if name in said.variants]
    lines = [
        Line(
            variant=said.variants[name],
            text=said.say(name, languages[0]) if languages else "",
            own=is_own(said, name),
            missing=tuple(one for one in languages if one not in said.variants[name].languages),
            sent=name in kept,
        )
        for name in names
    ]
    chosen = row.content.get(Step.MESSAGE, {}).get("variants", []) if typed is None else typed
    return desk.page(
        request,
        "message.html",
        status=200 if refused is None else 409,
        **around,
        tones=[(tone, [line for line in lines if line.variant.tone is tone]) for tone in Tone],
        languages=languages,
        chosen=chosen,
        refused=refused,
    )


def _one(
    desk: Desk,
    request: Request,
    campaign: str,
    name: str,
    me: SignedIn,
    *,
    typed: OwnWording | None = None,
    refused: RefusedError | None = None,
    focus: str = "",
) -> Response:
    """One wording in all languages. `typed`: its texts as somebody typed them, which are not kept yet."""
    wording = desk.journey.wording
    with desk.reading() as session:
        row = drafts.found(session, campaign)
        around = editing.shown(desk, session, row, Step.MESSAGE, None)
        said = wordings.wording_of(row, wording)
        if name not in wordings.names_of(row, wording):
            raise RefusedError("{wording} is not there any more. Somebody took it out.", wording=name)
        sent = wordings.sent_in(session, name)
        has_chat = rehearsal.has_chat(session, me.id)
    if typed is not None:
        said = with_own(said, [typed])
    languages = wordings.languages_of(row, wording)
    return desk.page(
        request,
        "message_one.html",
        status=200 if refused is None else 422,
        **around,
        name=name,
        variant=said.variants[name],
        is_own=is_own(said, name),
        seen=[shown(said, name, language) for language in languages],
        sent=sent,
        has_chat=has_chat,
        refused=refused,
        focus=focus,
        kept=typed is None,
    )


def _written(desk: Desk, request: Request, campaign: str, name: str, me: SignedIn, form: FormData) -> Response:
    """Save what was typed, check it, or take over a suggestion: by the button that was pressed."""
    with desk.reading() as session:
        row = drafts.found(session, campaign)
        typed = _typed(row, name, form, desk.journey.wording)
    then = str(form.get("then", "save"))
    verb, _, language = then.partition(":")
    if verb == "check":
        return _one(desk, request, campaign, name, me, typed=typed)
    if verb == "rewrite":
        language, _, number = language.partition(":")
        typed = _taken_over(desk, row, typed, language, number)
        return _one(desk, request, campaign, name, me, typed=typed, focus=language)
    seen = str(form.get("seen", ""))
    try:
        with desk.writing() as session:
            row = drafts.found(session, campaign, locked=True)
            content = wordings.rewritten(session, row, name, typed.text | _emptied(form, typed))
            drafts.save(session, campaign, Step.MESSAGE, content, seen=int(seen) if seen.isdecimal() else 0,
                        by=me.login, now=desk.now)  # fmt: skip
            if verb == "test":
                _try(desk, session, campaign, me, name, language, draft=True)
    except RefusedError as error:
        return _one(desk, request, campaign, name, me, typed=typed, refused=error)
    if verb == "test":
        desk.journey.on_queued()
        return go_to(f"/campaigns/{campaign}/edit/message/{name}", "test_sent")
    return go_to(f"/campaigns/{campaign}/edit/message{f'/{name}' if verb == 'save' else ''}", "saved")


def _checked(desk: Desk, request: Request, campaign: str, name: str, language: str, form: FormData) -> Response:
    with desk.reading() as session:
        row = drafts.found(session, campaign)
        typed = _typed(row, name, form, desk.journey.wording)
    if language not in desk.journey.wording.languages:
        raise RefusedError("{wording} is not there any more. Somebody took it out.", wording=name)
    said = with_own(wordings.wording_of(row, desk.journey.wording), [typed])
    return desk.page(request, "_checked.html", one=shown(said, name, language))


def _typed(row: CampaignDraftRow, name: str, form: FormData, wording: Wording) -> OwnWording:
    """The wording with what stands in the form. Raises RefusedError for one that is not the campaign's own."""
    before = next((own for own in wordings.own_of(row) if own.id == name), None)
    if before is None:
        raise RefusedError("{wording} is not there any more. Somebody took it out.", wording=name)
    text = dict(before.text)
    for language in wording.languages:
        said = form.get(f"text_{language}")
        if isinstance(said, str):
            text[language] = said[:LONGEST_TYPED]
    return OwnWording.model_validate(before.model_dump() | {"text": text})


def _emptied(form: FormData, typed: OwnWording) -> dict[str, str]:
    """The languages whose text was taken away."""
    named = [key.removeprefix("text_") for key in form if key.startswith("text_")]
    return {language: "" for language in named if language.isalpha() and language not in typed.text}


def _taken_over(desk: Desk, row: CampaignDraftRow, typed: OwnWording, language: str, number: str) -> OwnWording:
    """With the suggestion of that number taken over; the same when it is not there any more."""
    said = with_own(wordings.wording_of(row, desk.journey.wording), [typed])
    if language not in typed.text or not number.isdecimal():
        return typed
    rewrites = shown(said, typed.id, language).rewrites
    better = rewrites[int(number)][1] if int(number) < len(rewrites) else None
    return typed if better is None else typed.model_copy(update={"text": {**typed.text, language: better}})
