"""The texts of messages/ and locale/ by path, on disk and in memory, and the wording that they make."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources.abc import Traversable
from io import BytesIO, TextIOWrapper
from typing import IO, Any, Final

from bot.errors import WordingError
from bot.wording import Wording, data, load
from bot.wording.catalogue import DOMAIN

#: The text of every file by its path from messages/; a catalogue is called locale/<language>.po.
Files = Mapping[str, str]

LOCALE: Final = re.compile(r"locale/([a-z]{2,3})\.po")
#: Campaigns live in the database; their files are examples.
CAMPAIGNS: Final = "campaigns/"


def shipped(*, messages: Traversable | None = None, locale: Traversable | None = None) -> Files:
    """What stands on disk; without arguments, what this program came with. Raises WordingError for what is no text."""
    found: dict[str, bytes] = {}
    for path, file in below(data("messages") if messages is None else messages, ""):
        if path.endswith(".toml") and not path.startswith(CAMPAIGNS):
            found[path] = file.read_bytes()
    where = data("locale") if locale is None else locale
    for language in sorted(where.iterdir(), key=lambda entry: entry.name) if where.is_dir() else ():
        catalogue = language.joinpath("LC_MESSAGES", f"{DOMAIN}.po")
        if catalogue.is_file():
            found[f"locale/{language.name}.po"] = catalogue.read_bytes()
    texts, faults = {}, []
    for path, content in found.items():
        try:
            texts[path] = content.decode()
        except UnicodeDecodeError:
            faults.append(f"{place(path)}: is not UTF-8 text; save it again as UTF-8")
    if faults:
        raise WordingError(faults)
    return texts


def wording_of(files: Files) -> Wording:
    """What these texts say together. Raises WordingError with every fault."""
    return _wording_of(tuple(sorted(files.items())))


@lru_cache(maxsize=4)  # what is in force, and what it would become, are asked about again and again
def _wording_of(files: tuple[tuple[str, str], ...]) -> Wording:
    messages, locale = _Folder("messages"), _Folder("locale")
    for path, text in files:
        catalogue = LOCALE.fullmatch(path)
        if catalogue is None:
            messages.put(path.split("/"), text)
        else:
            locale.put([catalogue[1], "LC_MESSAGES", f"{DOMAIN}.po"], text)
    return load(messages=messages, locale=locale)


def place(path: str) -> str:
    """Where a file stands in a checkout: messages/services/aio.toml, locale/ar/LC_MESSAGES/handreiking.po."""
    catalogue = LOCALE.fullmatch(path)
    return f"messages/{path}" if catalogue is None else f"locale/{catalogue[1]}/LC_MESSAGES/{DOMAIN}.po"


def below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    """Every file below `folder` by its path from there with `prefix` before it, sorted."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from below(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


class _Folder(Traversable):
    """A folder in memory."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entries: dict[str, Traversable] = {}

    @property
    def name(self) -> str:
        return self._name

    def put(self, parts: list[str], text: str) -> None:
        first, *rest = parts
        if not rest:
            self._entries[first] = _File(first, text)
            return
        folder = self._entries.setdefault(first, _Folder(first))
        assert isinstance(folder, _Folder)
        folder.put(rest, text)

    def iterdir(self) -> Iterator[Traversable]:
        yield from self._entries.values()

    def is_dir(self) -> bool:
        return True

    def is_file(self) -> bool:
        return False

    def joinpath(self, *descendants: Any) -> Traversable:
        here: Traversable = self
        for name in descendants:
            inside = here._entries.get(str(name)) if isinstance(here, _Folder) else None  # noqa: SLF001 - our own kind
            here = _Nothing(str(name)) if inside is None else inside
        return here

    def __truediv__(self, child: Any) -> Traversable:
        return self.joinpath(child)

    def open(self, mode: Any = "r", *_args: Any, **_kwargs: Any) -> IO[Any]:
        raise IsADirectoryError(self._name, mode)

    def read_bytes(self) -> bytes:
        raise IsADirectoryError(self._name)

    def read_text(self, encoding: str | None = None) -> str:
        raise IsADirectoryError(self._name, encoding)


class _Nothing(_Folder):
    """What a folder has under a name that it does not know."""

    def is_dir(self) -> bool:
        return False


class _File(_Nothing):
    def __init__(self, name: str, text: str) -> None:
        super().__init__(name)
        self._text = text

    def is_file(self) -> bool:
        return True

    def open(self, mode: Any = "r", *_args: Any, **_kwargs: Any) -> IO[Any]:
        content = BytesIO(self._text.encode())
        return content if "b" in mode else TextIOWrapper(content, encoding="utf-8")

    def read_bytes(self) -> bytes:
        return self._text.encode()

    def read_text(self, encoding: str | None = None) -> str:  # noqa: ARG002 - it is a text already
        return self._text
