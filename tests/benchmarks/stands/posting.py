"""Clients that post over kept-alive connections as fast as they are answered, in a process of their own.

Standard input has what to post, as JSON: `port`, `connections`, `seconds`, `first` (the first number), `head` (request
line and headers, without the length) and `body`, in which NUMBER is replaced by a number of 12 digits, another in each
post and, with `times` above 1, in each copy of the body within one JSON array. Standard output gets what came of it.
"""

import asyncio
import json
import sys
import time
from functools import partial
from itertools import count
from typing import Any


class Client(asyncio.Protocol):
    """One connection; `said` is shared by all of them."""

    def __init__(self, said: dict[str, Any], numbers: Any, ended: asyncio.Future, until: float, told: dict) -> None:
        self.head, self.body, self.times = said["head"].encode(), said["body"], said.get("times", 1)
        self.numbers, self.ended, self.until, self.told = numbers, ended, until, told
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.post()

    def post(self) -> None:
        bodies = [self.body.replace("NUMBER", f"{next(self.numbers):012}") for _ in range(self.times)]
        body = (bodies[0] if self.times == 1 else f"[{','.join(bodies)}]").encode()
        self.began = time.perf_counter()
        self.transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self.head, len(body), body))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        announced = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(rest) < int(announced or 0):
            return
        self.buffer = b""
        now = time.perf_counter()
        if head[9:12] in {b"200", b"202"}:
            self.told["taken"] += self.times
        else:
            self.told["refused"] += self.times
            self.told["answer"] = (head + rest).decode(errors="replace")[:400]
        self.told["waited"].append(now - self.began)
        if now < self.until:
            self.post()
        else:
            self.transport.close()
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.told["lost"] += 1
            self.ended.set_result(None)


async def post(said: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    told: dict[str, Any] = {"taken": 0, "refused": 0, "lost": 0, "waited": []}
    numbers, began = count(said["first"]), time.perf_counter()
    ends = [loop.create_future() for _ in range(said["connections"])]
    until = began + said["seconds"]
    for ended in ends:
        await loop.create_connection(partial(Client, said, numbers, ended, until, told), "127.0.0.1", said["port"])
    await asyncio.gather(*ends)
    waited = sorted(told.pop("waited"))
    return told | {
        "seconds": time.perf_counter() - began,
        "p50_ms": waited[len(waited) // 2] * 1000,
        "p99_ms": waited[len(waited) * 99 // 100] * 1000,
    }


if __name__ == "__main__":
    json.dump(asyncio.run(post(json.load(sys.stdin))), sys.stdout)
