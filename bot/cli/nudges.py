"""What an operator looks at when messages do not leave, and the switch that stops and starts them."""

from typing import Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json

group = typer.Typer(help="Whether messages leave, and what got stuck.", no_args_is_help=True)


@group.command("status")
def status(json: Json = False) -> None:
    """Tell whether nudges leave, how many wait, and what got stuck."""
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        found = ledger.condition(session)
    if json:
        say_json(found)
        return
    because = found["paused_because"]
    say("Nudges leave." if because is None else f"Nudges are paused: {because}. `handreiking nudges resume` goes on.")
    say(f"Waiting to leave: {found['waiting']}.")
    say(f"Uncertain whether they arrived; never sent again: {found['uncertain']}.")
    say(f"Updates that failed five times: {found['dead_letters']}.")


@group.command("pause")
def pause(because: Annotated[str, typer.Option("--because", help="Why, for colleagues.")], by: By) -> None:
    """Let no nudge leave any more; answers to citizens still do."""
    parts.from_environment().journey.pause_nudges(because, who=by)
    say("Paused. What was sent cannot be recalled.")


@group.command("resume")
def resume(by: By) -> None:
    """Let nudges leave again; nothing is sent twice."""
    parts.from_environment().journey.resume_nudges(who=by)
    say("Nudges leave again.")
