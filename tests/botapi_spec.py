"""The published Bot API as a measuring rod: every call, answer and update of a test can be held against it.

The specification lies outside the repository; where it is missing, `Spec.load` gives None and tests go without it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_FILE = Path(__file__).parents[2] / "shared" / "data" / "telegram-bot-api-spec.json"
_PLAIN: Mapping[str, type | tuple[type, ...]] = {"String": str, "Integer": int, "Float": (int, float), "Boolean": bool}
_RANGE = re.compile(r"(?:between )?\b(\d+)\s?-\s?(\d+) (characters|bytes|are accepted)")
_UP_TO = re.compile(r"\b[Uu]p to (\d+) (characters|bytes)")
_ALWAYS = re.compile(r"(?:always|must be) [“\"]?(\w+)[”\"]?\.?$")


class Spec:
    """Finds what a call, an answer or an update has too much, too little or of the wrong kind."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        self._methods = {name.lower(): method for name, method in published["methods"].items()}
        self._types = published["types"]

    @classmethod
    def load(cls) -> Spec | None:
        """The specification beside the repository, None where there is none."""
        return _load() if _FILE.is_file() else None

    def check_call(self, method: str, params: Mapping[str, object]) -> list[str]:
        """The violations of a call; `params` hold JSON values, not form texts."""
        known = self._methods.get(method.lower())
        if known is None:
            return [f"{method}: no such method"]
        limited = "parse_mode" not in params
        return list(self._fields(known["name"], known.get("fields", []), params, limited=limited))

    def check_result(self, method: str, result: object) -> list[str]:
        """The violations of a successful answer."""
        known = self._methods.get(method.lower())
        if known is None:
            return [f"{method}: no such method"]
        return self._best(f"{known['name']} ->", known["returns"], result)

    def check_update(self, update: object) -> list[str]:
        """The violations of one update, which holds exactly one thing."""
        found = self._best("Update", ["Update"], update)
        if isinstance(update, dict) and len(update) != 2:
            found.append(f"Update: holds {sorted(update)} instead of update_id and one other")
        return found

    def _fields(
        self, where: str, fields: list[Mapping[str, Any]], values: Mapping[str, object], *, limited: bool
    ) -> Iterator[str]:
        known = {field["name"]: field for field in fields}
        for name in values.keys() - known.keys():
            yield f"{where}.{name}: no such field"
        for name, field in known.items():
            if name not in values:
                if field["required"]:
                    yield f"{where}.{name}: required, but missing"
                continue
            yield from self._best(f"{where}.{name}", field["types"], values[name])
            if limited:
                yield from _limits(f"{where}.{name}", field["description"], values[name])
            always = _ALWAYS.search(field["description"])
            if always and isinstance(values[name], str) and values[name] != always[1]:
                yield f"{where}.{name}: always {always[1]!r}, not {values[name]!r}"

    def _best(self, where: str, types: list[str], value: object) -> list[str]:
        """No violation when one of the types fits, else those of the type that fits best."""
        return min((list(self._typed(where, one, value)) for one in types), key=len)

    def _typed(self, where: str, kind: str, value: object) -> Iterator[str]:
        if kind.startswith("Array of "):
            if not isinstance(value, list):
                yield f"{where}: {kind} expected, not {value!r}"
                return
            for place, item in enumerate(value):
                yield from self._best(f"{where}[{place}]", [kind.removeprefix("Array of ")], item)
        elif kind in _PLAIN:
            truth = isinstance(value, bool)
            if not isinstance(value, _PLAIN[kind]) or truth != (kind == "Boolean"):
                yield f"{where}: {kind} expected, not {value!r}"
        elif kind == "InputFile":
            if not isinstance(value, str):
                yield f"{where}: an upload or its name expected, not {value!r}"
        elif subtypes := self._types[kind].get("subtypes"):
            yield from self._best(where, subtypes, value)
        elif not isinstance(value, dict):
            yield f"{where}: {kind} expected, not {value!r}"
        else:
            yield from self._fields(where, self._types[kind].get("fields", []), value, limited=True)


def watching(spec: Spec | None, violations: list[str]) -> Callable[[str, Mapping[str, object], object], None]:
    """An observer for the sandbox that adds to `violations`; it sees nothing without a specification.

    Refused calls are left out: a test that sends nonsense to see it refused does no harm.
    """

    def watch(method: str, params: Mapping[str, object], answer: object) -> None:
        if spec is None or not isinstance(answer, dict) or not answer["ok"]:
            return
        violations.extend(spec.check_call(method, params))
        violations.extend(spec.check_result(method, answer["result"]))
        if method == "getUpdates":
            for update in answer["result"]:
                violations.extend(spec.check_update(update))

    return watch


@cache
def _load() -> Spec:
    return Spec(json.loads(_FILE.read_text(encoding="utf-8")))


def _limits(where: str, description: str, value: object) -> Iterator[str]:
    between = _RANGE.search(description)
    up_to = _UP_TO.search(description)
    if between:
        low, high, unit = int(between[1]), int(between[2]), between[3]
    elif up_to:
        low, high, unit = 0, int(up_to[1]), up_to[2]
    else:
        return
    if isinstance(value, str) and unit != "are accepted":
        size = len(value.encode()) if unit == "bytes" else len(value)
    elif isinstance(value, int) and unit == "are accepted":
        size = value
    else:
        return
    if not low <= size <= high:
        yield f"{where}: {low}-{high} {unit}, not {size}"
