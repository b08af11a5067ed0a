"""A sandbox for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from bot.sandbox import Sandbox, start
from tests.botapi_spec import Spec, watching
from tests.sandbox.stage import AMINA, TOKEN, HandClock, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def violations() -> list[str]:
    return []


@pytest.fixture
async def world(violations: list[str]) -> AsyncIterator[World]:
    """A sandbox in which Amina has pressed Start, held against the published specification."""
    clock = HandClock()
    sandbox = Sandbox(token=TOKEN, clock=clock, observer=watching(Spec.load(), violations), webhook_retry_s=0.01)
    running = await start(sandbox)
    sandbox.start(AMINA, "lib_42", first_name="Amina", language="ar")
    async with aiohttp.ClientSession() as session:
        yield World(sandbox, running, clock, session)
    await running.stop()
    assert violations == []
