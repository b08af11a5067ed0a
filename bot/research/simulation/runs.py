"""Simulated years by the dozen: which policies there are, one town of each, and many of them over several processes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any, Final, TypeVar

from bot.core.facts import Learning, Rules, Values
from bot.research.simulation import people as citizens
from bot.research.simulation.measures import Figures, figures
from bot.research.simulation.people import SEGMENTS, People, State, World
from bot.research.simulation.town import Town
from bot.research.simulation.yardsticks import Clairvoyant, Every, InGate, Population, TonesOnly, Uniform
from bot.research.simulation.year import Chooser, Year, live

T = TypeVar("T")

PRODUCT: Final = "product"
#: Each policy with what it is; those "in gate" ask the product's gate before each message.
POLICIES: Final = {
    PRODUCT: "the adaptive policy, through the gate",
    "fixed-4-in-gate": "the hold-out: at most one message in four weeks, through the gate",
    "trial-in-gate": "even chances of writing and of tones, through the gate",
    "tones-only-in-gate": "learns tones, writes to all whom the gate lets through",
    "clairvoyant-in-gate": "knows each person, through the gate",
    "fixed-4": "one message in four weeks",
    "fixed-8": "one message in eight weeks",
    "uniform": "even chances at each opportunity",
    "population": "knows people in general",
    "clairvoyant": "knows each person",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A town of `number` people in `world`, the same for each of `policies`."""

    world: World
    number: int
    seed: int
    policies: tuple[str, ...]
    rules: Rules
    values: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Lived:
    """A year with who lived it and who decided."""

    who: People
    year: Year
    chooser: Chooser


def one(task: Task, policy: str, passed: Callable[[int], None]) -> Lived:
    """A year of the task's town under one of POLICIES."""
    who = citizens.people(task.number, task.world, task.seed)
    state = citizens.rested(task.number)
    chooser = _chooser(policy, task, who, state)
    return Lived(who=who, year=live(who, chooser, seed=task.seed, state=state, passed=passed), chooser=chooser)


def measured(task: Task, clock: Callable[[], float], passed: Callable[[int], None] = lambda _: None) -> list[Figures]:
    """The task's years in figures. `clock` counts seconds from anywhere; `passed` is told of each week that is over."""
    rows = []
    for policy in task.policies:
        began = clock()
        lived = one(task, policy, passed)
        rows.append(
            figures(
                lived.year,
                world=task.world.name,
                seed=task.seed,
                policy=policy,
                seconds=clock() - began,
                town=lived.chooser if isinstance(lived.chooser, Town) else None,
            )
        )
    return rows


def all_measured(
    tasks: Sequence[Task], clock: Callable[[], float], *, processes: int, passed: Callable[[int], None]
) -> list[Figures]:
    """The figures of all tasks, in their order, from so many processes; `passed` is told how many weeks went by."""
    if processes == 1:
        return [row for task in tasks for row in measured(task, clock, lambda _: passed(1))]
    found = dict(spread(partial(measured, clock=clock), tasks, processes=processes, passed=passed))
    return [row for place in range(len(tasks)) for row in found[place]]


def spread(
    work: Callable[[Task], T], tasks: Sequence[Task], *, processes: int, passed: Callable[[int], None]
) -> Iterator[tuple[int, T]]:
    """Do `work` for each task; hand it back with the task's place as it is done. `passed` is told of its weeks."""
    yield from each(
        work, [(task,) for task in tasks], processes=processes, passed=lambda place: passed(weeks(tasks[place]))
    )


def each(
    work: Callable[..., T], asked: Sequence[tuple[Any, ...]], *, processes: int, passed: Callable[[int], None]
) -> Iterator[tuple[int, T]]:
    """Do `work` with each of these arguments, in so many processes; hand it back with its place as it is done."""
    if processes == 1:
        for place, arguments in enumerate(asked):
            done = work(*arguments)
            passed(place)
            yield place, done
        return
    # Forked copies of a process with threads can hang, so each starts anew.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        places = {pool.submit(work, *arguments): place for place, arguments in enumerate(asked)}
        for future in as_completed(places):
            passed(places[future])
            yield places[future], future.result()


def weeks(task: Task) -> int:
    """How many weeks a task takes, over all its policies."""
    return citizens.WEEKS * len(task.policies)


def _chooser(policy: str, task: Task, who: People, state: State) -> Chooser:
    languages = [SEGMENTS[place] for place in who.segment]
    rules, values, seed = task.rules, task.values, task.seed
    town = partial(Town, languages, rules=rules, values=values, seed=seed)
    match policy:
        case "product":
            return town(learning=Learning.ADAPTIVE)
        case "fixed-4-in-gate":
            return town(learning=Learning.TRIAL, holdout=True)
        case "trial-in-gate":
            return town(learning=Learning.TRIAL)
        case "tones-only-in-gate":
            return TonesOnly(languages, learning=Learning.ADAPTIVE, rules=rules, values=values, seed=seed)
        case "clairvoyant-in-gate":
            return InGate(Clairvoyant(who, state), languages, rules=rules, values=values, seed=seed)
        case "fixed-4":
            return Every(task.number, 4, seed=seed)
        case "fixed-8":
            return Every(task.number, 8, seed=seed)
        case "uniform":
            return Uniform(seed=seed)
        case "population":
            return Population(who, state)
        case "clairvoyant":
            return Clairvoyant(who, state)
    raise ValueError(f"{policy!r} is no policy; take one of {', '.join(POLICIES)}")
