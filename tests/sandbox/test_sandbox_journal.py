"""What a citizen has seen survives the sandbox."""

from __future__ import annotations

import asyncio
import itertools
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bot.sandbox import Sandbox, latest_moment, start
from tests.sandbox.stage import AMINA, JOHN, MORNING, TOKEN, YES_NO, HandClock, World

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_new_sandbox_on_the_same_journal_knows_every_chat_and_what_was_not_confirmed(tmp_path: Path) -> None:
    journal = tmp_path / "sandbox.jsonl"
    clock = HandClock()
    sandbox = Sandbox(token=TOKEN, clock=clock, journal=journal)
    running = await start(sandbox)
    async with aiohttp.ClientSession() as session:
        world = World(sandbox, running, clock, session)
        sandbox.start(AMINA, first_name="Amina", language="ar")
        sandbox.start(JOHN)
        await world.updates(offset=-1, allowed_updates=["message", "callback_query"])
        sent = await world.result(
            "sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO, disable_notification=True
        )
        gone = await world.result("sendMessage", chat_id=AMINA, text="gone")
        await world.result("deleteMessage", chat_id=AMINA, message_id=gone["message_id"])
        await world.result(
            "editMessageText", chat_id=AMINA, message_id=sent["message_id"], text="!", reply_markup=YES_NO
        )
        query_id = sandbox.press(AMINA, "No")
        await world.result("answerCallbackQuery", callback_query_id=query_id)
        sandbox.block(JOHN)
        await world.result("setMyDescription", description="We help")
        waiting = await world.updates()

        again = Sandbox(token=TOKEN, clock=clock, journal=journal)
        rerun = await start(again)
        second = World(again, rerun, clock, session)

        assert again.messages(AMINA) == sandbox.messages(AMINA)
        assert again.transcript(AMINA) == sandbox.transcript(AMINA)
        assert await second.updates() == waiting
        assert [next(iter(u.keys() - {"update_id"})) for u in waiting] == ["message", "callback_query"]
        assert (await second.refusal("sendMessage", chat_id=JOHN, text="x"))[0] == 403
        assert (await second.refusal("answerCallbackQuery", callback_query_id=query_id))[0] == 400
        assert (await second.result("getMyDescription"))["description"] == "We help"
        assert (await second.result("sendMessage", chat_id=AMINA, text="x"))["message_id"] > gone["message_id"]
        assert latest_moment(journal) == MORNING
        await rerun.stop()
    await running.stop()


async def test_a_line_torn_by_a_crash_is_cut_off_and_a_strange_file_is_named(tmp_path: Path) -> None:
    journal = tmp_path / "sandbox.jsonl"
    first = Sandbox(token=TOKEN, clock=HandClock(), journal=journal)
    first.message(AMINA, "whole")
    first.close()
    with journal.open("a") as file:
        file.write('{"do":"mess')

    second = Sandbox(token=TOKEN, clock=HandClock(), journal=journal)
    second.message(AMINA, "after")
    second.close()
    third = Sandbox(token=TOKEN, clock=HandClock(), journal=journal)
    third.close()

    assert [shown.text for shown in third.messages(AMINA)] == ["whole", "after"]
    journal.write_text("a shopping list\n")
    with pytest.raises(ValueError, match=r"sandbox\.jsonl:1 is not a line of a sandbox journal"):
        Sandbox(token=TOKEN, clock=HandClock(), journal=journal)


async def test_every_change_is_on_disk_before_the_answer_goes_out(tmp_path: Path) -> None:
    journal = tmp_path / "sandbox.jsonl"
    on_disk: list[bool] = []

    def look(_method: str, params: Any, _answer: object) -> None:
        on_disk.append(str(params["text"]) in journal.read_text())

    sandbox = Sandbox(token=TOKEN, clock=HandClock(), journal=journal, observer=look)
    sandbox.start(AMINA)
    running = await start(sandbox)
    async with aiohttp.ClientSession() as session:
        await World(sandbox, running, HandClock(), session).result("sendMessage", chat_id=AMINA, text="kept-word")
    await running.stop()

    assert on_disk == [True]


async def test_a_reset_forgets_everything_but_never_uses_an_id_twice(tmp_path: Path) -> None:
    journal = tmp_path / "sandbox.jsonl"
    sandbox = Sandbox(token=TOKEN, clock=HandClock(), journal=journal)
    before = sandbox.start(AMINA)
    sandbox.reset()
    forgotten = sandbox.messages(AMINA)
    sandbox.close()
    again = Sandbox(token=TOKEN, clock=HandClock(), journal=journal)
    after = again.start(AMINA)
    again.close()

    assert forgotten == []
    assert after > before


CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.sandbox import Sandbox, start

class Clock:
    def now(self):
        return datetime(2026, 3, 4, 9, tzinfo=UTC)

async def main():
    sandbox = Sandbox(token=sys.argv[1], clock=Clock(), journal=Path(sys.argv[2]))
    sandbox.start(111)
    print((await start(sandbox)).url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_after_a_kill_every_message_that_was_acknowledged_is_still_there(tmp_path: Path) -> None:
    journal = tmp_path / "sandbox.jsonl"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, TOKEN, str(journal), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    url = (await child.stdout.readline()).decode().strip()
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def keep_sending(session: aiohttp.ClientSession, lane: int) -> None:
        for number in itertools.count():
            text = f"{lane}-{number}"
            try:
                async with session.post(
                    f"{url}/bot{TOKEN}/sendMessage", json={"chat_id": AMINA, "text": text}
                ) as answer:
                    assert (await answer.json())["ok"]
            except aiohttp.ClientError:
                return
            acknowledged.append(text)
            if len(acknowledged) >= 200:
                enough.set()

    async with aiohttp.ClientSession() as session:
        lanes = [asyncio.create_task(keep_sending(session, lane)) for lane in range(8)]
        await asyncio.wait_for(enough.wait(), 20)
        child.kill()
        await asyncio.gather(*lanes)
    await child.wait()
    sandbox = Sandbox(token=TOKEN, clock=HandClock(), journal=journal)
    sandbox.close()
    kept = [shown.text for shown in sandbox.messages(AMINA) if not shown.mine]

    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept)) <= len(acknowledged) + len(lanes)
