"""What Prometheus scrapes: the queues from the ledger as they are now, and what this process counted since it began."""

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from bot import __version__
from bot.core.facts import Purpose
from bot.store import ledger, vitals
from bot.store.vitals import Vitals
from bot.watch import BOUNDS, Spread, Watch

#: A scrape does not ask the database again within so many seconds.
FRESH_S = 5.0


class Reading:
    """How things stand in the ledger, asked again after `FRESH_S` at the earliest. From any thread."""

    def __init__(
        self, sessions: sessionmaker[Session], clock: Callable[[], datetime], zone: ZoneInfo, time: Callable[[], float]
    ) -> None:
        self._sessions, self._clock, self._zone, self._time = sessions, clock, zone, time
        self._lock = threading.Lock()
        self._taken: tuple[float, Vitals | None] | None = None

    def take(self) -> Vitals | None:
        """None: the database does not answer."""
        with self._lock:
            if self._taken is None or self._time() - self._taken[0] >= FRESH_S:
                self._taken = (self._time(), self._ask())
            return self._taken[1]

    def _ask(self) -> Vitals | None:
        now = self._clock()
        today: date = now.astimezone(self._zone).date()
        try:
            with ledger.reading(self._sessions) as session:
                return vitals.take(session, now, today)
        except SQLAlchemyError:
            return None


class Figures(Collector):
    """All figures of one process. `troubles` gives how many of its duties are silent."""

    def __init__(self, reading: Reading, watch: Watch, role: str, troubles: Callable[[], int]) -> None:
        self._reading, self._watch, self._role, self._troubles = reading, watch, role, troubles

    def collect(self) -> Iterator[Metric]:
        yield self._one(
            "info", "1; its labels say which version runs in which role", [((__version__,), 1)], ("version",)
        )
        yield self._one(
            "silent_duties", "Duties of this process that are not done; 0 is well", [((), self._troubles())]
        )
        yield from self._counted()
        vital = self._reading.take()
        yield self._one("ledger_readable", "1 when the database answers, 0 when it does not", [((), vital is not None)])
        if vital is not None:
            yield from self._standing(vital)

    def _one(
        self,
        name: str,
        told: str,
        values: Iterable[tuple[tuple[str, ...], float]],
        labels: tuple[str, ...] = (),
    ) -> GaugeMetricFamily:
        family = GaugeMetricFamily(f"handreiking_{name}", told, labels=("role", *labels))
        for given, value in values:
            family.add_metric((self._role, *given), float(value))
        return family

    def _standing(self, vital: Vitals) -> Iterator[Metric]:
        now = vital.at
        due = [((purpose.name.lower(),), queue) for purpose, queue in vital.due.items()]
        yield self._one(
            "due_messages", "Messages that may leave now, by purpose", [(p, q.waiting) for p, q in due], ("purpose",)
        )
        yield self._one(
            "due_message_age_seconds",
            "How long the message that waits longest could have left, in seconds, by purpose; 0 when none waits",
            [(p, q.age_s(now)) for p, q in due],
            ("purpose",),
        )
        for name, told, queue in (
            ("unplanned_signal", "signals of which it is not seen yet whom they concern", vital.signals),
            ("overdue_offer", "offers that should have been looked at", vital.offers),
            ("unheard_update", "updates from Telegram that took no effect yet", vital.updates),
        ):
            yield self._one(f"{name}s", f"How many {told}", [((), queue.waiting)])
            yield self._one(
                f"{name}_age_seconds", f"Seconds that the oldest waits of: {told}; 0: none", [((), queue.age_s(now))]
            )
        yield self._one(
            "uncertain_messages", "Messages that may have arrived; never sent again", [((), vital.uncertain.waiting)]
        )
        yield self._one(
            "dead_letters", "Updates that failed five times; staff have to look", [((), vital.dead_letters.waiting)]
        )
        yield self._one("contact_promises", "Open requests for contact", [((), vital.promises)])
        yield self._one("contact_promises_due_today", "Promises of contact for today", [((), vital.promises_today)])
        yield self._one(
            "contact_promises_late", "Promises of contact whose day has passed", [((), vital.promises_late)]
        )
        yield self._one(
            "nudges_paused", "1 while somebody or the breaker holds all nudges", [((), vital.nudges_paused is not None)]
        )
        yield self._one(
            "flood_pause", "1 while Telegram asked us to send nothing (429)", [((), vital.all_paused_until is not None)]
        )
        yield self._one(
            "guard_alarms", "Alarms of the guards that nobody looked at yet", [((), vital.guard_alarms.waiting)]
        )
        if vital.policy_at is not None:
            age = (now - vital.policy_at).total_seconds()
            yield self._one("policy_age_seconds", "Seconds since the newest policy version was made", [((), age)])
        yield self._one("database_bytes", "Size of the database", [((), vital.size_bytes)])

    def _counted(self) -> Iterator[Metric]:
        seen = self._watch.seen()
        sends = CounterMetricFamily(
            "handreiking_sends",
            "Messages that this process tried to send, by how it came out",
            labels=("role", "purpose", "outcome"),
        )
        for purpose in Purpose:
            for outcome in OUTCOMES:
                key = (purpose.name.lower(), outcome)
                sends.add_metric((self._role, *key), seen.sends.get(key, 0))
        yield sends
        lag = HistogramMetricFamily(
            "handreiking_update_lag_seconds", "From an update being stored to its having taken effect", labels=("role",)
        )
        lag.add_metric((self._role,), *_buckets(seen.lag))
        yield lag
        took = HistogramMetricFamily(
            "handreiking_step_seconds", "How long a step of the journey took", labels=("role", "step")
        )
        failed = CounterMetricFamily(
            "handreiking_step_failures", "Steps of the journey that ended in an error", labels=("role", "step")
        )
        for step, spread in seen.steps.items():
            took.add_metric((self._role, step), *_buckets(spread))
            failed.add_metric((self._role, step), seen.failures.get(step, 0))
        yield took
        yield failed
        yield self._one(
            "last_done_seconds",
            "Seconds since a step was last done",
            [((k,), v) for k, v in seen.ages.items()],
            ("step",),
        )


#: Every way in which a send can come out.
OUTCOMES = ("sent", "delayed", "unreachable", "rejected", "uncertain", "closed", "failed", "unreadable")


def registry(figures: Figures) -> CollectorRegistry:
    """The figures, with those of the process itself: memory, CPU, open files, Python."""
    own = CollectorRegistry()
    own.register(figures)
    ProcessCollector(registry=own)
    PlatformCollector(registry=own)
    GCCollector(registry=own)
    return own


def _buckets(spread: Spread) -> tuple[list[tuple[str, float]], float]:
    bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
    total, buckets = 0, []
    for bound, count in zip(bounds, spread.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets, spread.total
