import asyncio
import json
import threading

import httpx
import pytest
from starlette.applications import Starlette
from telegram_fakes import AMINA, BRAM, TOKEN, answer, wire

from bot.core.talk import Typed
from bot.errors import ChannelClosedError
from bot.sandbox import Fault
from bot.telegram.application import new_builder
from bot.telegram.inbox import BODY_MAX, SECRET_HEADER, poll, webhook_route, work

SECRET = "w3bh00k_secret"


class Polling:
    """Polls `bot` in the background; pauses are noted in place of being waited for."""

    def __init__(self, bot, take_in):
        self.pauses: list[float] = []
        self.task = asyncio.create_task(poll(bot, take_in, sleep=self._sleep, wait_s=1))

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def update(number: int, person: int = AMINA, text: str = "dag") -> dict:
    who = {"id": person, "is_bot": False, "first_name": "A"}
    chat = {"id": person, "type": "private", "first_name": "A"}
    return {"update_id": number, "message": {"message_id": number, "date": 1, "from": who, "chat": chat, "text": text}}


async def test_what_people_said_is_fetched_and_stored_as_it_came(bot, sandbox, journey):
    sandbox.message(AMINA, "Dag \U0001f600 مرحبا")
    async with Polling(bot, journey.take_in):
        await journey.until(lambda: journey.inbox)
    (stored,) = journey.inbox.values()
    assert json.loads(stored.body)["message"]["text"] == "Dag \U0001f600 مرحبا"
    asked = sandbox.calls("getUpdates")[0].params
    assert asked["allowed_updates"] == ["message", "callback_query", "my_chat_member"]


async def test_telegram_may_forget_an_update_only_once_it_is_stored(bot, sandbox):
    started, stored = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def take_in(updates, whose):
        loop.call_soon_threadsafe(started.set)
        assert stored.wait(10)

    sandbox.message(AMINA, "dag")
    async with Polling(bot, take_in):
        await started.wait()
        assert (len(sandbox.world.updates), len(sandbox.calls("getUpdates"))) == (1, 1)
        stored.set()
    stored.set()


async def test_what_could_not_be_stored_comes_again(bot, sandbox, journey):
    def broken(updates, whose):
        raise OSError("disk full")

    sandbox.message(AMINA, "stop")
    async with Polling(bot, broken) as polling:
        with pytest.raises(OSError, match="disk full"):
            await polling.task
    async with Polling(bot, journey.take_in):
        await journey.until(lambda: journey.inbox)
    assert json.loads(next(iter(journey.inbox.values())).body)["message"]["text"] == "stop"


async def test_an_update_that_comes_twice_takes_effect_once(living, sandbox):
    sandbox.duplicate(3)
    for text in ("een", "twee", "drie"):
        sandbox.message(AMINA, text)
    await living.until(lambda: len(living.heard) == 3)
    sandbox.message(BRAM, "klaar")
    await living.until(lambda: len(living.heard) == 4)
    assert [heard for _, _, heard in living.heard] == [Typed("een"), Typed("twee"), Typed("drie"), Typed("klaar")]


async def test_a_second_poller_ends_ours_rather_than_fighting_it(bot, sandbox, journey):
    sandbox.fault(Fault(method="getUpdates", code=409))
    async with Polling(bot, journey.take_in) as polling:
        with pytest.raises(ChannelClosedError, match="Another process"):
            await polling.task


async def test_a_revoked_token_ends_the_polling(bot, sandbox, journey):
    sandbox.fault(Fault(method="getUpdates", code=401))
    async with Polling(bot, journey.take_in) as polling:
        with pytest.raises(ChannelClosedError, match="token"):
            await polling.task


async def test_trouble_is_met_with_growing_pauses_up_to_a_cap_and_never_with_giving_up(bot, sandbox, journey):
    sandbox.fault(Fault(method="getUpdates", code=502, times=10))
    sandbox.message(AMINA, "dag")
    async with Polling(bot, journey.take_in) as polling:
        await journey.until(lambda: journey.inbox)
        assert polling.pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]
        sandbox.fault(Fault(method="getUpdates", code=500))
        sandbox.message(AMINA, "weer")
        await journey.until(lambda: len(journey.inbox) == 2)
        sandbox.message(AMINA, "en weer")
        await journey.until(lambda: len(journey.inbox) == 3)
        assert polling.pauses[10:] == [1]


async def test_a_flood_limit_on_polling_is_obeyed(bot, sandbox, journey):
    sandbox.fault(Fault(method="getUpdates", code=429, retry_after=17))
    sandbox.message(AMINA, "dag")
    async with Polling(bot, journey.take_in) as polling:
        await journey.until(lambda: journey.inbox)
        assert polling.pauses == [17]


async def test_numbers_that_start_anew_after_a_quiet_week_are_not_missed(journey):
    """Telegram confirms below the offset, so an offset kept for ever would confirm what was never fetched."""

    async def treat(number, writer):
        fetched = {1: [update(900)], 3: [update(5)]}.get(number, [])
        writer.write(answer(200, json.dumps({"ok": True, "result": fetched}).encode()))
        if number == 4:
            done.set()
        return number < 4

    done = asyncio.Event()
    async with wire(treat) as server, Polling(new_builder(TOKEN, root=server.url).build().bot, journey.take_in):
        await done.wait()
    offsets = [b"offset=" in request.split(b"\r\n")[0] for request in server.requests[:4]]
    assert offsets == [False, True, False, True]
    assert sorted(journey.inbox) == [5, 900]


