"""What is wrong with the work itself, as the ledger tells it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.klant import Standing, Target
from bot.operating.duties import HEAR, LOOP, POLL, SEND, TICK, stuck
from bot.operating.findings import Finding, Urgency
from bot.store.vitals import Process, Vitals

RESTART: Final = "systemctl restart handreiking; then journalctl -u handreiking -n 50"
LOG: Final = "journalctl -u handreiking"
SILENT_AFTER: Final = timedelta(minutes=2)
UNHEARD: Final = timedelta(minutes=5)
UNPLANNED: Final = timedelta(minutes=15)
OVERDUE: Final = timedelta(hours=1)
POLICY_OLD: Final = timedelta(days=14)
MANY_UNCERTAIN: Final = 20
RECENT: Final = timedelta(days=7)
DUTIES: Final = {duty.name: duty for duty in (LOOP, TICK, SEND, HEAR, POLL)}


def of_queues(vital: Vitals, processes: Sequence[Process]) -> Iterator[Finding]:
    """Whether anything waits that should not. `processes`: who is at work, by the newest sign of life."""
    now = vital.at
    for silence in stuck(vital, processes):
        yield Finding(
            check="due",
            urgency=Urgency.NOW,
            what=f"{silence.means[:1].upper()}{silence.means[1:]}.",
            since=now - timedelta(seconds=silence.for_s),
            why="People wait for an answer, or hear of something too late.",
            todo=f"{LOG} | grep -E 'unsent|flood|poll_failed'; if nothing stands there: {RESTART}",
        )
    for check, queue, limit, urgency, what, why in (
        (
            "updates", vital.updates, UNHEARD, Urgency.NOW,
            "Updates from Telegram that took no effect yet", "A stop may be among them.",
        ),
        (
            "signals", vital.signals, UNPLANNED, Urgency.SOON,
            "Signals that were not looked at yet", "Whom they concern hears of it too late, or never.",
        ),
        (
            "offers", vital.offers, OVERDUE, Urgency.SOON,
            "Offers that should have been decided about", "Whom they concern hears of it too late, or never.",
        ),
    ):  # fmt: skip
        if queue.age_s(now) > limit.total_seconds():
            yield Finding(
                check=check,
                urgency=urgency,
                what=f"{what}: {queue.waiting}.",
                since=queue.oldest,
                why=why,
                todo=RESTART,
            )


def of_stuck(vital: Vitals, uncertain_lately: int) -> Iterator[Finding]:
    """What ended in a way that somebody should know. `uncertain_lately`: those of the last seven days."""
    if vital.dead_letters.waiting:
        yield Finding(
            check="dead_letters",
            urgency=Urgency.SOON,
            what=f"Updates that failed five times and are no longer tried: {vital.dead_letters.waiting}.",
            since=vital.dead_letters.oldest,
            why="Somebody said something to us that had no effect. They were told that it went wrong.",
            todo=f"{LOG} | grep update_failed; hand these lines to whoever maintains the program",
        )
    if uncertain_lately:
        yield Finding(
            check="uncertain",
            urgency=Urgency.SOON if uncertain_lately > MANY_UNCERTAIN else Urgency.KNOW,
            what=f"Messages of the last week of which it is not known whether they arrived: {uncertain_lately}.",
            why="They are never sent again, so that nobody gets one twice. Many of them mean a bad connection.",
            todo=f"handreiking nudges status; {LOG} | grep unsent",
        )


def of_pauses(vital: Vitals) -> Iterator[Finding]:
    if vital.nudges_paused is not None:
        who, because = vital.nudges_paused.get("who", "somebody"), vital.nudges_paused.get("because", "no reason given")
        yield Finding(
            check="paused",
            urgency=Urgency.SOON,
            what=f"All nudges are held, by {who}: {because}.",
            since=vital.nudges_paused_at,
            why="Nobody is written to; answers still go out.",
            todo="Once the reason is gone: handreiking nudges resume",
        )
    if vital.all_paused_until is not None:
        yield Finding(
            check="flood",
            urgency=Urgency.KNOW,
            what=f"Telegram asked us to send nothing until {vital.all_paused_until:%H:%M:%S} UTC.",
            why="It passes by itself. If it comes back often, we send too fast.",
            todo="If it comes back: set HANDREIKING_RATE_PER_S lower",
        )


def of_guards(vital: Vitals) -> Iterator[Finding]:
    if vital.guard_alarms.waiting:
        yield Finding(
            check="guards",
            urgency=Urgency.SOON,
            what=f"Alarms of the guards that nobody looked at yet: {vital.guard_alarms.waiting}.",
            since=vital.guard_alarms.oldest,
            why="Too many people stop, or what is drawn does not follow its chances. What it is about is held.",
            todo="handreiking guards list",
        )


def of_promises(vital: Vitals) -> Iterator[Finding]:
    if vital.promises_late and vital.earliest_promise is not None:
        yield Finding(
            check="promises",
            urgency=Urgency.SOON,
            what=f"People who were promised contact by a day that has passed: {vital.promises_late}, "
            f"the earliest {vital.earliest_promise}.",
            why="They asked for help, and wait.",
            todo="handreiking contact list",
        )


def of_listeners(told: Collection[Standing]) -> Iterator[Finding]:
    """Whether those who are to hear of requests for contact do."""
    for one in told:
        whose = "Open Klant" if one.target is Target.OPEN_KLANT else "the receiver of our events"
        if one.failed:
            yield Finding(
                check="refused",
                urgency=Urgency.SOON,
                what=f"Things about requests for contact that were not taken by {whose}: {len(one.failed)}.",
                since=one.failed[0].at,
                why="Whoever works there does not know of them. The requests are in our own queue.",
                todo="handreiking outgoing status",
            )
        if one.stands_still is not None and one.listens:
            yield Finding(
                check="told",
                urgency=Urgency.SOON,
                what=f"Nothing gets through to {whose}. Things about requests for contact that wait: {one.waiting}.",
                since=one.oldest,
                why="Whoever works there does not know of them. The requests are in our own queue.",
                todo="handreiking outgoing status",
            )


def of_policy(vital: Vitals) -> Iterator[Finding]:
    if vital.policy_at is not None and vital.at - vital.policy_at > POLICY_OLD:
        yield Finding(
            check="policy",
            urgency=Urgency.SOON,
            what="The newest policy version is older than two weeks.",
            since=vital.policy_at,
            why="It is made each week. What people answered since then changes nothing.",
            todo="handreiking learn; if that fails, its message says why",
        )


def of_processes(processes: Collection[Process], now: datetime) -> Iterator[Finding]:
    """Whether somebody is at work, nobody vanished, and each does what it should."""
    alive = [process for process in processes if now - process.at <= SILENT_AFTER]
    roles = {process.role for process in alive}
    if not alive:
        newest = max((process.at for process in processes), default=None)
        yield Finding(
            check="running",
            urgency=Urgency.NOW,
            what="No process is at work on this database.",
            since=newest,
            why="Nobody is answered, and a stop waits at Telegram for a day only.",
            todo="systemctl start handreiking; if it does not stay: journalctl -u handreiking -n 50",
        )
    for process in processes:
        if process not in alive and alive and process.role not in roles:
            yield Finding(
                check="vanished",
                urgency=Urgency.NOW,
                what=f"The process {process.name} in the role {process.role} fell silent, and no other has that role.",
                since=process.at,
                why="What it did is not done now.",
                todo=RESTART,
            )
    for process in alive:
        for name, at in process.worked.items():
            duty = DUTIES.get(name)
            if duty is not None and (process.at - at).total_seconds() > duty.limit_s:
                outside = "Look at the network and the proxy; if they are fine: "
                yield Finding(
                    check=f"silent_{name}",
                    urgency=Urgency.NOW,
                    what=f"The process {process.name} is at work, and yet: {duty.means}.",
                    since=at,
                    why="What it should do is not done now.",
                    todo=RESTART if duty.ours else outside + RESTART,
                )


def of_ledger(vital: Vitals, processes: Sequence[Process], uncertain_lately: int) -> Iterator[Finding]:
    """All of these."""
    yield from of_processes(processes, vital.at)
    yield from of_queues(vital, processes)
    yield from of_stuck(vital, uncertain_lately)
    yield from of_pauses(vital)
    yield from of_guards(vital)
    yield from of_promises(vital)
    yield from of_policy(vital)
