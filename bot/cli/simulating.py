"""`handreiking simulate`: the yardstick `citizen-sim-1`, its gate to ship, and what a campaign would likely do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import parts
from bot.cli.parts import Json, say, say_json, say_table
from bot.errors import RefusedError

if TYPE_CHECKING:
    from bot.research.simulation.coverage import Interval
    from bot.research.simulation.measures import Figures, Summary
    from bot.research.simulation.runs import Task
    from bot.wording import Wording

FAILED = 1
COLUMNS = (
    "world", "policy", "welfare", "of best", "27-52", "of best in gate", "gap closed", "stops", "x fixed-4",
    "x fixed-4 in gate", "messages", "unwelcome/100", "p25", "segments", "least tone", "least send", "send 27-52", "s",
)  # fmt: skip


def simulate(
    world: Annotated[
        list[str] | None,
        typer.Option("--world", help="A world; may be given several times. Both tone sizes if left out."),
    ] = None,
    citizens: Annotated[int, typer.Option(min=50, max=200_000, help="How many people live in the town.")] = 2_000,
    seeds: Annotated[int, typer.Option(min=1, max=1_000, help="How many towns, each with people of its own.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="The first town's number.")] = 0,
    policy: Annotated[list[str] | None, typer.Option("--policy", help="Only these policies; all if left out.")] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many towns are lived through at once.")] = 1,
    gate: Annotated[
        bool, typer.Option("--gate", help="The gate to ship, with its own numbers. Exit code 1 when it is missed.")
    ] = False,
    campaign: Annotated[
        Path | None,
        typer.Option("--campaign", help="What this campaign, as TOML, would likely do among so many people."),
    ] = None,
    signals: Annotated[
        float, typer.Option(min=0, max=52, help="With --campaign: how many of its signals a person has in a year.")
    ] = 1.0,
    out: Annotated[Path | None, typer.Option("--out", help="A directory for CSV and SVG files.")] = None,
    json: Json = False,
) -> None:
    """Let simulated people live for a year under the real gate, rhythm and policy, and compare. Nothing is sent.

    The people are assumed: what this says is about the policy, not about your town.
    """
    from bot.research.simulation import runs, shipping
    from bot.research.simulation.people import WORLDS

    wording = parts.from_environment().wording
    if campaign is not None:
        return _planned(campaign, wording, citizens, seeds, first_seed, signals, processes, out, json=json)
    names = world or [one.name for one in shipping.JUDGED]
    policies = tuple(policy or (shipping.JUDGED_POLICIES if gate else runs.POLICIES))
    _known("world", names, WORLDS)
    _known("policy", policies, runs.POLICIES)
    if gate:
        return _gate(wording, first_seed, processes, out, json=json)
    tasks = [
        _task(wording, name, citizens, seed, policies)
        for name in names
        for seed in range(first_seed, first_seed + seeds)
    ]
    rows = _lived(tasks, processes)
    _tell(rows, out, json=json)
    return None


def _task(wording: "Wording", world: str, citizens: int, seed: int, policies: tuple[str, ...]) -> "Task":
    from bot.research.simulation.people import WORLDS
    from bot.research.simulation.runs import Task

    return Task(
        world=WORLDS[world],
        number=citizens,
        seed=seed,
        policies=policies,
        rules=wording.rules,
        values=wording.values,
    )


def _gate(wording: "Wording", first_seed: int, processes: int, out: Path | None, *, json: bool) -> None:
    from bot.research.simulation import coverage, measures, runs, shipping

    seeds = range(first_seed, first_seed + shipping.SEEDS)
    tasks = [
        *(
            _task(wording, world.name, shipping.PEOPLE, seed, shipping.JUDGED_POLICIES)
            for world in shipping.JUDGED
            for seed in seeds
        ),
        *(_task(wording, shipping.IDLE.name, shipping.PEOPLE, seed, (runs.PRODUCT,)) for seed in seeds),
    ]
    trials = [
        _task(wording, world.name, shipping.COVERAGE_PEOPLE, 10_000 + first_seed + number, (runs.PRODUCT,))
        for world in shipping.JUDGED
        for number in range(shipping.COVERAGE_RUNS)
    ]
    rows = _lived(tasks, processes)
    held: list[Interval] = []
    with _bar("Coverage", sum(map(runs.weeks, trials))) as passed:
        for _, found in runs.spread(coverage.intervals, trials, processes=processes, passed=passed):
            held += found
    lines = shipping.verdicts(measures.summaries(rows), coverage.covered(held))
    if json:
        say_json([asdict(line) for line in lines])
    else:
        _tell(rows, out, json=False)
        say("")
        say(f"Coverage is that of {shipping.COVERAGE_RUNS} towns of {shipping.COVERAGE_PEOPLE} for each tone size.")
        say_table(
            [asdict(line) | {"value": f"{line.value:.3f}", "passed": "yes" if line.passed else "NO"} for line in lines],
            ["what", "world", "value", "bound", "passed"],
            nothing="",
        )
    if not all(line.passed for line in lines):
        raise typer.Exit(FAILED)


def _lived(tasks: "Sequence[Task]", processes: int) -> "list[Figures]":
    from bot.research.simulation import runs

    with _bar("Weeks", sum(map(runs.weeks, tasks))) as passed:
        return runs.all_measured(tasks, parts.monotonic, processes=processes, passed=passed)


def _tell(rows: "Sequence[Figures]", out: Path | None, *, json: bool) -> None:
    from bot.research.simulation.measures import summaries

    found = summaries(rows)
    if json:
        say_json([asdict(summary) for summary in found])
    else:
        say_table([_line(summary) for summary in found], COLUMNS, nothing="")
    if out is not None:
        from bot.research.simulation.figures import write

        _written(lambda: write(out, rows, found), out, json=json)


def _line(summary: "Summary") -> dict[str, Any]:
    mean = summary.mean
    best = "-" if summary.of_best is None else f"{summary.of_best:.3f}"
    return {
        "world": f"{summary.world} ({summary.citizens} x {summary.seeds})",
        "policy": summary.policy,
        "welfare": f"{mean.welfare:.3f}",
        "of best": best if summary.se is None else f"{best} ±{2 * summary.se:.3f}",
        "27-52": _number(summary.of_best_late),
        "of best in gate": _number(summary.of_best_in_gate),
        "gap closed": _number(summary.gap_closed),
        "stops": f"{mean.stop_rate:.2%}",
        "x fixed-4": _number(summary.stops),
        "x fixed-4 in gate": _number(summary.stops_in_gate),
        "messages": f"{mean.messages:.1f}",
        "unwelcome/100": f"{mean.unwelcome_per_100:.1f}",
        "p25": f"{mean.p25:.2f}",
        "segments": _number(mean.segments),
        "least tone": _number(mean.least_tone),
        "least send": _number(mean.least_send),
        "send 27-52": _number(mean.late_send),
        "s": f"{mean.seconds:.1f}",
    }


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN


def _planned(
    path: Path,
    wording: "Wording",
    citizens: int,
    seeds: int,
    first_seed: int,
    signals: float,
    processes: int,
    out: Path | None,
    *,
    json: bool,
) -> None:
    from bot import campaigns
    from bot.research.simulation import planned, runs

    file = campaigns.read(parts.text_of(path), wording)
    plan = planned.planned(file, wording)
    town = planned.Town(number=citizens, signals=signals)
    asked = [(kind, seed) for kind in planned.RESPONSIVENESS for seed in range(first_seed, first_seed + seeds)]
    found: dict[str, list[list[planned.Week]]] = {kind: [] for kind in planned.RESPONSIVENESS}
    with _bar(file.id, len(asked)) as passed:
        work = partial(planned.simulated, plan, town)
        for place, weeks in runs.each(work, asked, processes=processes, passed=lambda _: passed(1)):
            found[asked[place][0]].append(weeks)
    told = planned.ranges(found)
    if json:
        say_json([{name: asdict(of) for name, of in row.items()} for row in told])
    else:
        say(
            f"{file.title}: a simulation of {citizens} people who chose its theme, and who are assumed. "
            f"{seeds} {'town' if seeds == 1 else 'towns'} each with people of low, medium and high responsiveness. "
            "Low to high, middle in brackets."
        )
        names = list(told[0])
        say_table(
            [
                {"week": "in all" if week == len(told) - 1 else str(week + 1)}
                | {name: f"{of.low:.0f}-{of.high:.0f} ({of.middle:.0f})" for name, of in row.items()}
                for week, row in enumerate(told)
                if week == len(told) - 1 or row["messages"].high > 0
            ],
            ["week", *names],
            nothing="",
        )
    if out is not None:
        from bot.research.simulation.figures import write_planned

        _written(lambda: write_planned(out, file.period.first, told), out, json=json)


def _written(write: Callable[[], list[Path]], out: Path, *, json: bool) -> None:
    try:
        files = write()
    except OSError as error:
        raise RefusedError("{out} cannot be written to: {why}.", out=str(out), why=str(error.strerror)) from None
    if not json:
        say(f"Written: {', '.join(str(file) for file in files)}.")


def _known(what: str, given: Sequence[str], there: Sequence[str] | dict[str, Any]) -> None:
    for name in given:
        if name not in there:
            raise RefusedError(
                "There is no {what} {name}; take one of {known}.", what=what, name=name, known=", ".join(there)
            )


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)
