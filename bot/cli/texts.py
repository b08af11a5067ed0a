"""The texts in force at the command line: as files, to and fro, and what two people decide about them."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import parts
from bot.cli.parts import By, Json, say, say_json, say_table
from bot.errors import FaultsError, RefusedError

group = typer.Typer(help="Cards and texts: what is in force, and what people want to change.", no_args_is_help=True)

Proposal = Annotated[int, typer.Argument(help="The proposal's number.")]
TextFile = Annotated[
    str, typer.Argument(metavar="FILE", help="As `texts list` calls it: services/aio.toml, locale/ar.po.")
]


@group.command("list")
def texts_list(json: Json = False) -> None:
    """Proposals that wait, and files of a new version that do not count yet."""
    from bot import library
    from bot.store import ledger

    whole = parts.from_environment()
    with ledger.reading(whole.sessions) as session:
        waiting = [
            {
                "proposal": row.id, "why": row.why, "by": row.proposed_by, "at": row.proposed_at.isoformat(),
                "files": paths,
            }
            for row, paths in library.listing(session, state=library.State.PROPOSED)
        ]  # fmt: skip
        odd = [
            {"file": one.path, "since": one.since.isoformat()} for one in library.conflicts(session, whole.shelf.files)
        ]
    if json:
        return say_json({"proposals": waiting, "conflicts": odd})
    say_table(waiting, ["proposal", "by", "why", "files"], nothing="Nothing waits for approval.")
    if odd:
        say("")
        say("These files changed with this version, and an approved text counts instead of them:")
        say_table(odd, ["file", "since"], nothing="")
        say("`handreiking texts keep FILE` lets it stay so; `handreiking texts take FILE` proposes the file's text.")
    return None


@group.command("export")
def texts_export(
    directory: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")], by: By
) -> None:
    """Write messages/ and locale/ as they are in force to a folder."""
    from bot import library
    from bot.store import ledger

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        try:
            changed = library.write(session, whole.shelf.files, directory)
        except OSError as error:
            raise RefusedError(f"{directory} cannot be written: {error.strerror}.") from None
        ledger.audit(session, parts.now(), by, "texts.export", str(directory.name), changed=changed)
    for path in changed:
        say(library.place(path))
    count = len(changed)
    say(f"{count} {'file is' if count == 1 else 'files are'} not as this version shipped them. All are in {directory}.")


@group.command("import")
def texts_import(
    directory: Annotated[Path, typer.Argument(help="A folder with messages/ and locale/ in it.")],
    why: Annotated[str, typer.Option("--why", help="Why they change, for whoever approves it.")],
    by: By,
    reader: Annotated[
        list[str], typer.Option("--reader", help="LANGUAGE=NAME: who read that translation beside the Dutch.")
    ] = [],  # noqa: B006 - Typer reads it and changes nothing
) -> None:
    """Propose what differs between a folder of files and what is in force."""
    from bot import library

    whole = parts.from_environment()
    readers = dict(_reader(one) for one in reader)
    with whole.sessions.begin() as session:
        texts, left_out = library.differences(session, whole.shelf.files, directory)
        if not texts:
            raise RefusedError(f"{directory} says what is in force, so there is nothing to propose.")
        row = library.propose(session, whole.shelf.files, texts, why=why, by=by, now=parts.now(), readers=readers)
        say(f"Proposal {row.id}: {len(texts)} {'file' if len(texts) == 1 else 'files'}.")
    for path in sorted(texts):
        say(library.place(path) + (" is taken away" if texts[path] is None else ""))
    for path in left_out:
        say(f"{path} is left out: a campaign is changed with `handreiking campaign add`.")
    say(f"Next: somebody else does `handreiking texts approve {row.id}`, or approves it at Cards and texts.")


@group.command("approve")
def texts_approve(proposal: Proposal, by: By) -> None:
    """Let a proposal count; never by whoever proposed it."""
    from bot import library

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        judged = library.judge(session, whole.shelf.files, proposal, now=parts.now())
        row = library.approve(session, whole.shelf.files, proposal, by=by, now=parts.now())
    say(f"Proposal {proposal} of {row.proposed_by} counts now, in every process within seconds.")
    for campaign in judged.voids:
        say(f"{campaign} sends nothing until it is approved again: what it says has changed.")


@group.command("return")
def texts_return(
    proposal: Proposal,
    because: Annotated[str, typer.Option("--because", help="Why, so that it can be mended.")],
    by: By,
) -> None:
    """Send a proposal back, with the reason."""
    from bot import library

    with parts.from_environment().sessions.begin() as session:
        row = library.send_back(session, proposal, because, by=by, now=parts.now())
    say(f"Proposal {proposal} goes back to {row.proposed_by}.")


@group.command("keep")
def texts_keep(file: TextFile, by: By) -> None:
    """Let the approved text count on, although a new version changed the file."""
    from bot import library

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        library.keep_ours(session, whole.shelf.files, file, by=by, now=parts.now())
    say(f"{library.place(file)}: the approved text counts.")


@group.command("take")
def texts_take(file: TextFile, by: By) -> None:
    """Propose that a file counts as the new version has it, instead of what was approved."""
    from bot import library

    whole = parts.from_environment()
    with whole.sessions.begin() as session:
        row = library.take_file(session, whole.shelf.files, file, by=by, now=parts.now())
    say(f"Proposal {row.id}. Next: somebody else does `handreiking texts approve {row.id}`.")


def _reader(said: str) -> tuple[str, str]:
    language, is_there, name = said.partition("=")
    if not is_there or not name.strip():
        raise FaultsError([f"--reader is {said!r}; write LANGUAGE=NAME, such as en=J. Smith"])
    return language.strip(), name.strip()
