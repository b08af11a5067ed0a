"""What an operator needs beside the program, and where it is carried."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

NAMES: Final = (
    "README.md",
    "handreiking.service",
    "handreiking@.service",
    "handreiking-command",
    "Containerfile",
    "alerts.yml",
)


def write(directory: Path) -> Iterator[Path]:
    """Put each of them into `directory`, which is made if it has to be. Raises FileExistsError."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = directory / name
        with path.open("x", encoding="utf-8") as file:
            file.write((files("bot.operating") / name).read_text(encoding="utf-8"))
        yield path
