import asyncio
import time
from datetime import timedelta

import pytest
from telegram_fakes import START, TOKEN, FakeJourney

from bot.errors import ChannelClosedError, DelayedError, RejectedError, UncertainError, UnreachableError
from bot.journey import Delivered, Outgoing, Purpose, Undelivered
from bot.sandbox import Drop, Fault, MovableClock, Sandbox, start
from bot.telegram.application import new_builder
from bot.telegram.channel import TelegramChannel
from bot.telegram.pacer import Departure
from bot.telegram.sender import Sender

REPLY, CONFIRMATION, NUDGE = Purpose.REPLY, Purpose.CONFIRMATION, Purpose.NUDGE


def outgoing(number: int, purpose: Purpose = NUDGE, chat: int | None = None) -> Outgoing:
    return Outgoing(id=number, chat=str(chat or 1000 + number), text="Dag", purpose=purpose, silent=purpose is NUDGE)


class Post:
    """A channel that notes what it is given and does with it what the test says; `hold` keeps messages on their way."""

    def __init__(self, journey: FakeJourney, *, hold: bool = False):
        self.journey = journey
        self.sent: list[int] = []
        self.fails: dict[int, Exception] = {}
        self.states: list[str] = []
        self.go_on = asyncio.Event()
        self.most = self.flying = 0
        if not hold:
            self.go_on.set()

    async def send(self, message: Outgoing) -> int:
        with self.journey.changed:
            self.sent.append(message.id)
            self.states.append(self.journey.rows[message.id].state)
            self.journey.changed.notify_all()
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await self.go_on.wait()
        finally:
            self.flying -= 1
        if message.id in self.fails:
            raise self.fails[message.id]
        return 9000 + message.id


def sender(journey, channel, **more) -> Sender:
    options = {"rate_per_s": 5000, "owner": "me", "time": asyncio.get_running_loop().time} | more
    return Sender(journey, channel, **options)


class Running:
    """A sender at work until the end of the block, then stopped; `task` ends as `run` does."""

    def __init__(self, sender: Sender):
        self.sender = sender

    async def __aenter__(self):
        self.task = asyncio.create_task(self.sender.run())
        return self

    async def __aexit__(self, *_):
        self.sender.stop()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_message_leaves_only_once_its_intent_is_committed_and_its_result_is_kept():
    journey = FakeJourney(*map(outgoing, range(1, 21)))
    post = Post(journey)
    await sender(journey, post).deliver_due()
    assert sorted(post.sent) == list(range(1, 21))
    assert set(post.states) == {"sending"}
    assert set(journey.states().values()) == {"sent"}
    assert {row.result.channel_id for row in journey.rows.values()} == {9000 + n for n in range(1, 21)}


async def test_the_result_of_one_is_committed_with_the_intent_of_the_next():
    journey = FakeJourney(*map(outgoing, range(1, 11)))
    await sender(journey, Post(journey), lanes=1).deliver_due()
    commits = [what for word, what in journey.log if word == "depart"]
    assert commits[:3] == [([1], []), ([2], [1]), ([3], [2])]
    assert commits[-1] == ([], [10])
    assert len(commits) == 11


async def test_replies_leave_before_confirmations_and_these_before_nudges():
    kinds = [NUDGE, CONFIRMATION, REPLY, NUDGE, CONFIRMATION, REPLY]
    journey = FakeJourney(*(outgoing(number, kind) for number, kind in enumerate(kinds, 1)))
    post = Post(journey)
    await sender(journey, post, lanes=1).deliver_due()
    assert post.sent == [3, 6, 2, 5, 1, 4]


async def test_no_more_are_on_their_way_than_there_are_lanes():
    journey = FakeJourney(*map(outgoing, range(1, 21)))
    post = Post(journey, hold=True)
    async with Running(sender(journey, post, lanes=3)):
        await journey.until(lambda: len(post.sent) == 3)
        post.go_on.set()
        await journey.until(lambda: set(journey.states().values()) == {"sent"})
    assert post.most == 3


