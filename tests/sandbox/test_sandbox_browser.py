"""The chat page in a real browser. Without a Chromium on this machine these tests are left out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import async_playwright

from tests import chromium
from tests.sandbox.stage import AMINA, JOHN, YES_NO, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if (path := chromium.found()) is None:
        pytest.skip(chromium.MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield browser
        await browser.close()


async def test_a_conversation_needs_nothing_but_a_keyboard(world: World, browser: Browser) -> None:
    page = await browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{world.running.url}/chat?user={JOHN}&lang=en&name=John")
    await page.get_by_role("button", name="Start").press("Enter")
    await page.get_by_text("/start").wait_for()
    await world.result("sendMessage", chat_id=JOHN, text="Would you?", reply_markup=YES_NO, disable_notification=True)
    await page.get_by_role("button", name="Yes, please").press("Enter")
    await page.get_by_role("button", name="Yes, please", disabled=False).wait_for()
    query_id = (await world.updates())[-1]["callback_query"]["id"]
    message_id = world.sandbox.messages(JOHN)[-1].message_id
    await world.result("answerCallbackQuery", callback_query_id=query_id, text="Noted")
    await page.get_by_role("status").get_by_text("Noted").wait_for()
    await world.result("editMessageText", chat_id=JOHN, message_id=message_id, text="You said yes.")
    await page.get_by_role("log").get_by_text("You said yes.").wait_for()
    await page.get_by_role("textbox", name="Write a message").press_sequentially("thank you")
    await page.keyboard.press("Enter")
    await page.get_by_role("log").get_by_text("thank you").wait_for()

    assert await page.get_by_role("button", name="Yes, please").count() == 0
    assert await page.get_by_text("sent silently").is_visible()
    assert await page.get_by_text("Sandbox – not Telegram").is_visible()
    assert [shown.text for shown in world.sandbox.messages(JOHN)] == ["/start", "You said yes.", "thank you"]
    assert errors == []


async def test_each_line_finds_its_own_direction_and_nothing_scrolls_sideways(world: World, browser: Browser) -> None:
    long = "https://example.org/" + "a" * 200
    await world.result("sendMessage", chat_id=AMINA, text=f"مرحباً بكم\nLibrary East\n{long}", reply_markup=YES_NO)
    page = await browser.new_page(viewport={"width": 320, "height": 640})
    await page.goto(f"{world.running.url}/chat?user={AMINA}&lang=ar&name=Amina")
    await page.get_by_role("button", name="Yes, please").wait_for()

    lines = page.locator(".message:not(.mine) p")
    sides = await lines.evaluate_all("lines => lines.map(line => getComputedStyle(line).direction)")
    heights = await page.locator(".row button").evaluate_all("all => all.map(one => one.offsetHeight)")
    look = "one => { const s = getComputedStyle(one); return [s.backgroundColor, s.color, one.offsetWidth].join() }"
    looks = await page.locator(".row button").evaluate_all(f"all => all.map({look})")

    assert sides == ["rtl", "ltr", "ltr"]
    assert await lines.evaluate_all("lines => lines.every(l => getComputedStyle(l).unicodeBidi === 'plaintext')")
    assert await page.evaluate("document.documentElement.dir + document.documentElement.lang") == "rtlar"
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert min(heights) >= 44
    assert len(set(looks)) == 1


async def test_a_citizen_who_blocks_and_deletes_can_begin_again(world: World, browser: Browser) -> None:
    page = await browser.new_page()
    await page.goto(f"{world.running.url}/chat?user={AMINA}&lang=nl&name=Amina")
    await page.locator("#menu summary").click()
    await page.get_by_role("button", name="Blokkeer de bot").click()
    await page.get_by_role("button", name="Deblokkeer").wait_for()
    await page.locator("#menu summary").click()
    await page.get_by_role("button", name="Verwijder de chat").click()
    await page.get_by_role("button", name="Start").click()
    await page.get_by_role("log").get_by_text("/start").wait_for()

    assert [shown.text for shown in world.sandbox.messages(AMINA)] == ["/start"]
    assert not world.sandbox.world.chats[AMINA].blocked


@pytest.mark.parametrize(("language", "comma"), [("nl", ","), ("ar", "،")])
async def test_the_clock_reads_as_its_language_writes_it_also_at_midnight(
    world: World, browser: Browser, language: str, comma: str
) -> None:
    midnight = world.clock.now().astimezone(ZoneInfo("Europe/Amsterdam")).replace(hour=0, minute=5) + timedelta(days=1)
    world.clock.pass_by((midnight - world.clock.now()).total_seconds())
    page = await browser.new_page()
    await page.goto(f"{world.running.url}/chat?user={AMINA}&lang={language}&name=Amina")
    clock = page.locator("#clock").filter(has_text="0")
    await clock.wait_for()

    day, _, hour = (await clock.inner_text()).rpartition(" ")
    assert day.endswith(comma)
    assert hour == "00:05"
