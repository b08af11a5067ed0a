"""Two changes of one text put together."""

from difflib import SequenceMatcher
from functools import lru_cache

_Edit = tuple[int, int, list[str]]


@lru_cache(maxsize=16)  # large catalogues, and the same ones with each look at what is in force
def merged(base: str, ours: str, theirs: str) -> str | None:
    """`base` with what was changed in `ours` and in `theirs`; None where both change the same lines."""
    lines = base.splitlines(keepends=True)
    found: list[_Edit] = []
    for edit in sorted([*_edits(lines, ours), *_edits(lines, theirs)], key=lambda edit: edit[:2]):
        if found and edit == found[-1]:
            continue  # both did the same
        if found and (edit[0] < found[-1][1] or edit[0] == found[-1][0]):
            return None
        found.append(edit)
    for first, last, fresh in reversed(found):
        lines[first:last] = fresh
    return "".join(lines)


def _edits(lines: list[str], text: str) -> list[_Edit]:
    changed = text.splitlines(keepends=True)
    return [
        (first, last, changed[begin:end])
        for kind, first, last, begin, end in SequenceMatcher(None, lines, changed).get_opcodes()
        if kind != "equal"
    ]
