"""Updates on their way in: stored as they came before Telegram may forget them, then worked off from the store."""

import asyncio
import hmac
import json
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.request import BaseRequest

from bot.errors import DelayedError
from bot.journey import Journey
from bot.journey import Update as Stored
from bot.telegram.application import ALLOWED_UPDATES, BotApplication, desk_of
from bot.telegram.errors import diagnose
from bot.telegram.request import AiohttpRequest

POLL_S: Final = 30
ANSWER_S: Final = 10.0  # how much longer than asked a held poll may take
BACKOFF_MAX_S: Final = 30.0
BODY_MAX: Final = 1024 * 1024
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
LANES: Final = 8
FRESH_MAX: Final = 100
LOOK_S: Final = 0.5

# What a body of the wrong shape makes python-telegram-bot's readers raise.
_MALFORMED = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
_ID_MAX = 2**63
_log = logging.getLogger(__name__)

#: Stores updates, as number and body. The second: whose they are, by number, for those that say so.
TakeIn = Callable[[Sequence[tuple[int, str]], Mapping[int, str]], None]


async def poll(
    bot: Bot,
    take_in: TakeIn,
    *,
    request: BaseRequest | None = None,
    news: asyncio.Event | None = None,
    wait_s: int = POLL_S,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    answered: Callable[[], None] = lambda: None,
) -> None:
    """Fetch updates by long polling until cancelled. Telegram may forget an update only once `take_in` has returned.

    Without an answer it tries again for ever, with a growing pause. Raises ChannelClosedError when the token is
    refused or somebody else fetches the same updates: two would take them from each other, so one must go.
    `request` is a client of its own, opened and closed here; `news` is set when something was stored.
    `answered` is called after each answer, also an empty one.
    """
    offset: int | None = None
    failures = 0
    async with request or AiohttpRequest(connections=1) as client:
        while True:
            asked: dict[str, Any] = {"timeout": wait_s, "allowed_updates": json.dumps(ALLOWED_UPDATES)}
            if offset is not None:
                asked["offset"] = offset
            try:
                answer = await client.post(
                    f"{bot.base_url}/getUpdates?{urlencode(asked)}", read_timeout=wait_s + ANSWER_S
                )
            except TelegramError as error:
                failures += 1
                problem = diagnose(error)
                pause = min(BACKOFF_MAX_S, 0.5 * 2 ** min(failures, 10))
                if isinstance(problem, DelayedError) and problem.everybody:
                    pause = problem.seconds
                _log.warning("poll-failed error=%s again_in_s=%g", type(error).__name__, pause)
                await sleep(pause)
                continue
            failures = 0
            answered()
            fetched = {number: raw for raw in _list(answer) if (number := _update_id(raw)) is not None}
            if fetched:
                whose = {number: person for number, raw in fetched.items() if (person := _person(raw)) is not None}
                await asyncio.to_thread(take_in, [(number, json.dumps(raw)) for number, raw in fetched.items()], whose)
                if news is not None:
                    news.set()
            # Confirmed once, then left out: after a quiet week Telegram starts from another, perhaps lower, number.
            offset = max(fetched) + 1 if fetched else None


async def set_webhook(bot: Bot, url: str, secret: str) -> None:
    """Have Telegram post the updates to `url`. What waits there is kept. Raises DeliveryError or ChannelClosedError."""
    try:
        await bot.set_webhook(
            url, secret_token=secret, allowed_updates=list(ALLOWED_UPDATES), drop_pending_updates=False
        )
    except TelegramError as error:
        raise diagnose(error) from None


def webhook_route(path: str, secret: str, take_in: TakeIn, *, news: asyncio.Event | None = None) -> Route:
    """A route that answers 200 with nothing once the update is stored, so that Telegram sends again what was not.

    403 for another secret, before the body is read; 413 above 1 MiB; 400 without an `update_id`. Posts that come
    while `take_in` is busy are handed to it together. `news` is set when something was stored.
    """
    intake = _Intake(take_in)

    async def receive(request: Request) -> Response:
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            return Response(status_code=403)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_MAX:
                return Response(status_code=413)
        try:
            text = body.decode()
            data = json.loads(text)
        except (ValueError, RecursionError):
            return Response(status_code=400)
        if (number := _update_id(data)) is None:
            return Response(status_code=400)
        await intake.add(number, text, _person(data))
        if news is not None:
            news.set()
        return Response(status_code=200)

    return Route(path, receive, methods=["POST"])


