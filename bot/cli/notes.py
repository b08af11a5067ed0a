"""“You said, we did” at the command line: drafted by one, agreed to by two."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table
from bot.errors import FaultsError

if TYPE_CHECKING:
    from bot.notes import Note

group = typer.Typer(help="A month's note to people of what was done with their answers.", no_args_is_help=True)
Month = Annotated[str, typer.Argument(help="Such as 2026-11.")]
Because = Annotated[str, typer.Option("--because", help="Why, for colleagues.")]


@group.command("list")
def note_list(json: Json = False) -> None:
    """Every note, who agreed to it and how far it is sent."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions() as session:
        found = [
            {
                "month": note.month,
                "written_by": list(note.written_by),
                "offered_by": note.offered_by,
                "agreed_by": note.agreed_by,
                "sent": notes.reach(session, note.month).sent,
                "why_not": note.why_not,
            }
            for note in notes.listing(session, whole.wording)
        ]
    if json:
        return say_json(found)
    columns = ["month", "written_by", "offered_by", "agreed_by", "sent", "why_not"]
    return say_table(found, columns, nothing="There are no notes.")


@group.command("draft")
def note_draft(month: Month, by: By) -> None:
    """Draft a month's note from the data, or anew; only what at least ten people said is told."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        _show(notes.begin(session, whole.wording, month, by=by, now=parts.now()))


@group.command("show")
def note_show(month: Month, json: Json = False) -> None:
    """Show a note in every language, with the hash of what is told."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions() as session:
        note = notes.known(session, whole.wording, month)
        returned = None if note.offered_by else notes.returned(session, month)
    if json:
        return say_json({"month": note.month, "hash": note.hash, "texts": note.texts, "agreed_by": note.agreed_by})
    if returned is not None:
        say(f"{returned.by} sent it back: {returned.because}\n")
    return _show(note)


@group.command("edit")
def note_edit(
    month: Month,
    by: By,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", help="A line to tell, such as too_often; all of them if left out.")
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="LANGUAGE=TEXT", help="What to add, in one language.")
    ] = None,
) -> None:
    """Choose which lines are told, and add words of your own; it has to be offered again."""
    from bot import notes

    if wrong := [one for one in add or () if "=" not in one]:
        raise FaultsError(f"--add {one}: write LANGUAGE=TEXT" for one in wrong)
    additions = {language: text for language, text in (one.split("=", 1) for one in add or ())}  # noqa: C416 - lists
    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        keys = keep or [line.key for line in notes.known(session, whole.wording, month).lines]
        note = notes.save(session, whole.wording, month, keys=keys, additions=additions, by=by, now=parts.now())
        _show(note)


@group.command("offer")
def note_offer(month: Month, by: By) -> None:
    """Agree to a note as its author, and ask for a second person."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        note = notes.offer(session, whole.wording, month, by=by, now=parts.now())
    say(f"Offered. Somebody else agrees with: handreiking note agree {month} --seen {note.hash[:12]}")


@group.command("agree")
def note_agree(
    month: Month, by: By, seen: Annotated[str, typer.Option("--seen", help="The hash, or its first twelve digits.")]
) -> None:
    """Agree as the second person; from then on it is sent to who asked for it."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        note = notes.known(session, whole.wording, month)
        looked = note.hash if len(seen) >= 12 and note.hash.startswith(seen) else seen
        notes.agree(session, whole.wording, month, by=by, seen=looked, now=parts.now())
    say("Agreed. It leaves in the next civil hours.")


@group.command("return")
def note_return(month: Month, because: Because, by: By) -> None:
    """Send an offered note back to who wrote it."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        notes.reopen(session, whole.wording, month, because, by=by, now=parts.now())
    say("It is back with who wrote it.")


@group.command("take-back")
def note_take_back(month: Month, because: Because, by: By) -> None:
    """Stop sending a note that was agreed to."""
    from bot import notes

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        notes.take_back(session, whole.wording, month, because, by=by, now=parts.now())
    say("Taken back. What left already cannot be recalled.")


def _show(note: "Note") -> None:
    for language, text in note.texts.items():
        say(f"[{language}]\n{text}\n")
    lines = ", ".join(f"{line.key}{'' if line.told else ' (left out)'}" for line in note.lines)
    say(f"Lines: {lines}.")
    say(f"SHA-256 of what is told: {note.hash}")
