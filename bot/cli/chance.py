"""The keys of draws, for whoever wants to check them, and the guards that watch over sending and learning."""

from typing import Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table

draws = typer.Typer(help="The keys that decisions are drawn with, and what was drawn.", invoke_without_command=True)
guards = typer.Typer(help="What watches over stops and learning, and letting it go on.", no_args_is_help=True)

DIFFERS = 1


@draws.callback()
def draws_alone(context: typer.Context) -> None:
    """The keys that decisions are drawn with, and what was drawn. Alone it lists them."""
    if context.invoked_subcommand is None:
        draws_list(json=False)


@draws.command("list")
def draws_list(json: Json = False) -> None:
    """List each quarter with the hash of its key, and the key itself once the quarter is over."""
    from bot import planning
    from bot.store import ledger

    with ledger.reading(parts.from_environment().sessions) as session:
        rows = [
            {
                "epoch": row.id,
                "from": row.starts_at.isoformat(),
                "until": row.ends_at.isoformat(),
                "hash": row.key_hash,
                "published": row.created_at.isoformat(),
                "key": row.revealed,
            }
            for row in planning.all_epochs(session)
        ]
    if json:
        say_json(rows)
    else:
        say_table(rows, ["epoch", "from", "until", "hash", "published", "key"], nothing="Nothing was drawn yet.")


@draws.command("verify")
def draws_verify(decision: Annotated[str, typer.Argument(help="The decision's id.")], json: Json = False) -> None:
    """Make a decision's draws again from the revealed key. Exit code: 0 same, 1 differs."""
    from bot import planning
    from bot.store import ledger

    with ledger.reading(parts.from_environment().sessions) as session:
        checked = planning.check(session, decision)
    rows = [
        {"draw": name, "recorded": recorded, "again": again, "": "" if recorded == again else "DIFFERS"}
        for name, recorded, again in zip(("send", "tone"), checked.recorded, checked.again, strict=True)
    ]
    if json:
        say_json(
            {
                "decision": decision,
                "epoch": checked.epoch,
                "key": checked.key,
                "hash_fits": checked.hash_fits,
                "draws": [{name: value for name, value in row.items() if name} for row in rows],
            }
        )
    else:
        say(f"{checked.epoch}: {checked.key}")
        say(
            "Its SHA-256 is the one that was published."
            if checked.hash_fits
            else "Its SHA-256 is NOT the published one."
        )
        say_table(rows, ["draw", "recorded", "again", ""], nothing="")
    if not checked.agrees:
        raise typer.Exit(DIFFERS)


@guards.command("list")
def guards_list(json: Json = False) -> None:
    """What the guards are alarmed about, and what to do."""
    from bot.store import ledger

    with ledger.reading(parts.from_environment().sessions) as session:
        rows = [
            {"about": row.watched, "since": row.alarmed_at, "because": row.alarm, "todo": _todo(row.watched)}
            for row in ledger.alarms(session)
        ]
    if json:
        say_json(rows)
    else:
        say_table(rows, ["about", "since", "because", "todo"], nothing="No guard is alarmed.")


@guards.command("go-on")
def guards_go_on(
    watched: Annotated[str, typer.Argument(metavar="ABOUT", help="As `guards list` names it.")], by: By
) -> None:
    """Let it go on after you looked at it; what came before does not count again."""
    from bot import guarding

    with parts.from_environment().sessions.begin() as session:
        guarding.go_on(session, watched, by=by, now=parts.now())
    say(f"{watched}: the count begins anew.")


def _todo(watched: str) -> str:
    kind, _, name = watched.partition(":")
    if kind == "campaign":
        return f"handreiking campaign start {name}"
    return f"handreiking guards go-on {watched}"
