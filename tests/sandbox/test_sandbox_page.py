"""The chat page and the control API."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from bot.sandbox import Example, MovableClock, Preset, Sandbox, preset_moment, start
from tests.botapi_spec import Spec
from tests.sandbox.stage import AMINA, JOHN, MORNING, TOKEN, YES_NO, HandClock, World

if TYPE_CHECKING:
    from collections.abc import Sequence


class Town:
    """A municipality that remembers what was asked of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, str]] = []

    def examples(self, language: str) -> Sequence[Example]:
        return [Example(id="pass", title=f"City Pass ({language})", detail="A new year")]

    async def send_example(self, example_id: str, user_id: int, language: str) -> str:
        self.sent.append((example_id, user_id, language))
        return "It has arrived."

    async def status(self, user_id: int, language: str) -> Sequence[str]:
        return [f"Held for {user_id}, because it is quiet time."]

    def start_payload(self, user_id: int) -> str | None:
        return f"code{user_id}"


async def test_the_page_says_that_it_is_not_telegram_and_runs_nothing_inline(world: World) -> None:
    async with world.session.get(f"{world.running.url}/chat?user=111&lang=ar&name=Amina") as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    words = json.loads(await (await world.session.get(f"{world.running.url}/words.json")).text())
    scripts = [
        await (await world.session.get(f"{world.running.url}/{name}.js")).text() for name in ("page", "kit", "text")
    ]
    style = await (await world.session.get(f"{world.running.url}/page.css")).text()

    assert "default-src 'none'" in policy
    assert 'data-word="banner"' in page
    assert re.search(r'id="log" role="log" aria-live="polite"', page)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", page)
    assert not re.search(r"https?://(?!\?)\w", page + style)
    assert {words[language]["banner"] for language in ("nl", "en")} == {
        "Sandbox – niet Telegram",
        "Sandbox – not Telegram",
    }
    assert words["nl"].keys() == words["en"].keys() == words["ar"].keys()
    used = set(re.findall(r'data-(?:word|placeholder)="(\w+)"', page)) | set(
        re.findall(r'\bword\("(\w+)"', "".join(scripts))
    )
    assert used - {"title"} == words["en"].keys() - {"title"}


async def test_everything_a_citizen_does_can_be_asked_over_http(world: World) -> None:
    await world.control("start", user_id=JOHN, payload="x1", first_name="John", language="en")
    await world.result("sendMessage", chat_id=JOHN, text="Would you?", reply_markup=YES_NO)
    await world.control("message", user_id=JOHN, text="hello")
    await world.control("press", user_id=JOHN, button="Yes, please")
    await world.control("late_press", user_id=JOHN, button="No", lost=True)
    await world.control("contact", user_id=JOHN)
    await world.control("block", user_id=JOHN)
    await world.control("unblock", user_id=JOHN)
    await world.control("fault", method="sendMessage", code=429, retry_after=7, drop=None)
    raw = await world.control(
        "raw_update", update_id=900_001, poll_answer={"poll_id": "1", "option_ids": [], "option_persistent_ids": []}
    )
    kinds = [next(iter(u.keys() - {"update_id"})) for u in await world.updates()]
    refused = await world.call("sendMessage", chat_id=JOHN, text="x")
    missing = await world.control("press", user_id=JOHN, button="Maybe")
    strange = await world.control("message", user_id=JOHN, text="x", colour="red")
    shown = await world.look(f"messages?user={JOHN}")
    transcript = await world.look(f"transcript?user={JOHN}")
    calls = await world.look("calls?method=sendmessage")
    await world.control("delete_chat", user_id=JOHN)
    deleted = await world.look(f"messages?user={JOHN}")
    await world.control("reset")

    assert kinds == [
        "message",
        "message",
        "message",
        "callback_query",
        "message",
        "my_chat_member",
        "my_chat_member",
        "poll_answer",
    ]
    assert raw["result"] == 900_001
    assert refused["parameters"] == {"retry_after": 7}
    assert (missing["status"], strange["status"]) == (404, 400)
    assert "sees no button" in missing["error"]
    assert [m["text"] for m in shown] == ["/start x1", "Would you?", "hello", ""]
    assert transcript.splitlines()[:4] == [
        "Wed 04 Mar 10:00 John: /start x1",
        "Wed 04 Mar 10:00 Handreiking (demo): Would you?",
        "    [Yes, please]",
        "    [No]",
    ]
    assert [call["answer"]["ok"] for call in calls] == [True, False]
    assert deleted == []
    assert world.sandbox.calls() == []


async def test_delivery_can_be_upset_over_http(world: World) -> None:
    await world.control("duplicate", times=2)
    await world.control("reorder")
    world.sandbox.message(AMINA, "second")
    first = [u["message"]["text"] for u in await world.updates()]
    await world.updates(offset=2**31)

    assert first == ["second", "/start lib_42"]


async def test_another_site_may_not_steer_the_sandbox(world: World) -> None:
    url = f"{world.running.url}/control/reset"
    async with world.session.post(url, headers={"Origin": "https://elsewhere.example"}) as answer:
        assert answer.status == 403
    async with world.session.post(url, headers={"Origin": world.running.url}) as answer:
        assert answer.status == 200


async def test_the_page_hears_of_messages_and_toasts_in_its_own_chat_only(world: World) -> None:
    world.sandbox.start(JOHN)
    await world.result("sendMessage", chat_id=AMINA, text="?", reply_markup=YES_NO)
    query_id = world.sandbox.press(AMINA, "No")
    async with world.session.get(f"{world.running.url}/control/events?user={AMINA}") as page:
        await page.content.readuntil(b"\n\n")
        await world.result("sendChatAction", chat_id=JOHN, action="typing")
        await world.result("answerCallbackQuery", callback_query_id=query_id, text="Noted", show_alert=True)
        heard = [json.loads((await page.content.readuntil(b"\n\n")).removeprefix(b"data: ")) for _ in range(2)]

    assert heard == [{"kind": "change"}, {"kind": "toast", "text": "Noted", "alert": True}]


