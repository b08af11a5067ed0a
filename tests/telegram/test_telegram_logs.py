import asyncio
import logging

import pytest
from telegram.request import HTTPXRequest
from telegram_fakes import AMINA, START, TOKEN

from bot.journey import Label, Outgoing, Purpose
from bot.sandbox import Drop, Fault
from bot.telegram import quiet_http
from bot.telegram.channel import TelegramChannel
from bot.telegram.sender import Sender

WORDS = "Ik heb schulden"
NOISY = ("httpx", "httpcore", "aiohttp", "telegram")


@pytest.fixture(autouse=True)
def _as_before():
    before = {name: logging.getLogger(name).level for name in NOISY}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def everything(caplog):
    """All that is logged at DEBUG once the noisy ones are silenced."""
    caplog.set_level(logging.DEBUG)
    quiet_http()
    return caplog


async def test_neither_the_token_nor_a_chat_nor_a_word_is_logged_whatever_happens(everything, living, bot, sandbox):
    sandbox.message(AMINA, WORDS, first_name="Amina")
    await living.until(lambda: len(living.heard) == 1)
    living.queue(
        *(
            Outgoing(
                id=n, chat=str(AMINA), text=WORDS, purpose=Purpose.NUDGE, buttons=(Label("Ja", data="v1|n|1|yes"),)
            )
            for n in range(1, 6)
        )
    )
    for fault in (
        Fault(method="sendMessage", code=400, description=f"Bad Request: {WORDS} in chat {AMINA}"),
        Fault(method="sendMessage", drop=Drop.AFTER),
        Fault(method="sendMessage", code=429, retry_after=1),
        Fault(method="answerCallbackQuery", code=500),
        Fault(method="getUpdates", drop=Drop.BEFORE),
    ):
        sandbox.fault(fault)
    loop = asyncio.get_running_loop()
    for _ in range(2):
        await Sender(living, TelegramChannel(bot), rate_per_s=5000, owner="me", time=loop.time).deliver_due()
        living.paused = None
    failing = sandbox.world.number("update")
    living.failing[failing] = 9
    sandbox.message(AMINA, WORDS)
    await living.until(lambda: living.state.get(failing) == "dead")
    sandbox.press(AMINA, "Ja")
    await living.until(lambda: len(living.heard) == 2)
    logged = everything.text + repr([record.args for record in everything.records])
    for secret in (TOKEN, TOKEN.split(":")[1], str(AMINA), WORDS, "Amina"):
        assert secret not in logged
    for word in ("unsent message=", "update-failed update=", "sent message="):
        assert word in logged
    assert living.now == START


async def test_ptbs_own_client_would_log_the_token_if_it_were_not_silenced(caplog, root):
    """Why `quiet_http` is there; it fails on the day that httpx keeps URLs to itself."""
    caplog.set_level(logging.DEBUG)
    async with HTTPXRequest(connection_pool_size=1) as request:
        await request.post(f"{root}/bot{TOKEN}/getMe")
        assert TOKEN in caplog.text
        caplog.clear()
        quiet_http()
        await request.post(f"{root}/bot{TOKEN}/getMe")
    assert TOKEN not in caplog.text
