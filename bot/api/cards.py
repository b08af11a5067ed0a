"""The cards for anybody: no key, no person in them, and made to be kept by caches and read by other sites."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from bot import cards
from bot.api.door import problem
from bot.signals import Refusal
from bot.wording import Wording

#: How long, in seconds, somebody may go on with an answer without asking again.
FRESH_S: Final = 300
OPEN: Final = {"Access-Control-Allow-Origin": "*", "Vary": "Accept-Language"}
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")


def add_cards(app: FastAPI, wording: Callable[[], Wording], today: Callable[[], date]) -> None:
    """Add `/v1/cards`. `today` gives the date on the municipality's calendar."""
    showcase = Showcase(wording, today)

    @app.get("/v1/cards")
    async def list_cards(request: Request) -> Response:
        return showcase.listing(request.headers)

    @app.get("/v1/cards/{card}")
    async def show_card(card: str, request: Request) -> Response:
        shown = showcase.one(card, request.headers)
        return problem(shown, OPEN) if isinstance(shown, Refusal) else shown


class Showcase:
    """What is on show, in the language that is asked for."""

    def __init__(self, wording: Callable[[], Wording], today: Callable[[], date]) -> None:
        self._wording = wording
        self._today = today

    def listing(self, headers: Mapping[str, str]) -> Response:
        """The cards in short."""
        wording = self._wording()
        language = best_language(headers.get("accept-language", ""), wording.languages)
        told = [cards.summary(card, wording, language) for card in cards.on_show(wording, self._today())]
        return _answer({"language": language, "cards": told}, language, headers)

    def one(self, name: str, headers: Mapping[str, str]) -> Response | Refusal:
        """One card in full; a refusal for one that is not on show, whatever the reason."""
        wording = self._wording()
        language = best_language(headers.get("accept-language", ""), wording.languages)
        shown = {card.id: card for card in cards.on_show(wording, self._today())}
        if name not in shown:
            return Refusal(404, "There is no such card", detail=f"On show are: {', '.join(shown) or 'no cards yet'}.")
        return _answer({"language": language} | cards.view(shown[name], wording, language), language, headers)


def best_language(header: str, spoken: Sequence[str]) -> str:
    """The language of `spoken` that an Accept-Language header (RFC 9110) wants most; the first when it wants none.

    `ar-EG` is served with `ar`. A part of the header that cannot be read is passed over.
    """
    wanted: dict[str, float] = {}
    for part in header.split(","):
        if (found := _RANGE.fullmatch(part)) is not None:
            tag, weight = found[1].lower().partition("-")[0], float(found[2] or 1)
            wanted[tag] = max(weight, wanted.get(tag, 0.0))
    chances = {language: wanted.get(language, wanted.get("*", 0.0)) for language in spoken}
    best = max(spoken, key=lambda language: chances[language])
    return best if chances[best] > 0 else spoken[0]


def _answer(content: Mapping[str, Any], language: str, headers: Mapping[str, str]) -> Response:
    """The answer with a tag of its own; without a body when the asker has it already."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = OPEN | {
        "Access-Control-Expose-Headers": "API-Version, Content-Language, ETag",
        "Cache-Control": f"public, max-age={FRESH_S}",
        "Content-Language": language,
        "ETag": tag,
    }
    known = {one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=kept)
    return Response(body, media_type="application/json", headers=kept)
