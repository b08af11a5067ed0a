"""The commands, and the one place where the parts are put together.

A command imports what it needs itself, so that `handreiking version` and `--help` answer at once.
"""

import asyncio
import logging
import secrets
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import __version__
from bot.cli import (
    bench,
    cards,
    chance,
    desk,
    keeping,
    keys,
    language,
    notes,
    nudges,
    openness,
    outgoing,
    parts,
    policies,
    running,
    simulating,
    staff,
    texts,
)
from bot.cli.parts import By, Json, say, say_json, say_table
from bot.errors import FaultsError, HandreikingError, RefusedError, SettingsError

app = typer.Typer(
    name="handreiking",
    help="A helping hand, held out: opt-in, gently worded messages about help, when a signal arrives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, group in desk.GROUPS.items():
    app.add_typer(group, name=name)
app.command()(keeping.migrate)
app.command()(keeping.backup)
app.add_typer(keys.keys, name="keys")
app.add_typer(cards.card, name="card")
app.add_typer(chance.draws, name="draws")
app.add_typer(chance.guards, name="guards")
app.command()(running.run)
app.command()(cards.offer)
app.command()(openness.plan)
app.command()(openness.register)
app.command()(cards.calendar)
app.add_typer(language.language, name="language")
app.add_typer(notes.group, name="note")
app.add_typer(nudges.group, name="nudges")
app.add_typer(outgoing.group, name="outgoing")
app.add_typer(policies.group, name="policy")
app.add_typer(staff.group, name="staff")
app.add_typer(staff.audit, name="audit")
app.add_typer(texts.group, name="texts")
app.command()(bench.bench)
app.command()(simulating.simulate)

DEMO_DIRECTORY = Path(".handreiking-demo")
SAME, DIFFERS, UNKNOWN = 0, 1, 2


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where the demo keeps everything.")] = DEMO_DIRECTORY,
    port: Annotated[int, typer.Option(min=1, max=65534, help="The chat page's port; signals use the next one.")] = 8700,
    reset: Annotated[bool, typer.Option("--reset", help="Throw away what an earlier demo kept.")] = False,
) -> None:
    """Try everything on this machine: no token, no network, no database server."""
    from bot.cli import log
    from bot.demo import Demo

    log.set_up("WARNING")
    trial = Demo(
        directory=directory.resolve(),
        port=port,
        say=say,
        now=parts.now,
        tick=parts.monotonic,
        program=parts.program(),
        inhabited=True,
    )
    stop = asyncio.Event()
    running.until_told(trial.run(stop, reset=reset), stop)