@pytest.mark.parametrize(
    "result", [b'"x"', b"{}", b"[1,null,{}]", b'[{"update_id":"7"},{"update_id":true},{"update_id":-1}]']
)
async def test_an_answer_of_the_wrong_shape_stores_nothing(journey, result):
    async def treat(number, writer):
        writer.write(
            answer(200, b'{"ok":true,"result":%s}' % (result if number == 1 else json.dumps([update(7)]).encode()))
        )
        return number < 2

    async with wire(treat) as server, Polling(new_builder(TOKEN, root=server.url).build().bot, journey.take_in):
        await journey.until(lambda: journey.inbox)
    assert journey.log[0] == ("take_in", [7])


class Hook:
    """The webhook as Telegram sees it."""

    def __init__(self, take_in):
        self.app = Starlette(routes=[webhook_route("/telegram", SECRET, take_in)])
        self.read = 0
        self.all_read: tuple[int, asyncio.Event] = (0, asyncio.Event())
        transport = httpx.ASGITransport(self.serve, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://bot")

    async def serve(self, scope, receive, send):
        async def counted():
            part = await receive()
            self.read += part["type"] == "http.request" and not part.get("more_body")
            if self.read == self.all_read[0]:
                # What follows the last part runs first.
                asyncio.get_running_loop().call_soon(self.all_read[1].set)
            return part

        await self.app(scope, counted, send)

    async def post(self, body, secret: str = SECRET) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/telegram", content=content, headers={SECRET_HEADER: secret})


async def test_the_webhook_answers_with_nothing_once_the_update_is_stored(journey):
    response = await Hook(journey.take_in).post(update(7))
    assert (response.status_code, response.content) == (200, b"")
    assert json.loads(journey.inbox[7].body) == update(7)


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", "é"])
async def test_nobody_else_can_post_updates(journey, secret):
    response = await Hook(journey.take_in).post(b"not even json", secret=secret.encode("latin-1"))
    assert (response.status_code, journey.inbox) == (403, {})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"update_id": "7"}', b'{"update_id": 7.0}', b"[" * 100_000]
)
async def test_a_body_without_a_number_is_refused(journey, body):
    assert (await Hook(journey.take_in).post(body)).status_code == 400
    assert journey.inbox == {}


async def test_a_body_of_more_than_a_mebibyte_is_refused(journey):
    assert (await Hook(journey.take_in).post(update(7, text="x" * BODY_MAX))).status_code == 413
    assert (await Hook(journey.take_in).post(update(7, text="x" * (BODY_MAX - 1000)))).status_code == 200


async def test_telegram_hears_of_it_when_storing_fails(journey):
    def broken(updates, whose):
        raise OSError("disk full")

    assert (await Hook(broken).post(update(7))).status_code == 500


async def test_posts_that_come_while_one_is_written_are_written_together(journey):
    started, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    writing: list[int] = []

    def take_in(updates, whose):
        writing.append(len(updates))
        loop.call_soon_threadsafe(started.set)
        assert go_on.wait(10)
        journey.take_in(updates, whose)

    hook = Hook(take_in)
    hook.all_read = (41, asyncio.Event())
    first = asyncio.create_task(hook.post(update(1)))
    await started.wait()
    others = [asyncio.create_task(hook.post(update(number))) for number in range(2, 42)]
    await hook.all_read[1].wait()
    assert (writing, journey.inbox) == ([1], {})
    go_on.set()
    assert {response.status_code for response in await asyncio.gather(first, *others)} == {200}
    assert sorted(journey.inbox) == list(range(1, 42))
    assert writing == [1, 40]


async def test_one_batch_that_fails_does_not_fail_the_next(journey):
    failing = [True]

    def take_in(updates, whose):
        if failing.pop():
            raise OSError("disk full")
        journey.take_in(updates, whose)

    hook = Hook(take_in)
    failing.insert(0, False)
    assert [(await hook.post(update(7))).status_code for _ in range(2)] == [500, 200]


async def test_what_one_person_says_is_heard_in_order_and_a_slow_one_holds_nobody_else_up(living, sandbox):
    first = sandbox.world.number("update")
    living.holding[first] = threading.Event()
    for text in ("een", "twee", "drie"):
        sandbox.message(AMINA, text)
    for person in range(1000, 1050):
        sandbox.message(person, "dag")
    await living.until(lambda: len(living.heard) == 50)
    assert str(AMINA) not in {speaker.chat for _, speaker, _ in living.heard}
    living.holding[first].set()
    await living.until(lambda: len(living.heard) == 53)
    assert [heard.text for _, speaker, heard in living.heard if speaker.chat == str(AMINA)] == ["een", "twee", "drie"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"update_id": 8}',
        '{"update_id": 7, "message": {}}',
        '{"update_id": 7, "message": "x"}',
        '{"update_id": 7, "message": {"message_id": 1, "date": 1e30, "chat": {"id": 1, "type": "private"}}}',
        '{"update_id": 7, "callback_query": {"id": "1"}}',
    ],
    ids=lambda body: body[:40],
)
async def test_a_malformed_update_becomes_a_dead_letter_and_the_rest_goes_on(living, body):
    living.take_in([(7, body), (9, json.dumps(update(9)))])
    await living.until(lambda: living.state == {7: "dead", 9: "done"})
    assert len(living.errors) == 5
    assert all(error.startswith("unreadable") for _, error in living.errors)


async def test_an_update_that_always_fails_becomes_a_dead_letter(living, sandbox):
    number = sandbox.world.number("update")
    living.failing[number] = 99
    sandbox.message(AMINA, "dag")
    await living.until(lambda: living.state.get(number) == "dead")
    assert living.errors == [(number, "LookupError")] * 5


async def test_what_was_stored_before_a_crash_is_heard_after_it(application, journey):
    journey.take_in([(7, json.dumps(update(7, text="stop")))])
    working = asyncio.create_task(work(journey, application))
    await journey.until(lambda: journey.heard)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert [heard for _, _, heard in journey.heard] == [Typed("stop")]
