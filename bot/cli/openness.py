"""What the municipality answers for in public: plans of analysis and the algorithm register."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table
from bot.errors import FaultsError, RefusedError

if TYPE_CHECKING:
    from bot.research.plans import Frozen


def plan(
    campaign: Annotated[str, typer.Argument(help="The campaign's id.")],
    by: By,
    choose: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Choose something, such as tone=unwelcome; none leaves it out."
        ),
    ] = None,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Freeze it as it reads now; it never changes again.")
    ] = False,
    version: Annotated[int | None, typer.Option(min=1, help="Show this frozen version instead.")] = None,
    json: Json = False,
) -> None:
    """Show a campaign's plan of analysis as Markdown; with --set choose something, with --freeze freeze it."""
    from bot.research import plans

    whole = parts.from_environment()
    if choose or freeze:
        if version is not None:
            raise RefusedError("A frozen version is only shown. Leave --version out to make the next one.")
        with whole.sessions.begin() as session:
            if choose:
                given = plans.choices_of(session, campaign, whole.wording).model_dump(mode="json") | _chosen(choose)
                plans.save(session, campaign, given, by=by, now=parts.now())
            if freeze:
                made = plans.freeze(session, campaign, whole.wording, by=by, now=parts.now())
                return _say_frozen(made, json=json)
    with whole.sessions() as session:
        if version is not None:
            found = plans.frozen(session, campaign, version)
            if found is None:
                raise RefusedError("{campaign} has no plan of version {version}.", campaign=campaign, version=version)
            return _say_frozen(found, json=json)
        draft = plans.draft(session, campaign, whole.wording)
    if json:
        return say_json(draft)
    return say(plans.as_markdown(draft).rstrip())


def _chosen(choose: list[str]) -> dict[str, str | None]:
    if wrong := [one for one in choose if "=" not in one]:
        raise FaultsError(f"--set {one}: write NAME=VALUE" for one in wrong)
    pairs = (one.split("=", 1) for one in choose)
    return {name.strip(): None if value.strip() in {"", "none"} else value.strip() for name, value in pairs}


def _say_frozen(made: "Frozen", *, json: bool) -> None:
    from bot.research import plans

    if json:
        return say_json({"version": made.version, "hash": made.hash, "by": made.by, "at": made.at, "plan": made.record})
    at = f"{made.at:%Y-%m-%d %H:%M} UTC"
    return say(plans.as_markdown(made.record, digest=made.hash, by=made.by, at=at).rstrip())


def register(
    by: By,
    publish: Annotated[bool, typer.Option("--publish", help="Keep the entry as the one that describes this.")] = False,
    json: Json = False,
) -> None:
    """Show the entry of the algorithm register that describes what runs, and what differs from the published one."""
    from bot import register as algorithms

    whole = parts.from_environment()
    if publish:
        with whole.sessions.begin() as session:
            made = algorithms.publish(session, whole.wording, by=by, now=parts.now())
        say(f"Entry {made.number} is published, SHA-256 {made.hash}.")
        return None
    said = algorithms.entry(whole.wording)
    with whole.sessions() as session:
        standing = algorithms.standing(session, whole.wording)
        newest = algorithms.newest(session)
    faults = algorithms.faults(said, whole.wording)
    if json:
        # As the national register takes it.
        return say_json(said)
    lines = [] if newest is None else algorithms.difference(newest.entry, said)
    for name, text in said.items():
        say(f"{name}: {text}")
    say("")
    for fault in faults:
        say(f"To mend: {fault}.")
    match standing:
        case algorithms.Standing.NONE:
            say("Nothing is published yet, so what was learned is not used. `handreiking register --publish` does it.")
        case algorithms.Standing.OTHER:
            say("The published entry is about another algorithm, so what was learned is not used.")
        case algorithms.Standing.REWORDED:
            say("The published entry is about this algorithm, in other words or with other numbers.")
        case algorithms.Standing.SAME:
            say("This is what is published.")
    rows = [{"field": line.field, "published": line.published, "now": line.now} for line in lines]
    if rows:
        say_table(rows, ["field", "published", "now"], nothing="")
    return None
