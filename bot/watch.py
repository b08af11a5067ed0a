"""What a process notices of its own work: which step ran when and for how long, and what came of what was sent.

It holds numbers and ids only, decides nothing and depends on nothing. `bot.operating` shows it to operators.
"""

import inspect
import threading
import time as clocks
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

#: Upper bounds in seconds; what took longer is counted above the last.
BOUNDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

Ids = Mapping[str, str | int | tuple[str | int, ...]]


class Spans(Protocol):
    """Takes each piece of work that is over, for a trace."""

    def __call__(self, name: str, seconds: float, ids: Ids, error: str | None) -> None: ...


@dataclass(slots=True)
class Spread:
    """How long something took, many times: `counts` for each of `BOUNDS` and one for what was longer; `total` in s."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def copy(self) -> "Spread":
        return Spread(list(self.counts), self.total)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was noticed so far, as a copy. `sends` by (purpose, outcome); `ages` in seconds since a step last worked."""

    steps: Mapping[str, Spread]
    failures: Mapping[str, int]
    sends: Mapping[tuple[str, str], int]
    lag: Spread
    ages: Mapping[str, float]


class Watch:
    """One process's own numbers, from its start on. Every method may be called from any thread.

    `time` is a clock in seconds that never goes back.
    """

    def __init__(self, *, time: Callable[[], float] = clocks.monotonic) -> None:
        self.time = time
        self.spans: Spans | None = None
        self._lock = threading.Lock()
        self._steps: defaultdict[str, Spread] = defaultdict(Spread)
        self._failures: Counter[str] = Counter()
        self._sends: Counter[tuple[str, str]] = Counter()
        self._lag = Spread()
        self._beats: dict[str, float] = {}

    def beat(self, name: str) -> None:
        """This works, now."""
        self._beats[name] = self.time()

    def age_s(self, *names: str) -> float | None:
        """Seconds since the latest of these worked; None when none of them ever did."""
        beats = [self._beats[name] for name in names if name in self._beats]
        return self.time() - max(beats) if beats else None

    def sent(self, purpose: str, outcome: str) -> None:
        with self._lock:
            self._sends[purpose, outcome] += 1

    def heard(self, lag_s: float) -> None:
        """An update took effect, so many seconds after it was stored."""
        with self._lock:
            self._lag.add(lag_s)

    @contextmanager
    def during(self, name: str, ids: Ids, found: dict[str, int] | None = None) -> Iterator[None]:
        """Time what happens inside and note whether it failed. A trace shows `ids`, and what is put into `found`."""
        began = self.time()
        error = None
        try:
            yield
            self.beat(name)
        except BaseException as problem:
            error = type(problem).__name__
            raise
        finally:
            seconds = self.time() - began
            with self._lock:
                self._steps[name].add(seconds)
                self._failures[name] += error is not None
            # Most looks find nothing to do; a trace of these would hide the others.
            if self.spans is not None and (error is not None or found is None or any(found.values())):
                self.spans(name, seconds, {**ids, **(found or {})}, error)

    def seen(self) -> Seen:
        with self._lock:
            steps = {name: spread.copy() for name, spread in self._steps.items()}
            failures, sends, lag = dict(self._failures), dict(self._sends), self._lag.copy()
        now = self.time()
        return Seen(steps, failures, sends, lag, {name: now - at for name, at in self._beats.copy().items()})


class Watched(Protocol):
    watch: Watch


S = TypeVar("S", bound=Watched)
P = ParamSpec("P")
R = TypeVar("R")


def step(
    name: str, *, of: str | None = None
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """A method whose runs `self.watch` notices. `of`: the argument whose ids (or whose number) a trace shows."""

    def wrapping(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        signature = inspect.signature(method)

        @wraps(method)
        def watched(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            ids: Ids = {}
            if self.watch.spans is not None and of is not None:
                ids = _ids(of, signature.bind(self, *args, **kwargs).arguments[of])
            found: dict[str, int] = {}
            with self.watch.during(name, ids, found if not ids else None):
                result = method(self, *args, **kwargs)
                found["found"] = _count(result)
            return result

        return watched

    return wrapping


def _ids(name: str, value: object) -> Ids:
    if isinstance(value, str | int):
        return {name: value}
    if isinstance(value, list | tuple | set | frozenset):
        firsts = (one[0] if isinstance(one, tuple) and one else one for one in value)
        ids = tuple(one for one in firsts if isinstance(one, str | int))
        return {name: ids} if ids else {}
    return {}


def _count(result: object) -> int:
    if isinstance(result, Sized):
        return len(result)
    return int(result) if isinstance(result, int) else int(result is not None)
