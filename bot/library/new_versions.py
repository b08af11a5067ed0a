"""What staff do where a new version changed a file for which they had approved a text of their own."""

from datetime import datetime

from sqlmodel import Session

from bot.errors import RefusedError
from bot.library.files import Files, place
from bot.library.merging import merged
from bot.library.proposing import hold, named, propose, stored
from bot.library.shelf import conflicts, in_force
from bot.store import ledger
from bot.store.tables import TextInForceRow, TextProposalRow


def keep_ours(session: Session, files: Files, path: str, *, by: str, now: datetime) -> None:
    """What was approved still counts, although the file changed; it is no conflict any more until it changes again.

    Raises RefusedError when there is no conflict about this file.
    """
    name = named(by)
    hold(session, now, f"{path} kept by {name}")
    if path not in {conflict.path for conflict in conflicts(session, files)}:
        raise RefusedError("{path} is not in conflict.", path=path)
    row = session.get_one(TextInForceRow, path)
    row.body = stored(session, in_force(session, files).get(path))
    row.shipped = stored(session, files.get(path))
    session.add(row)
    ledger.audit(session, now, name, "texts.keep", path)


def take_file(session: Session, files: Files, path: str, *, by: str, now: datetime) -> TextProposalRow:
    """Propose that the file counts as it stands on disk. Raises RefusedError when it does already."""
    if in_force(session, files).get(path) == files.get(path):
        raise RefusedError("{path} counts as it stands in its file already.", path=path)
    why = f"{place(path)} as this version has it"
    return propose(session, files, {path: files.get(path)}, why=why, by=by, now=now)


def take_both(session: Session, files: Files, path: str, *, by: str, now: datetime) -> TextProposalRow:
    """Propose what a new version changed together with what was approved. Raises RefusedError where they collide."""
    found = next((conflict for conflict in conflicts(session, files) if conflict.path == path), None)
    if found is None:
        raise RefusedError("{path} is not in conflict.", path=path)
    both = None
    if found.was is not None and found.ours is not None and found.file is not None:
        both = merged(found.was, found.ours, found.file)
    if both is None:
        raise RefusedError("Both changed the same lines of {path}. Write the text that is right.", path=path)
    return propose(session, files, {path: both}, why=f"{place(path)}: both changes together", by=by, now=now)
