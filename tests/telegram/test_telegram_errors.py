import pytest
from telegram.error import ChatMigrated, TelegramError
from telegram_fakes import AMINA, answer, wire

from bot.errors import ChannelClosedError, DelayedError, RejectedError, UncertainError, UnreachableError
from bot.journey import Outgoing
from bot.sandbox import Drop, Fault
from bot.telegram import errors
from bot.telegram.application import new_builder
from bot.telegram.channel import TelegramChannel
from bot.telegram.errors import TABLE, Meaning, diagnose, meaning

MESSAGE = Outgoing(id=1, chat=str(AMINA), text="Dag")

# code, description, the line of TABLE that it fits, what it means for the message
ROWS = [
    (401, "Unauthorized", 1, ChannelClosedError),
    (404, "Not Found", 1, ChannelClosedError),
    (409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", 2,
     ChannelClosedError),
    (409, "Conflict: can't use getUpdates method while webhook is active", 2, ChannelClosedError),
    (403, "Forbidden: bot was blocked by the user", 3, UnreachableError),
    (403, "Forbidden: user is deactivated", 4, UnreachableError),
    (403, "Forbidden: bot can't initiate conversation with a user", 5, RejectedError),
    (403, "Forbidden: bot can't send messages to bots", 6, RejectedError),
    (400, "Bad Request: message is not modified: specified new message content", 7, RejectedError),
    (400, "Bad Request: query is too old and response timeout expired", 8, RejectedError),
    (400, "Bad Request: response timeout expired or query ID is invalid", 9, RejectedError),
    (400, "Bad Request: message to edit not found", 10, RejectedError),
    (400, "Bad Request: message can't be edited", 11, RejectedError),
    (400, "Bad Request: MESSAGE_ID_INVALID", 12, RejectedError),
    (400, "Bad Request: there is no text in the message to edit", 13, RejectedError),
    (400, "Bad Request: chat not found", 14, RejectedError),
    (400, "Bad Request: private chat not found", 14, RejectedError),
    (400, "Bad Request: PEER_ID_INVALID", 15, RejectedError),
    (400, "Bad Request: can't parse entities: unsupported start tag", 16, RejectedError),
    (400, "Bad Request: BUTTON_DATA_INVALID", 17, RejectedError),
    (429, "Too Many Requests: retry after 7", 19, DelayedError),
    (413, "Request Entity Too Large", 20, RejectedError),
    (500, "Internal Server Error", None, UncertainError),
    (502, "Bad Gateway", None, UncertainError),
    (504, "Gateway Timeout", None, UncertainError),
]  # fmt: skip


@pytest.mark.parametrize(("code", "description", "line", "outcome"), ROWS, ids=lambda part: str(part)[:50])
async def test_every_refusal_is_understood(bot, sandbox, code, description, line, outcome):
    sandbox.start(AMINA)
    sandbox.fault(Fault(method="sendMessage", code=code, description=description))
    with pytest.raises(outcome) as caught:
        await TelegramChannel(bot).send(MESSAGE)
    assert type(caught.value) is outcome
    assert len(sandbox.messages(AMINA)) == 1


def test_no_line_of_the_table_is_untested():
    tested = {line for _, _, line, _ in ROWS if line is not None}
    elsewhere = {0, 18}  # a flood with its time, a group that moved
    assert tested | elsewhere == set(range(len(TABLE)))


@pytest.mark.parametrize(("code", "description", "line"), [row[:3] for row in ROWS if row[2] is not None])
def test_each_text_is_caught_by_its_own_line(code, description, line):
    kinds = {401: "InvalidToken", 404: "InvalidToken", 409: "Conflict", 403: "Forbidden", 400: "BadRequest"}
    kind = getattr(errors, kinds.get(code, "NetworkError"))
    without = [row for place, row in enumerate(TABLE) if place != line]
    assert meaning(kind(description)) is TABLE[line][2]
    assert isinstance(kind(description), TABLE[line][0])
    assert TABLE[line][1] in description.lower()
    earlier = [row for row in without[:line] if isinstance(kind(description), row[0]) and row[1] in description.lower()]
    assert not earlier


async def test_a_flood_stops_everybody_for_as_long_as_it_says(bot, sandbox):
    sandbox.start(AMINA)
    sandbox.fault(Fault(method="sendMessage", code=429, retry_after=7))
    with pytest.raises(DelayedError) as caught:
        await TelegramChannel(bot).send(MESSAGE)
    assert (caught.value.seconds, caught.value.everybody) == (7, True)


@pytest.mark.parametrize(
    ("description", "seconds"), [("Too Many Requests: retry after 7", 7), ("Too Many Requests", 5)]
)
async def test_a_flood_without_its_parameter_stops_everybody_too(bot, sandbox, description, seconds):
    sandbox.start(AMINA)
    sandbox.fault(Fault(method="sendMessage", code=429, description=description))
    with pytest.raises(DelayedError) as caught:
        await TelegramChannel(bot).send(MESSAGE)
    assert (caught.value.seconds, caught.value.everybody) == (seconds, True)


def test_a_chat_that_became_another_group_is_refused():
    error = diagnose(ChatMigrated(-100_123_456))
    assert isinstance(error, RejectedError)
    assert "123456" not in str(error)


async def test_a_connection_that_breaks_after_the_bytes_left_is_uncertain(bot, sandbox):
    sandbox.start(AMINA)
    sandbox.fault(Fault(method="sendMessage", drop=Drop.AFTER))
    with pytest.raises(UncertainError):
        await TelegramChannel(bot).send(MESSAGE)
    assert [shown.text for shown in sandbox.messages(AMINA)] == ["/start", "Dag"]
    assert len(sandbox.calls("sendMessage")) == 1


async def test_no_connection_means_nothing_was_sent_and_it_may_leave_again(bot, running):
    await running.stop()
    with pytest.raises(DelayedError) as caught:
        await TelegramChannel(bot).send(MESSAGE)
    assert not caught.value.everybody


async def test_a_page_of_a_proxy_in_place_of_an_answer_is_uncertain():
    async def treat(number, writer):
        me = b'{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"B","username":"b_bot"}}'
        writer.write(answer(200, me if number == 1 else b"<html>please log in</html>"))
        return True

    async with wire(treat) as server, new_builder("1:x", root=server.url).build().bot as bot:
        with pytest.raises(UncertainError):
            await TelegramChannel(bot).send(MESSAGE)


def test_an_error_nobody_has_heard_of_is_uncertain():
    assert meaning(TelegramError("something new")) is Meaning.UNKNOWN
    assert isinstance(diagnose(TelegramError("something new")), UncertainError)
