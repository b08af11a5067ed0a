import asyncio
import socket
import traceback

import pytest
from telegram import InputFile
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import HTTPXRequest
from telegram_fakes import AMINA, TOKEN, answer, wire

from bot.telegram.request import AiohttpRequest, NeverLeftError


def never_left(error: TelegramError) -> bool:
    return isinstance(error.__cause__, NeverLeftError)


async def failure(root: str, **timeouts: float) -> TelegramError:
    """What a call of `root` ends in; the token must not show in it, however it is printed."""
    async with AiohttpRequest(connections=1, **timeouts) as request:
        with pytest.raises(TelegramError) as caught:
            await request.post(f"{root}/bot{TOKEN}/getMe")
    assert TOKEN not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    return caught.value


ANSWERS = [
    (200, b"<html>proxy</html>"),
    (302, b"moved"),
    (400, b'{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}'),
    (400, b'{"ok":false,"error_code":400,"description":"Bad Request: x","parameters":{"migrate_to_chat_id":-7}}'),
    (400, b'{"ok":false,"error_code":400,"description":"Bad Request: x","parameters":{"new":1}}'),
    (400, b"<html>"),
    (401, b'{"ok":false,"error_code":401,"description":"Unauthorized"}'),
    (403, b'{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}'),
    (404, b'{"ok":false,"error_code":404,"description":"Not Found: method not found"}'),
    (409, b'{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}'),
    (413, b"<html>"),
    (418, b'{"ok":false}'),
    (429, b'{"ok":false,"error_code":429,"description":"Too Many Requests: x","parameters":{"retry_after":5}}'),
    (429, b'{"ok":false,"error_code":429,"description":"Too Many Requests: x","parameters":{"retry_after":0}}'),
    (500, b'{"ok":false,"error_code":500,"description":"Internal Server Error"}'),
    (502, b"<html>Bad Gateway</html>"),
    (504, b""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), ANSWERS, ids=lambda part: str(part)[:60])
async def test_every_answer_becomes_the_error_that_ptb_makes_of_it(status, body):
    async def treat(number, writer):
        writer.write(answer(status, body))
        return True

    async with wire(treat) as server:
        errors = []
        for client in (HTTPXRequest(connection_pool_size=1), AiohttpRequest(connections=1)):
            async with client as request:
                with pytest.raises(TelegramError) as caught:
                    await request.post(f"{server.url}/bot{TOKEN}/sendMessage")
                errors.append((type(caught.value), str(caught.value)))
    assert errors[0] == errors[1]


async def test_a_result_comes_back_as_ptb_reads_it():
    async def treat(number, writer):
        writer.write(answer(200, b'{"ok":true,"result":{"id":1}}'))
        return True

    async with wire(treat) as server, AiohttpRequest() as request:
        assert await request.post(f"{server.url}/bot{TOKEN}/getMe") == {"id": 1}
        assert b"User-Agent: python-telegram-bot" in server.requests[0]


async def test_a_refused_connection_never_left():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert type(error) is NetworkError
    assert never_left(error)


async def test_an_unknown_host_never_left():
    assert never_left(await failure("http://no-such-host.invalid"))


async def test_a_request_that_finds_no_free_connection_never_left():
    holding = asyncio.Event()

    async def treat(number, writer):
        await holding.wait()
        return False

    async with wire(treat) as server, AiohttpRequest(connections=1, pool_timeout=0.05, connect_timeout=0.05) as request:
        first = asyncio.create_task(request.post(f"{server.url}/bot{TOKEN}/getMe"))
        await server.arrived.wait()
        with pytest.raises(TimedOut) as caught:
            await request.post(f"{server.url}/bot{TOKEN}/getMe")
        holding.set()
        with pytest.raises(NetworkError):
            await first
    assert never_left(caught.value)
    assert len(server.requests) == 1


async def test_a_client_that_is_closed_sends_nothing():
    with pytest.raises(NetworkError) as caught:
        await AiohttpRequest().post(f"http://127.0.0.1:9/bot{TOKEN}/getMe")
    assert never_left(caught.value)


async def test_an_answer_that_does_not_come_in_time_may_have_had_its_effect():
    async def treat(number, writer):
        await asyncio.Event().wait()

    async with wire(treat) as server:
        error = await failure(server.url, read_timeout=0.05)
    assert type(error) is TimedOut
    assert not never_left(error)
    assert len(server.requests) == 1


async def test_the_time_asked_for_one_call_wins_over_the_usual_one():
    async def treat(number, writer):
        await asyncio.Event().wait()

    async with wire(treat) as server, AiohttpRequest(read_timeout=None) as request:
        with pytest.raises(TimedOut):
            await request.post(f"{server.url}/bot{TOKEN}/getMe", read_timeout=0.05)
        assert request.read_timeout is None


async def test_a_connection_cut_before_the_answer_is_unknown_and_is_not_tried_again():
    async def treat(number, writer):
        return False

    async with wire(treat) as server:
        error = await failure(server.url)
    assert type(error) is NetworkError
    assert not never_left(error)
    assert len(server.requests) == 1


async def test_a_kept_connection_that_is_cut_at_the_next_call_is_not_tried_again():
    async def treat(number, writer):
        if number == 1:
            writer.write(answer(200, b'{"ok":true,"result":true}'))
        return number == 1

    async with wire(treat) as server, AiohttpRequest(connections=1) as request:
        await request.post(f"{server.url}/bot{TOKEN}/close")
        with pytest.raises(NetworkError) as caught:
            await request.post(f"{server.url}/bot{TOKEN}/sendMessage")
    assert not never_left(caught.value)
    assert len(server.requests) == 2


async def test_half_an_answer_is_unknown():
    async def treat(number, writer):
        writer.write(answer(200, b'{"ok":true,"result":true}').replace(b"25", b"99"))
        return False

    async with wire(treat) as server:
        error = await failure(server.url)
    assert type(error) is NetworkError
    assert not never_left(error)


async def test_a_redirect_is_not_followed_with_the_message():
    async def treat(number, writer):
        writer.write(answer(307, b"", "Location: /elsewhere"))
        return True

    async with wire(treat) as server:
        await failure(server.url)
    assert len(server.requests) == 1


async def test_a_file_goes_as_multipart_beside_the_other_fields(bot, sandbox):
    sandbox.start(AMINA)
    sent = await bot.send_document(AMINA, InputFile(b"\x00\xffpdf", filename="brief.pdf"), caption="Een brief")
    assert sent.caption == "Een brief"
    assert sent.document.file_name == "brief.pdf"
    file = await sent.document.get_file()
    assert bytes(await file.download_as_bytearray()) == b"\x00\xffpdf"