async def test_a_reply_has_a_lane_of_its_own_when_nudges_hold_all_others():
    journey = FakeJourney(*map(outgoing, range(1, 21)))
    post = Post(journey, hold=True)
    async with Running(sender(journey, post, lanes=3)):
        await journey.until(lambda: len(post.sent) == 3)
        journey.queue(outgoing(100, REPLY), outgoing(101, REPLY), outgoing(102, CONFIRMATION))
        await journey.until(lambda: len(post.sent) == 4)
        post.go_on.set()
        await journey.until(lambda: set(journey.states().values()) == {"sent"})
    assert post.sent[3:6] == [100, 101, 102]
    assert post.most == 4


async def test_a_message_that_is_queued_wakes_the_sender_from_any_thread():
    journey = FakeJourney()
    post = Post(journey)
    async with Running(sender(journey, post)):
        await journey.until(lambda: any(word == "sweep" for word, _ in journey.log))
        await asyncio.to_thread(journey.queue, outgoing(1, REPLY))
        await journey.until(lambda: journey.states() == {1: "sent"})


async def test_what_the_gate_refuses_at_the_last_moment_does_not_leave():
    journey = FakeJourney(outgoing(1), outgoing(2))
    post = Post(journey)
    depart = journey.depart

    def refusing(owner, messages, results):
        if 1 in messages:
            journey.rows[1].state = "withdrawn"
        return depart(owner, messages, results)

    journey.depart = refusing
    await sender(journey, post).deliver_due()
    assert post.sent == [2]


@pytest.mark.parametrize("error", [UnreachableError("gone"), RejectedError("no"), UncertainError("?")])
async def test_a_failure_is_handed_to_the_journey_as_it_is_and_is_not_tried_again(error):
    journey = FakeJourney(outgoing(1))
    post = Post(journey)
    post.fails[1] = error
    await sender(journey, post).deliver_due()
    assert journey.rows[1].result == Undelivered(1, error)
    assert post.sent == [1]


async def test_what_never_left_leaves_later_without_a_second_copy():
    journey = FakeJourney(outgoing(1))
    post = Post(journey)
    post.fails[1] = DelayedError(2)
    await sender(journey, post).deliver_due()
    assert journey.states() == {1: "due"}
    post.fails.clear()
    journey.now += timedelta(seconds=3)
    await sender(journey, post).deliver_due()
    assert journey.rows[1].result == Delivered(1, 9001)


async def test_a_flood_holds_every_message_back_replies_too():
    journey = FakeJourney(outgoing(1), *(outgoing(number, REPLY) for number in range(5, 9)))
    post = Post(journey)
    post.fails = dict.fromkeys(range(1, 9), DelayedError(3600, everybody=True))
    async with Running(sender(journey, post, lanes=1)):
        await journey.until(lambda: journey.paused is not None)
        journey.queue(outgoing(20, REPLY))
        await journey.until(lambda: len([word for word, _ in journey.log if word == "depart"]) >= 2)
    # The intent of another was committed already; it had not left, so it waits with the others.
    assert post.sent == [5]
    assert journey.states()[6] == "due"


async def test_a_pause_in_the_ledger_is_kept_by_a_sender_that_starts_in_it():
    journey = FakeJourney(outgoing(1, REPLY))
    journey.paused = journey.now + timedelta(seconds=30)
    post = Post(journey)
    await sender(journey, post).deliver_due()
    assert post.sent == []
    journey.now += timedelta(seconds=31)
    await sender(journey, post).deliver_due()
    assert post.sent == [1]


async def test_five_refused_nudges_in_a_row_trip_the_breaker(caplog):
    journey = FakeJourney(*map(outgoing, range(1, 51)))
    post = Post(journey)
    post.fails = dict.fromkeys(range(1, 51), RejectedError("chat not found"))
    await sender(journey, post, lanes=1).deliver_due()
    assert post.sent == [1, 2, 3, 4, 5]
    assert journey.nudges_paused is not None
    assert "breaker" in caplog.text
    journey.queue(outgoing(100, REPLY))
    await sender(journey, post).deliver_due()
    assert post.sent[5:] == [100]


