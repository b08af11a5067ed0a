"""The demo as it runs, in a thread of its own: the bot, the sandbox with its chat page, and the console, over HTTP."""

import asyncio
import re
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

from bot.console.pages import Pages
from bot.demo import Demo
from bot.wording import load

#: A Tuesday, ten o'clock in Amsterdam; the demo begins at the next such hour.
TUESDAY = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Stage:
    """`chat` and `console` are addresses; `word` is what the console says in a language, `said` what the bot says."""

    def __init__(self, port):
        self.chat, self.console = f"http://127.0.0.1:{port}/chat", f"http://localhost:{port + 2}"
        self._pages, self.wording = Pages(), load()

    def word(self, sentence, language, **values):
        return self._pages.say(language, sentence, values)

    def said(self, key, language, **values):
        return self.wording.say(key, language, values)


@contextmanager
def running(directory):
    port, stop, ready, failed = _free_ports(), asyncio.Event(), threading.Event(), []

    def said(line):
        if "Ctrl-C" in line:
            ready.set()

    async def run():
        loops.append(asyncio.get_running_loop())
        demo = Demo(
            directory=directory, port=port, say=said, now=lambda: TUESDAY, tick=time.monotonic, program="1.0+aaaa"
        )
        await demo.run(stop)

    def live():
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the test waits
            failed.append(error)
            ready.set()

    loops = []
    thread = threading.Thread(target=live)
    thread.start()
    try:
        assert ready.wait(120)
        if failed:
            raise failed[0]
        yield Stage(port)
    finally:
        if loops and thread.is_alive():
            loops[0].call_soon_threadsafe(stop.set)
        thread.join(60)
    if failed:
        raise failed[0]


def _free_ports():
    """The first of three ports in a row that nobody has."""
    for port in range(20_000 + (threading.get_native_id() % 1000) * 3, 60_000, 3):
        with socket.socket() as one, socket.socket() as two, socket.socket() as three:
            try:
                for number, listening in enumerate((one, two, three)):
                    listening.bind(("127.0.0.1", port + number))
            except OSError:
                continue
            return port
    raise AssertionError


def exactly(text):
    """For a name that must be this and nothing more."""
    return re.compile(f"^\\s*{re.escape(text)}\\s*$")
