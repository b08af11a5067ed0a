"""What an operator looks at when messages do not leave, and the switch that stops and starts them."""

from typing import Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json
from bot.core.facts import Onward

group = typer.Typer(help="Whether messages leave, and what got stuck.", no_args_is_help=True)


@group.command("status")
def status(json: Json = False) -> None:
    """Tell whether nudges leave, how many wait, and what got stuck."""
    from bot import restoring
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        to_decide = restoring.look(session)
        found = ledger.condition(session)
    if json:
        say_json(found)
        return
    because = found["paused_because"]
    if to_decide is not None:
        say(to_decide)
    elif because is not None:
        say(f"Nudges are paused: {because}. `handreiking nudges resume` goes on.")
    else:
        say("Nudges leave.")
    say(f"Waiting to leave: {found['waiting']}.")
    say(f"Uncertain whether they arrived; never sent again: {found['uncertain']}.")
    say(f"Updates that failed five times: {found['dead_letters']}.")


@group.command("pause")
def pause(because: Annotated[str, typer.Option("--because", help="Why, for colleagues.")], by: By) -> None:
    """Let no nudge leave any more; answers to citizens still do."""
    parts.from_environment().journey.pause_nudges(because, who=by)
    say("Paused. What was sent cannot be recalled.")


@group.command("resume")
def resume(
    by: By,
    after_restore: Annotated[
        Onward | None,
        typer.Option(
            help="After an old copy was put back: `ask` everybody anew, `withdraw` what may have left, or `send` it."
        ),
    ] = None,
) -> None:
    """Let nudges leave again; nothing is sent twice."""
    from bot.store import ledger

    whole = parts.from_environment()
    if after_restore is None:
        whole.journey.resume_nudges(who=by)
    else:
        counts = whole.journey.go_on_after_restore(after_restore, who=by)
        say(f"Never to be sent again, since they may have left: {counts['withdrawn']} messages.")
        say(f"Replies that go after all: {counts['taken_up']}. Consents that ended: {counts['consents_ended']}.")
        with ledger.reading(whole.sessions) as session:
            because = ledger.condition(session)["paused_because"]
        if because is not None:
            say(f"Nudges were paused before that, and still are: {because}.")
            return
    say("Nudges leave again.")
