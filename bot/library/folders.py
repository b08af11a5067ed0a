"""The texts in force as a folder of files, and a folder of files as a change of the texts."""

from importlib.resources.abc import Traversable
from pathlib import Path

from sqlmodel import Session

from bot.errors import FaultsError, RefusedError
from bot.library.files import CAMPAIGNS, Files, below, place, shipped
from bot.library.shelf import in_force
from bot.wording import data
from bot.wording.catalogue import DOMAIN


def write(session: Session, files: Files, directory: Path) -> list[str]:
    """Write messages/ and locale/ as they are in force; return where they differ from what was shipped.

    What nobody changed is the same byte for byte; so is what is no text of ours, such as examples of campaigns. Raises
    RefusedError for a folder that is not empty.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise RefusedError("{directory} is not an empty folder. Name a new one.", directory=str(directory))
    texts = in_force(session, files)
    for name in ("messages", "locale"):
        for path, file in below(data(name), ""):
            kept = _key(name, path)
            if kept in files or (kept in texts and name == "messages"):
                continue
            _put(directory / name / path, file.read_bytes())
    for path, text in texts.items():
        _put(directory / place(path), text.encode())
    return sorted(path for path in texts.keys() | files.keys() if texts.get(path) != files.get(path))


def differences(session: Session, files: Files, directory: Path) -> tuple[dict[str, str | None], list[str]]:
    """Where a folder of files differs from what is in force, to be proposed; and which files are left out of that.

    Raises FaultsError for a folder that has no messages/, or whose files are no texts.
    """
    messages, locale = directory / "messages", directory / "locale"
    if not messages.is_dir():
        raise FaultsError(
            [f"{directory}: has no folder messages; name the folder that `handreiking texts export` made"]
        )
    given = shipped(messages=messages, locale=locale)
    texts = in_force(session, files)
    changed = {path: given.get(path) for path in given.keys() | texts.keys() if given.get(path) != texts.get(path)}
    ours = {path: file.read_bytes() for path, file in _campaigns(data("messages"))}
    theirs = {path: file.read_bytes() for path, file in _campaigns(messages)}
    left_out = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
    return changed, [place(path) for path in left_out]


def _campaigns(messages: Traversable) -> list[tuple[str, Traversable]]:
    return [(path, file) for path, file in below(messages, "") if path.startswith(CAMPAIGNS)]


def _key(folder: str, path: str) -> str:
    """How `Files` calls a file."""
    parts = path.split("/")
    if folder == "locale" and parts[1:] == ["LC_MESSAGES", f"{DOMAIN}.po"]:
        return f"locale/{parts[0]}.po"
    return path if folder == "messages" else f"locale/{path}"


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