async def test_refusals_of_replies_and_refusals_apart_do_not_trip_it():
    journey = FakeJourney(*map(outgoing, range(1, 21)), *(outgoing(number, REPLY) for number in range(30, 40)))
    post = Post(journey)
    post.fails = {number: RejectedError("no") for number in range(1, 40) if number % 5}
    await sender(journey, post, lanes=1).deliver_due()
    assert len(post.sent) == 30
    assert journey.nudges_paused is None


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def committed(journey: FakeJourney) -> list[int]:
    return [message for word, what in journey.log if word == "depart" for message in what[1]]


async def test_an_outage_is_met_with_growing_pauses():
    """Each attempt in an outage leaves a message uncertain for good, so they must not go on at the full pace."""
    journey = FakeJourney(*map(outgoing, range(1, 501)))
    post, clock = Post(journey), Clock()
    post.fails = dict.fromkeys(range(1, 501), UncertainError("502"))
    async with Running(sender(journey, post, lanes=1, rate_per_s=1_000_000, time=clock)):
        for so_far, pause in ((1, 0.5), (2, 1), (3, 2)):
            await journey.until(lambda so_far=so_far: len(committed(journey)) == so_far)
            assert len(post.sent) == so_far
            clock.now += pause * 0.99
            looks = journey.looks
            journey.on_queued()
            await journey.until(lambda looks=looks: journey.looks > looks)
            assert len(post.sent) == so_far
            clock.now += pause * 0.02


async def test_a_reply_is_claimed_when_enough_nudges_are_claimed_already():
    journey = FakeJourney(*map(outgoing, range(1, 61)))
    post, clock = Post(journey), Clock()
    resting = sender(journey, post, rate_per_s=30, time=clock)
    resting._pacer.stand_still(10)
    async with Running(resting):
        await journey.until(lambda: list(journey.states().values()).count("leased") == 30)
        journey.queue(outgoing(100, REPLY))
        await journey.until(lambda: journey.states()[100] == "leased")
        clock.now += 10
        await journey.until(lambda: post.sent)
    assert post.sent[0] == 100


async def test_stopping_finishes_what_is_on_its_way_and_commits_it():
    journey = FakeJourney(*map(outgoing, range(1, 21)))
    post = Post(journey, hold=True)
    running = sender(journey, post, lanes=2)
    task = asyncio.create_task(running.run())
    await journey.until(lambda: len(post.sent) == 2)
    running.stop()
    post.go_on.set()
    await task
    assert sorted(journey.states().values()) == ["leased"] * 18 + ["sent"] * 2
    assert len(post.sent) == 2


async def test_stopping_in_good_order_makes_room_for_another_sender():
    journey = FakeJourney(outgoing(1))
    async with Running(sender(journey, Post(journey))):
        await journey.until(lambda: journey.states() == {1: "sent"})
    assert journey.log[-1] == ("resign", "me")


async def test_a_process_that_slept_after_its_intent_does_not_act_upon_it():
    """It may be night by now, or the person may have stopped: the message is due again and the gate is asked anew."""
    journey = FakeJourney(outgoing(1))
    post, clock = Post(journey), Clock()
    slept = sender(journey, post, time=clock)
    depart, naps = slept._pacer.depart, iter([10])

    def sleeps_once():
        departure = depart()
        clock.now += next(naps, 0)
        return departure

    slept._pacer.depart = sleeps_once
    await slept.deliver_due()
    intents = [what[0] for word, what in journey.log if word == "depart" and what[0]]
    assert intents == [[1], [1]]
    assert post.sent == [1]


def test_lanes_follow_the_rate_and_how_long_calls_take():
    def lanes(rate, took_s):
        clock = Clock()
        one = Sender(FakeJourney(), None, rate_per_s=rate, owner="me", time=clock)
        for _ in range(100):
            one._pacer.take(1)
            departure = one._pacer.depart()
            clock.now = departure.at + took_s
            one._pacer.answered(departure)
        return one._lanes

    assert (lanes(30, 0.06), lanes(1000, 0.06)) == (4, pytest.approx(182, abs=4))
    assert lanes(30, 0.3) == pytest.approx(14, abs=1)
    assert lanes(1000, 2.0) == 200