class _Intake:
    """One writer: whatever comes in while it writes goes with the next write. Nobody is told before it is stored."""

    def __init__(self, take_in: TakeIn) -> None:
        self._take_in = take_in
        self._waiting: list[tuple[int, str]] = []
        self._whose: dict[int, str] = {}
        self._next: asyncio.Task[None] | None = None
        self._busy: asyncio.Task[None] | None = None

    async def add(self, update_id: int, body: str, person: str | None) -> None:
        self._waiting.append((update_id, body))
        if person is not None:
            self._whose[update_id] = person
        if self._next is None:
            self._next = asyncio.create_task(self._write(self._busy))
        # A caller who hangs up must not take the others' updates along.
        await asyncio.shield(self._next)

    async def _write(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        batch, self._waiting = self._waiting, []
        whose, self._whose = self._whose, {}
        self._busy, self._next = self._next, None
        await asyncio.to_thread(self._take_in, batch, whose)


async def work(journey: Journey, application: BotApplication, *, news: asyncio.Event | None = None) -> None:
    """Work off what is stored until cancelled: in order within a chat, several chats side by side.

    `news` says that there may be something new; without it the store is asked twice a second. The application must be
    initialised. What the journey itself raises outside a handler ends the work; nothing is lost by that.
    """
    await _Worker(journey, application, news or asyncio.Event()).run()


class _Worker:
    def __init__(self, journey: Journey, application: BotApplication, news: asyncio.Event) -> None:
        self._journey = journey
        self._application = application
        self._desk = desk_of(application)
        self._news = news
        self._slots = asyncio.Semaphore(LANES)
        self._queues: defaultdict[str, deque[tuple[Stored, Any]]] = defaultdict(deque)
        self._in_hand: set[int] = set()
        self._finished: set[int] = set()
        self._more = False  # there may be more in the store than was looked at

    async def run(self) -> None:
        async with asyncio.TaskGroup() as lanes:
            while True:
                self._news.clear()
                # What ends while the store is asked may still stand in its answer.
                self._finished.clear()
                limit = len(self._in_hand) + FRESH_MAX
                stored = await asyncio.to_thread(self._journey.unheard, limit)
                self._more = len(stored) >= limit
                fresh = [one for one in stored if one.update_id not in self._in_hand | self._finished]
                for one in fresh:
                    self._give(one, lanes)
                if not fresh:
                    await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()
        except TimeoutError:
            return

    def _give(self, stored: Stored, lanes: asyncio.TaskGroup) -> None:
        data = _object(stored.body)
        key = _person(data) or f"update {stored.update_id}"
        self._in_hand.add(stored.update_id)
        is_new = key not in self._queues
        self._queues[key].append((stored, data))
        if is_new:
            lanes.create_task(self._lane(key))

    async def _lane(self, key: str) -> None:
        queue = self._queues[key]
        while queue:
            stored, data = queue.popleft()
            async with self._slots:
                await self._process(stored, data)
            self._in_hand.discard(stored.update_id)
            self._finished.add(stored.update_id)
        del self._queues[key]
        if self._more:
            self._news.set()

    async def _process(self, stored: Stored, data: Any) -> None:
        number = stored.update_id
        try:
            update = Update.de_json(data, self._application.bot)
        except _MALFORMED as error:
            await self._fail(stored, f"unreadable: {type(error).__name__}", data)
            return
        if update.update_id != number:
            await self._fail(stored, "unreadable: another update_id", data)
            return
        try:
            await self._application.process_update(update)
        except _MALFORMED as error:  # not from a handler: what is of the wrong type inside shows only now
            await self._fail(stored, f"unreadable: {type(error).__name__}", data)
            return
        error_name = self._desk.failed.pop(number, None)
        if number in self._desk.heard:
            self._desk.heard.discard(number)
        elif error_name is not None:
            await self._fail(stored, error_name, data)
        else:
            await asyncio.to_thread(self._journey.let_pass, number)

    async def _fail(self, stored: Stored, error: str, data: Any) -> None:
        _log.error("update-failed update=%s tries=%s error=%s", stored.update_id, stored.tries + 1, error)
        await asyncio.to_thread(self._journey.fail, stored.update_id, error, _person(data))


def _object(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _list(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else []


def _update_id(raw: Any) -> int | None:
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if type(number) is int and 0 <= number < _ID_MAX else None


def _person(data: Any) -> str | None:
    """Whose update it is; in a private chat that is the chat."""
    if not isinstance(data, dict):
        return None
    for content in data.values():
        sender = content.get("from") if isinstance(content, dict) else None
        if isinstance(sender, dict) and "id" in sender:
            return str(sender["id"])
    return None
