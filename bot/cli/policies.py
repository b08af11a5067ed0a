"""The policy in words, and what a town may tell others of what it learned."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table

if TYPE_CHECKING:
    from bot.core.policy import Policy

group = typer.Typer(help="What was learned, and telling it to other municipalities.", no_args_is_help=True)

_PHASES = (
    "Phase 0: even chances for everybody; nothing that was learned is used yet.",
    "Phase 1: what was learned is used within wide floors, since little is known.",
    "Phase 2: what was learned is used within its floors.",
)


@group.command("show")
def show(json: Json = False) -> None:
    """Say which policy version is in force: phase, floors, rows, and what it learned per tone."""
    from bot import planning
    from bot.store import ledger

    whole = parts.from_environment()
    now = parts.now()
    with ledger.reading(whole.sessions) as session:
        found = planning.newest_policy(session)
        doubt = None if found is None else planning.doubt(session, whole.wording, found, now)
    if found is None:
        say_json({}) if json else say("No policy version was made yet: nothing was decided and nothing was learned.")
        return None
    tones = _tones(found)
    if json:
        names = ("phase", "eps", "p_min", "p_max", "r0", "n_tone", "n_send", "cutoff", "parent")
        return say_json(
            {
                "version": found.version,
                **{name: getattr(found, name) for name in names},
                "others": None if found.others is None else found.others.digest,
                "doubt": doubt,
                "tones": tones,
            }
        )
    say(f"Policy {found.version}.")
    if found.cutoff is None:
        say("It is the prior: nothing was learned here yet.")
    elif not found.n_tone and not found.n_send:
        say(f"No window that teaches was closed on {found.cutoff:%Y-%m-%d %H:%M} UTC, so it says what the prior says.")
    else:
        say(f"It learned from windows that were closed on {found.cutoff:%Y-%m-%d %H:%M} UTC.")
        say(f"Drawn wordings: {found.n_tone}. Lotteries about writing: {found.n_send}.")
    if found.others is not None:
        say(f"Rows of other municipalities are in its prior: messages/prior.toml, SHA-256 {found.others.digest}.")
    say(_PHASES[found.phase])
    if found.phase:
        say(
            f"Each tone keeps a chance of at least {found.eps:.0%}; "
            f"the chance of writing stays between {found.p_min:.0%} and {found.p_max:.0%}."
        )
    if doubt is not None:
        say(f"It is not used just now, chances are even: {doubt}")
    say("")
    say("What a message in each tone is worth to somebody of whom nothing else is known, give or take:")
    rows = [{**row, "worth": f"{row['worth']:.3f}", "give or take": f"{row['sd']:.3f}"} for row in tones]
    return say_table(rows, ["tone", "worth", "give or take"], nothing="")


@group.command("statistics")
def statistics(
    file: Annotated[Path, typer.Argument(help="A JSON file that is not there yet.")], by: By, json: Json = False
) -> None:
    """Write this town's sums of what it learned for other municipalities: no rows, and no group of fewer than ten."""
    from bot import learning

    whole = parts.from_environment()
    made = learning.write_statistics(whole.sessions, whole.wording, file, by=by, now=parts.now())
    if json:
        return say_json({name: made[name] for name in ("sends", "period", "left_out")} | {"file": str(file)})
    say(f"{file}: sums of {made['sends']} messages, closed from {made['period']['from']} to {made['period']['until']}.")
    left_out = ", ".join(f"{model} {count}" for model, count in made["left_out"].items() if count)
    return say(f"Left out, since fewer than ten people would be in it: {left_out or 'nothing'}.")


def _tones(policy: "Policy") -> list[dict[str, Any]]:
    from bot.core.beliefs import ONE

    found = []
    for tone, belief in sorted(policy.tones.items()):
        mean, sd = belief.predict({ONE: 1.0})
        found.append({"tone": tone.value, "worth": mean, "sd": sd})
    return found
