"""Babel's extractor for messages/**.toml: each sentence with its key as `msgctxt`."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import IO, Any

from bot.wording.sources import sources

_Extracted = tuple[int, str, str | tuple[str, ...], list[str]]


def extract(
    fileobj: IO[bytes],
    keywords: Collection[str],  # noqa: ARG001 - Babel's interface
    comment_tags: Collection[str],  # noqa: ARG001
    options: Mapping[str, Any],  # noqa: ARG001
) -> Iterator[_Extracted]:
    """What there is to translate in one file. Comments for translators are its `note`s."""
    parts = PurePath(fileobj.name).parts
    path = "/".join(parts[parts.index("messages") + 1 :] if "messages" in parts else parts)
    lines = fileobj.read().decode()
    for source in sources(path, tomllib.loads(lines)):
        # Line numbers are not written to the catalogues: they would change with every sentence added above.
        comments = [source.note] if source.note else []
        if source.plural is None:
            yield 1, "pgettext", (source.key, source.text), comments
        else:
            yield 1, "npgettext", (source.key, source.text, source.plural), comments