async def test_the_page_shows_what_the_citizen_would_see(world: World) -> None:
    await world.result("setMyCommands", commands=[{"command": "stop", "description": "Stop"}], language_code="ar")
    await world.result("setMyDescription", description="Wij helpen")
    await world.result("sendMessage", chat_id=AMINA, text="مرحباً", disable_notification=True, reply_markup=YES_NO)
    await world.result("setMessageReaction", chat_id=AMINA, message_id=1, reaction=[{"type": "emoji", "emoji": "👍"}])
    world.sandbox.press(AMINA, "No")
    page = await world.look(f"chat?user={AMINA}&lang=ar")

    assert [(m["mine"], m["silent"], m["reaction"], len(m["rows"])) for m in page["messages"]] == [
        (True, False, "👍", 0),
        (False, True, "", 2),
    ]
    assert page["pressing"] is True
    assert page["commands"] == [{"command": "stop", "description": "Stop"}]
    assert page["description"] == "Wij helpen"
    assert page["citizens"] == [{"id": AMINA, "name": "Amina", "language": "ar"}]


async def test_the_municipality_side_sends_examples_and_tells_what_was_decided() -> None:
    town = Town()
    sandbox = Sandbox(token=TOKEN, clock=HandClock(), municipality=town)
    running = await start(sandbox)
    async with aiohttp.ClientSession() as session:
        world = World(sandbox, running, HandClock(), session)
        side = await world.look(f"municipality?user={AMINA}&lang=nl")
        said = await world.control("example", id="pass", user_id=AMINA, language="nl")
    await running.stop()

    assert side == {
        "examples": [{"id": "pass", "title": "City Pass (nl)", "detail": "A new year"}],
        "status": ["Held for 111, because it is quiet time."],
        "start_payload": "code111",
    }
    assert said["said"] == "It has arrived."
    assert town.sent == [("pass", AMINA, "nl")]


async def test_without_a_municipality_the_page_has_no_such_side(world: World) -> None:
    assert await world.look(f"municipality?user={AMINA}") is None
    assert (await world.control("example", id="x", user_id=AMINA, language="nl"))["status"] == 404


async def test_only_a_movable_clock_can_be_moved_and_never_back(world: World) -> None:
    fixed = await world.control("clock", preset="tomorrow")
    sandbox = Sandbox(token=TOKEN, clock=MovableClock(MORNING, lambda: 0.0))
    running = await start(sandbox)
    movable = World(sandbox, running, HandClock(), world.session)
    offered = await movable.look("clock")
    moved = await movable.control("clock", preset="five_weeks")
    back = await movable.control("clock", to=MORNING.isoformat())
    bare = await movable.control("clock", to="2027-01-01T10:00")
    nowhere = await movable.control("clock")
    await running.stop()

    assert fixed["status"] == 400
    assert offered["presets"]["tomorrow"] == "2026-03-05T09:00:00+00:00"
    assert moved["now"] == "2026-04-08T08:00:00+00:00"
    assert [answer["status"] for answer in (back, bare, nowhere)] == [400, 400, 400]
    assert "the clock only moves on" in back["error"]


@pytest.mark.parametrize(
    ("preset", "now", "then"),
    [
        (Preset.TONIGHT, "2026-03-04T10:00", "2026-03-04T21:00"),
        (Preset.TONIGHT, "2026-03-04T21:30", "2026-03-05T21:00"),
        (Preset.TOMORROW, "2026-03-04T23:59", "2026-03-05T10:00"),
        (Preset.TOMORROW, "2026-03-28T10:00", "2026-03-29T10:00"),
        (Preset.FIVE_WEEKS, "2026-10-20T10:00", "2026-11-24T10:00"),
    ],
)
def test_the_presets_follow_the_wall_clock_in_amsterdam_over_summer_time(preset: Preset, now: str, then: str) -> None:
    amsterdam = ZoneInfo("Europe/Amsterdam")

    moment = preset_moment(preset, datetime.fromisoformat(now).replace(tzinfo=amsterdam).astimezone(UTC))

    assert moment == datetime.fromisoformat(then).replace(tzinfo=amsterdam)


async def test_a_taken_port_is_an_os_error(world: World) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await start(Sandbox(token=TOKEN, clock=HandClock()), port=world.running.port)


@pytest.mark.skipif(Spec.load() is None, reason="the published specification is not beside the repository")
def test_the_specification_finds_what_is_wrong_with_a_call_an_answer_and_an_update() -> None:
    spec = Spec.load()
    assert spec is not None

    found = (
        spec.check_call("sendMessage", {"chat_id": 1, "text": "", "colour": "red"}),
        spec.check_call("sendMessage", {"text": "x", "chat_id": True}),
        spec.check_call("sendDice5", {}),
        spec.check_call(
            "sendMessage",
            {
                "chat_id": 1,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "ن" * 33}]]},
            },
        ),
        spec.check_result("getMe", {"id": 1, "is_bot": None, "first_name": "x"}),
        spec.check_update({"update_id": 1}),
        spec.check_update({"update_id": 1, "my_chat_member": {"chat": {"id": 1, "type": "private"}}}),
    )

    assert [len(violations) > 0 for violations in found] == [True] * len(found)
    assert spec.check_call("sendMessage", {"chat_id": "@x", "text": "x"}) == []
