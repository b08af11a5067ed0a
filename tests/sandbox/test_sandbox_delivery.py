"""Updates reach the bot by poll or webhook, and go wrong when asked to."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from telegram.error import TimedOut

from bot.sandbox import Drop, Fault, Sandbox, start
from tests.botapi_spec import Spec
from tests.sandbox.stage import AMINA, JOHN, TOKEN, HandClock, World

# Polling


async def test_an_offset_confirms_what_lies_below_it_and_a_negative_one_keeps_the_last(world: World) -> None:
    for text in ("a", "b", "c"):
        world.sandbox.message(AMINA, text)
    first = await world.updates(limit=2)
    second = await world.updates(offset=first[-1]["update_id"] + 1)
    last = await world.updates(offset=-1)

    assert [u["message"]["text"] for u in first] == ["/start lib_42", "a"]
    assert [u["message"]["text"] for u in second] == ["b", "c"]
    assert [u["message"]["text"] for u in last] == ["c"]
    assert await world.updates() == last


async def test_a_waiting_poll_wakes_at_once(world: World) -> None:
    await world.confirm_all()
    poll = asyncio.create_task(world.updates(timeout=50))
    await world.sandbox.delivery.holding.wait(5)
    world.sandbox.message(AMINA, "now")

    assert [u["message"]["text"] for u in await asyncio.wait_for(poll, 2)] == ["now"]


async def test_a_second_poller_ends_the_first(world: World) -> None:
    await world.confirm_all()
    first = asyncio.create_task(world.refusal("getUpdates", timeout=50))
    await world.sandbox.delivery.holding.wait(5)
    await world.updates()

    assert await asyncio.wait_for(first, 2) == (
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )


async def test_a_stop_answers_waiting_polls_and_pages() -> None:
    sandbox = Sandbox(token=TOKEN, clock=HandClock())
    running = await start(sandbox)
    async with aiohttp.ClientSession() as session:
        world = World(sandbox, running, HandClock(), session)
        page = await session.get(f"{running.url}/control/events?user={AMINA}")
        poll = asyncio.create_task(world.updates(timeout=50))
        await sandbox.delivery.holding.wait(5)
        async with asyncio.timeout(5):
            await running.stop()

            assert await poll == []
            assert "data" not in (await page.text())


async def test_the_wanted_types_are_remembered_and_the_rest_is_not_kept(world: World) -> None:
    await world.updates(offset=-1, allowed_updates=["callback_query"])
    await world.confirm_all()
    world.sandbox.message(AMINA, "unheard")
    world.sandbox.block(AMINA)
    unheard = await world.updates()
    info = await world.result("getWebhookInfo")
    await world.updates(allowed_updates=[])
    world.sandbox.unblock(AMINA)

    assert unheard == []
    assert info["allowed_updates"] == ["callback_query"]
    assert [sorted(u) for u in await world.updates()] == [["my_chat_member", "update_id"]]
    assert "unheard" in [shown.text for shown in world.sandbox.messages(AMINA)]


async def test_an_update_can_come_twice_although_it_was_confirmed(world: World) -> None:
    world.sandbox.duplicate()
    once = await world.updates()
    twice = await world.updates(offset=once[0]["update_id"] + 1)

    assert twice == once
    assert await world.updates(offset=once[0]["update_id"] + 1) == []


async def test_two_updates_can_come_in_the_wrong_order(world: World) -> None:
    world.sandbox.reorder()
    alone = await world.updates()
    world.sandbox.block(AMINA)
    swapped = await world.updates()

    assert alone == []
    assert [min(u) for u in swapped] == ["my_chat_member", "message"]
    assert swapped[0]["update_id"] > swapped[1]["update_id"]


# The webhook


class Hook:
    """A stranger's server that takes updates, after refusing the first `refuse` of them."""

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.taken: list[tuple[dict[str, Any], str | None]] = []
        self.tries: list[float] = []
        self.enough = asyncio.Event()
        self.wanted = 1

    async def handle(self, request: web.Request) -> web.Response:
        self.tries.append(asyncio.get_running_loop().time())
        if len(self.tries) <= self.refuse:
            return web.Response(status=500)
        self.taken.append((await request.json(), request.headers.get("X-Telegram-Bot-Api-Secret-Token")))
        if len(self.taken) >= self.wanted:
            self.enough.set()
        return web.Response()

    async def serve(self) -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.router.add_post("/hook", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/hook"


async def test_a_webhook_gets_updates_with_the_secret_and_again_after_a_failure(
    world: World, violations: list[str]
) -> None:
    hook = Hook(refuse=2)
    runner, url = await hook.serve()
    await world.result("setWebhook", url=url, secret_token="s3cret_-", max_connections=5)
    await asyncio.wait_for(hook.enough.wait(), 5)
    info = await world.result("getWebhookInfo")
    refused = await world.refusal("getUpdates")
    await world.result("deleteWebhook")
    await runner.cleanup()

    pauses = [later - earlier for earlier, later in itertools.pairwise(hook.tries)]
    assert len(pauses) == 2
    assert pauses[0] >= 0.009  # The first pause of the fixture's sandbox is 10 ms, and it doubles.
    assert pauses[1] >= 0.019
    assert [(update["message"]["text"], secret) for update, secret in hook.taken] == [("/start lib_42", "s3cret_-")]
    assert info["url"] == url
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"
    assert refused[0] == 409
    assert "can't use getUpdates method while webhook is active" in refused[1]
    spec = Spec.load()
    assert spec is None or spec.check_update(hook.taken[0][0]) == []


async def test_a_webhook_can_get_updates_twice_and_in_the_wrong_order(world: World) -> None:
    hook = Hook()
    hook.wanted = 4
    runner, url = await hook.serve()
    world.sandbox.duplicate()
    world.sandbox.reorder()
    await world.result("setWebhook", url=url)
    world.sandbox.message(AMINA, "second")
    world.sandbox.message(AMINA, "third")
    await asyncio.wait_for(hook.enough.wait(), 5)
    await runner.cleanup()

    assert [update["message"]["text"] for update, _ in hook.taken] == ["second", "second", "/start lib_42", "third"]
    assert hook.taken[0][1] is None


# Faults and limits


async def test_a_fault_hits_only_the_calls_it_is_meant_for_and_only_so_often(world: World) -> None:
    world.sandbox.start(JOHN)
    world.sandbox.fault(Fault(method="sendmessage", code=500, chat_id=AMINA, contains="gift", times=2))
    codes = [
        (await world.call("sendMessage", chat_id=chat, text=text)).get("error_code")
        for chat, text in ((JOHN, "gift"), (AMINA, "hello"), (AMINA, "a gift"), (AMINA, "gift"), (AMINA, "gift"))
    ]

    assert codes == [None, None, 500, 500, None]


async def test_a_connection_that_breaks_after_the_call_leaves_the_message_with_the_citizen(world: World) -> None:
    for drop in (Drop.BEFORE, Drop.AFTER):
        world.sandbox.fault(Fault(method="sendMessage", drop=drop))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await world.call("sendMessage", chat_id=AMINA, text=drop)

    assert [shown.text for shown in world.sandbox.messages(AMINA)] == ["/start lib_42", "after"]


async def test_a_slow_answer_times_out_after_the_message_arrived(world: World) -> None:
    world.sandbox.fault(Fault(method="sendMessage", delay_s=30))
    async with world.bot() as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(AMINA, "slow", read_timeout=0.5)

    assert world.sandbox.messages(AMINA)[-1].text == "slow"


async def test_a_flood_is_refused_with_the_time_to_wait() -> None:
    clock = HandClock()
    sandbox = Sandbox(token=TOKEN, clock=clock, rate_limit=3)
    sandbox.start(AMINA)
    running = await start(sandbox)
    async with aiohttp.ClientSession() as session:
        world = World(sandbox, running, clock, session)
        answers = [await world.call("sendMessage", chat_id=AMINA, text="x") for _ in range(4)]
        clock.pass_by(1)
        after = await world.call("sendMessage", chat_id=AMINA, text="x")
    await running.stop()

    assert [answer["ok"] for answer in answers] == [True, True, True, False]
    assert answers[3] == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    assert after["ok"]