def test_calls_that_get_quicker_may_leave_more_on_their_way_than_there_are_lanes():
    clock = Clock()
    one = Sender(FakeJourney(), None, rate_per_s=1000, owner="me", time=clock)
    one._flying = {object() for _ in range(one._lanes)}
    for _ in range(100):
        one._pacer.answered(Departure(at=clock()))
    assert one._lanes < len(one._flying) - 1

    one._ready[REPLY].append(1)
    assert one._choose() == []


async def test_cancelling_in_the_middle_of_a_hand_over_loses_nothing():
    """The intent is committed in a thread: were it left alone, its messages would be uncertain and were never sent."""
    journey = FakeJourney(*map(outgoing, range(1, 4)))
    post, loop = Post(journey), asyncio.get_running_loop()
    depart = journey.depart

    def cancelled_meanwhile(owner, messages, results):
        if messages:
            loop.call_soon_threadsafe(task.cancel)
        return depart(owner, messages, results)

    journey.depart = cancelled_meanwhile
    task = asyncio.create_task(sender(journey, post, lanes=1).run())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journey.states() == {1: "sent", 2: "leased", 3: "leased"}


async def test_a_channel_that_shuts_the_bot_out_ends_it_and_the_message_may_leave_later():
    journey = FakeJourney(*map(outgoing, range(1, 21)))
    post = Post(journey)
    post.fails[3] = ChannelClosedError("token revoked")
    with pytest.raises(ChannelClosedError, match="token revoked"):
        await sender(journey, post, lanes=1).run()
    assert {number: state for number, state in journey.states().items() if number < 4} == {
        1: "sent",
        2: "sent",
        3: "due",
    }


async def test_what_nobody_expected_ends_it_after_the_other_results_are_committed():
    journey = FakeJourney(*map(outgoing, range(1, 21)))
    post = Post(journey)
    post.fails[3] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await sender(journey, post, lanes=1).run()
    assert {number: state for number, state in journey.states().items() if number < 4} == {
        1: "sent",
        2: "sent",
        3: "sending",
    }


@pytest.fixture
async def strict():
    """A sandbox that floods above 30 messages in any second, with fifty people who wrote to the bot."""
    sandbox = Sandbox(token=TOKEN, clock=MovableClock(START, time.monotonic), rate_limit=30, latency_s=0.02)
    running = await start(sandbox)
    for number in range(1, 61):
        sandbox.start(1000 + number)
    async with new_builder(TOKEN, root=running.url).build().bot as bot:
        yield sandbox, TelegramChannel(bot)
    await running.stop()


async def test_a_broadcast_at_the_cap_meets_no_flood_limit_and_each_person_gets_one(strict):
    sandbox, channel = strict
    journey = FakeJourney(*map(outgoing, range(1, 61)))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await sender(journey, channel, rate_per_s=30).deliver_due()
    took = loop.time() - began
    answers = [call.answer["ok"] for call in sandbox.calls("sendMessage")]
    assert answers == [True] * 60
    assert {len(sandbox.messages(1000 + number)) for number in range(1, 61)} == {2}
    assert took < 60 / (30 * 0.9)


async def test_blocks_drops_and_refusals_in_a_broadcast_each_end_as_they_should(strict):
    sandbox, channel = strict
    sandbox.block(1001)
    sandbox.fault(Fault(method="sendMessage", chat_id=1002, drop=Drop.AFTER))
    sandbox.fault(Fault(method="sendMessage", chat_id=1003, code=400))
    journey = FakeJourney(*map(outgoing, range(1, 7)))
    for _ in range(2):
        await sender(journey, channel, rate_per_s=30).deliver_due()
        # What was about to leave when one of them was lost waits, lest it is lost too.
        journey.now += timedelta(seconds=1)
    ends = {number: row.result for number, row in journey.rows.items()}
    assert isinstance(ends[1].error, UnreachableError)
    assert isinstance(ends[2].error, UncertainError)
    assert isinstance(ends[3].error, RejectedError)
    assert all(isinstance(ends[number], Delivered) for number in (4, 5, 6))
    assert len(sandbox.messages(1002)) == 2
