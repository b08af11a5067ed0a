"""Cards: all of them, one of them as citizens and as colleagues read it, and what has to be looked at again."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from bot import campaigns, cards, library
from bot.console import fields
from bot.console.desk import Desk, allowed, go_to
from bot.console.overheard import overheard
from bot.console.showing import shown
from bot.console.words import N_
from bot.core.facts import CardStatus
from bot.errors import RefusedError
from bot.staff import May, SignedIn
from bot.store import conversation, ledger
from bot.wording import ServiceCard, Wording
from bot.wording.own import shared
from bot.wording.speech import RIGHT_TO_LEFT

#: So far ahead something counts as due soon.
SOON: Final = timedelta(days=60)
#: What citizens read of a card, and what it is called.
PARTS: Final = {
    "name": N_("Name"),
    "plain": N_("In one sentence"),
    "body": N_("What people read after “tell me more”"),
    "whom": N_("For whom, on the leaflet"),
    "signs": N_("How to recognise it, on the leaflet"),
}
LOOKS: Final = {
    cards.Look.PAGE: N_("See whether the official page says the same"),
    cards.Look.REVIEW: N_("Read the whole card again"),
    cards.Look.END: N_("The card itself ends"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One card in the list. `missing`: the languages in which not all of it can be read."""

    card: ServiceCard
    missing: tuple[str, ...]
    runs: int


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/cards")
    desk.areas.add("/cards")

    @router.get("")
    def overview(
        request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], name: str = "", status: str = ""
    ) -> Response:
        wording = desk.journey.wording
        with desk.reading() as session:
            runs = campaigns.running_by_card(session)
            waiting = len(library.listing(session, state=library.State.PROPOSED))
            odd = len(library.conflicts(session, desk.journey.shelf.files))
        found = [card for card in wording.cards.values() if _fits(card, name.strip(), status)]
        return desk.page(
            request,
            "cards.html",
            lines=[
                Line(card=card, missing=_missing(card, wording), runs=runs.get(card.id, 0))
                for card in sorted(found, key=lambda card: card.name.casefold())
            ],
            name=name,
            wanted=status,
            statuses=list(CardStatus),
            themes={theme: wording.say(f"theme.{theme}", "nl") for theme in wording.themes},
            waiting=waiting,
            odd=odd,
            late=[one for one in cards.due(wording) if one.late(_today(desk))],
            today=_today(desk),
            value=fields.value,
        )

    @router.get("/due")
    def due(request: Request, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], whole: str = "") -> Response:
        today = _today(desk)
        until = None if whole else today + SOON
        return desk.page(
            request,
            "cards_due.html",
            listed=cards.due(desk.journey.wording, until=until),
            pages={card.id: card.page for card in desk.journey.wording.cards.values()},
            looks=LOOKS,
            today=today,
            whole=bool(whole),
        )

    @router.get("/{card}")
    def one(
        request: Request, card: str, _: Annotated[SignedIn, allowed(May.SEE_CAMPAIGNS)], language: str = "nl"
    ) -> Response:
        wording = desk.journey.wording
        known = _known(wording, card)
        spoken = language if language in wording.languages else wording.languages[0]
        with desk.reading() as session:
            said = _said(session, wording, known, spoken)
        heard = partial(overheard, say=desk.say(request))
        return desk.page(request, "card.html", today=_today(desk), heard=heard, **said)

    @router.post("/{card}/checked")
    def checked(
        card: str, me: Annotated[SignedIn, allowed(May.EDIT_CAMPAIGNS)], back: Annotated[str, Form(max_length=20)] = ""
    ) -> Response:
        """Somebody saw today that the official page says what the card says: a fact, by one person."""
        page = _known(desk.journey.wording, card).page
        _record(desk, card, {"official_page.checked_on": _today(desk)}, why=f"looked at {page}", by=me.login)
        return go_to("/cards/due" if back == "due" else f"/cards/{card}", "page_checked")

    @router.post("/{card}/suspend")
    def suspend(
        card: str, me: Annotated[SignedIn, allowed(May.HALT)], because: Annotated[str, Form(max_length=400)] = ""
    ) -> Response:
        """Nothing is sent about it until two people publish it again."""
        if _known(desk.journey.wording, card).status is not CardStatus.PUBLISHED:
            raise RefusedError("Only a published card can be suspended.")
        if not because.strip():
            raise RefusedError("Say why the card is suspended; your colleagues will want to know.")
        _record(desk, card, {"status": CardStatus.SUSPENDED.value}, why=because, by=me.login)
        return go_to(f"/cards/{card}", "card_suspended")

    return router


def _record(desk: Desk, card: str, values: dict[str | tuple[str, ...], library.Value], *, why: str, by: str) -> None:
    path, files = f"services/{card}.toml", desk.journey.shelf.files
    with desk.writing() as session:
        text = library.in_force(session, files).get(path)
        if text is None:
            raise RefusedError("There is no card {card}.", card=card)
        library.record(session, files, {path: library.with_values(text, values)}, why=why, by=by, now=desk.now)
    desk.journey.take_up()


def _said(session: Session, wording: Wording, card: ServiceCard, language: str) -> dict[str, Any]:
    texts = shared(wording, card.id)
    rows, _ = campaigns.search(session, campaigns.Wanted(card=card.id), limit=50)
    paused = conversation.paused_variants(session)
    sent = {variant for variant, _ in ledger.frozen(session, [variant.id for variant in texts])}
    return {
        "card": card,
        "language_shown": language,
        "languages": wording.languages,
        "direction": "rtl" if language in RIGHT_TO_LEFT else "ltr",
        "missing": _missing(card, wording),
        "parts": [
            (part, f"card.{card.id}.{part}", label)
            for part, label in PARTS.items()
            if wording.has(f"card.{card.id}.{part}")
        ],
        "say": lambda key: wording.say(key, language),
        "speaks": lambda key: wording.speaks(key, language),
        "findings": lambda key: wording.findings(key, language),
        "texts": [(variant, shown(wording, variant.id, language)) for variant in texts],
        "sent": sent,
        "paused_texts": {known: value["because"] for known, value in paused.items()},
        "rows": rows,
        "theme_title": wording.say(f"theme.{card.theme}", "nl"),
        "value": fields.value,
        "row": None,
    }


def _known(wording: Wording, card: str) -> ServiceCard:
    if card not in wording.cards:
        raise RefusedError("There is no card {card}.", card=card)
    return wording.cards[card]


def _fits(card: ServiceCard, name: str, status: str) -> bool:
    found = name.casefold() in f"{card.name} {card.id} {card.theme}".casefold()
    return found and (not status or card.status == status)


def _missing(card: ServiceCard, wording: Wording) -> tuple[str, ...]:
    """The languages in which a text of the card or one of its first messages cannot be read."""
    keys = [key for part in PARTS if wording.has(key := f"card.{card.id}.{part}")]
    keys += [variant.id for variant in shared(wording, card.id)]
    return tuple(one for one in wording.languages if not all(wording.speaks(key, one) for key in keys))


def _today(desk: Desk) -> date:
    return desk.now.astimezone(desk.zone).date()
