"""Real processes that begin at once: forked from one that has loaded and checked the program's words, and nothing else.

That takes some seconds of computing at each real start, in which nothing can be lost yet.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

# What the commands load when they are typed; the processes find it loaded.
import bot.cli.fitness
import bot.queueing
import bot.service
import bot.wording
from tests import bot_at
from tests.world import TUESDAY_TEN

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


@cache
def words():
    wording = bot.wording.load()
    assert wording.checked({}, today=TUESDAY_TEN.date()) == []
    return wording


if multiprocessing.current_process().name == "MainProcess" and "forkserver" in " ".join(sys.argv + sys.orig_argv):
    words()


@dataclass
class Forked:
    """What `tests.town.Process` is, for a forked one."""

    command: tuple[str, ...]
    handle: BaseProcess
    said: Path
    complaints: Path
    port: int

    async def line_with(self, words):
        ends = time.monotonic() + 120
        while True:
            over = not self.handle.is_alive()
            for line in self.said.read_text().splitlines():
                if words in line:
                    return line
            assert not over, f"{self.command} ended: {self.complaints.read_text()[-2000:]}"
            assert time.monotonic() < ends
            await asyncio.sleep(0.005)

    async def ended(self):
        await asyncio.to_thread(self.handle.join, 120)
        return self.handle.exitcode, self.complaints.read_text()

    async def kill(self):
        """False when it had ended by itself."""
        was_alive = self.handle.is_alive()
        self.handle.kill()
        await asyncio.to_thread(self.handle.join)
        # 255: killed, and the one who forks did not see how.
        return was_alive and self.handle.exitcode in {-signal.SIGKILL, 255}

    def freeze(self):
        os.kill(self.handle.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.handle.pid, signal.SIGCONT)

    async def told_to_stop(self):
        """Its exit code, once it has finished what is in hand."""
        if self.handle.is_alive():
            self.handle.terminate()
        return await self.ended()

    async def stop(self):
        code, complaints = await self.told_to_stop()
        assert code == 0, complaints[-2000:]


async def forked(command, environment, ahead_s, log, port):
    said = log.with_suffix(".out")
    said.touch()
    arguments = (command, environment, ahead_s, str(said), str(log))
    handle = CONTEXT.Process(target=_be, args=arguments, daemon=True)
    await asyncio.to_thread(handle.start)
    return Forked(command, handle, said, log, port)


def _be(command, environment, ahead_s, said, log):
    for path, number in ((said, 1), (log, 2)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(environment)
    bot.wording.load = words
    bot.wording.Wording.checked = lambda *_, **__: []
    bot_at.main(ahead_s, command)