@app.command()
def check(json: Json = False) -> None:
    """Tell every fault of settings, cards, wordings and catalogues at once."""
    from bot.cli import fitness

    faults = fitness.faults(parts.now())
    if json:
        say_json({"faults": faults})
    elif not faults:
        say("in order")
    else:
        for about, found in faults.items():
            say(f"{about}:")
            for fault in found:
                say(f"  {fault}")
        count = sum(map(len, faults.values()))
        say(f"{count} {'fault' if count == 1 else 'faults'}")
    if faults:
        raise typer.Exit(1)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is wrong and what to do. Exit code: 0 nothing, 1 something is wrong, 2 it cannot look."""
    from bot.cli import visit

    visit.pay(json=json)


@app.command()
def replay(decision: Annotated[str, typer.Argument(help="The decision's id.")], json: Json = False) -> None:
    """Decide again from what a decision was made from. Exit code: 0 same, 1 differs, 2 unknown."""
    again = parts.from_environment().journey.replay(decision)
    if again is None:
        typer.echo(f"There is no decision {decision}.", err=True)
        raise typer.Exit(UNKNOWN)
    if json:
        say_json(
            {
                "decision": decision,
                "recorded": again.recorded,
                "again": again.again,
                "differences": list(again.differences),
            }
        )
    else:
        rows = [
            {
                "field": field,
                "recorded": value,
                "again": again.again[field],
                "": "DIFFERS" if field in again.differences else "",
            }
            for field, value in again.recorded.items()
        ]
        say_table(rows, ["field", "recorded", "again", ""], nothing="")
        differ = ", ".join(again.differences)
        say(f"It comes out otherwise: {differ}." if differ else "It comes out the same.")
    raise typer.Exit(DIFFERS if again.differences else SAME)


@app.command()
def learn(json: Json = False) -> None:
    """Make a policy version now, of all windows that have closed."""
    version = parts.from_environment().journey.learn()
    if json:
        say_json({"policy": version})
    else:
        say(f"Policy {version}.")


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
    by: By,
    tier: Annotated[str, typer.Option(help="researcher: rows; public: counts that may be published.")] = "researcher",
    since: Annotated[
        datetime | None,
        typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="A day in the first week, such as 2026-11-23."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="A day in the last week.")
    ] = None,
    json: Json = False,
) -> None:
    """Write decisions and answers for research as CSV and Parquet, without who they were about."""
    from bot.research import export as research

    if tier not in set(research.Tier):
        raise RefusedError("There is no tier {tier}; choose researcher or public.", tier=tier)
    whole = parts.from_environment()
    manifest = research.write(
        whole.sessions,
        directory,
        wording=whole.wording,
        key=secrets.token_bytes(32),
        now=parts.now(),
        by=by,
        tier=research.Tier(tier),
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
    )
    if json:
        say_json(manifest.as_record())
    else:
        for file in manifest.files:
            rows = "" if file.rows is None else f": {file.rows} {'row' if file.rows == 1 else 'rows'}"
            say(f"{directory / file.name}{rows}")
        if manifest.left_out:
            say(f"Left out, since they could have been recognised: {manifest.left_out} of the people.")
        for done in manifest.coarsened:
            say(f"So that nobody can be recognised, {done}.")


@app.command()
def operating(
    directory: Annotated[Path, typer.Argument(help="Where to; files that are there already are left alone.")],
) -> None:
    """Write the operator's page, the systemd units, the Containerfile and the alert rules to a folder."""
    from bot.operating.files import write

    try:
        for path in write(directory):
            say(str(path))
    except FileExistsError as error:
        raise RefusedError(f"{error.filename} is there already. Choose another folder.") from None
    except OSError as error:
        raise RefusedError(f"{directory} cannot be written: {error.strerror}.") from None


@app.command()
def version() -> None:
    """Say which version this is."""
    say(f"handreiking {__version__}")


def main() -> None:
    """`handreiking`. What goes wrong is told in sentences; a traceback is a mistake of ours."""
    try:
        with parts.opened:
            app()
    except HandreikingError as error:
        _give_up([error])
    except ExceptionGroup as group:
        ours, others = group.split(HandreikingError)
        if ours is None or others is not None:
            _own_up(group)
            raise
        _give_up(_leaves(ours))
    except Exception as mistake:
        _own_up(mistake)
        raise


def _leaves(group: ExceptionGroup[HandreikingError]) -> list[HandreikingError]:
    found: list[HandreikingError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, ExceptionGroup) else [error]
    return found


def _give_up(errors: list[HandreikingError]) -> None:
    for error in errors:
        typer.echo(str(error), err=True)
    refused = all(isinstance(error, FaultsError | RefusedError) for error in errors)
    settings = any(isinstance(error, SettingsError) for error in errors)
    raise SystemExit(1 if refused and not settings else 2)


def _own_up(mistake: Exception) -> None:
    """Where it went wrong and in what way, without the errors' words: a database quotes what people said.

    Once the log is set up it does the same, in its own way, when this returns.
    """
    if not logging.getLogger().handlers:
        typer.echo("\n".join(_places(mistake)), err=True)
        typer.echo("This is a mistake of the program. Its words may quote people and are left out.", err=True)
        raise SystemExit(1) from None


def _places(error: BaseException) -> list[str]:
    """The frames of an error under those of what it came from, and of each in a group."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told = [] if before is None else _places(before)
    told += [*(line.rstrip() for line in traceback.format_tb(error.__traceback__)), type(error).__name__]
    if isinstance(error, BaseExceptionGroup):
        told += [line for inner in error.exceptions for line in _places(inner)]
    return told
