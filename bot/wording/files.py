"""Where messages/ and locale/ are, and what stands in them before anything is made of it."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any

Document = Mapping[str, Any]


def data(name: str) -> Traversable:
    """messages/ or locale/: inside the package when installed, beside it in a checkout."""
    packaged = files("bot") / name
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / name


def documents(messages: Traversable, faults: list[str]) -> Mapping[str, Document]:
    """Every .toml file below `messages` by its path from there, sorted. What cannot be read is added to `faults`."""
    found: dict[str, Document] = {}
    for path, file in _toml_files(messages, ""):
        try:
            found[path] = tomllib.loads(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            faults.append(f"messages/{path}: is not UTF-8 text; save it again as UTF-8")
        except tomllib.TOMLDecodeError as error:
            faults.append(f"messages/{path}: is not TOML: {error}")
    return MappingProxyType(found)


def _toml_files(directory: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _toml_files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".toml"):
            yield f"{prefix}{entry.name}", entry
