"""What a table and a column of an export are, and the kinds of columns that there are.

Types are those of Frictionless Table Schema. 1 and 0 stand for yes and no, since every statistical package reads them
as numbers. A probability that was drawn with is strictly between 0 and 1, and empty where nothing was drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

#: No probability of ours comes this close to 0 or 1: the floors of core.policy forbid it.
LEAST: Final = 0.0001
WEEK: Final = r"[0-9]{4}-W[0-9]{2}"
PSEUDONYM: Final = r"[0-9a-f]{16}"
HASH: Final = r"[0-9a-f]{64}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One column. `least` and `most` are inclusive; `unit` is told in the codebook."""

    name: str
    type: str  # string | integer | number
    says: str
    unit: str | None = None
    required: bool = False
    unique: bool = False
    among: Sequence[str | int] = ()
    least: float | None = None
    most: float | None = None
    pattern: str | None = None

    def descriptor(self) -> dict[str, Any]:
        bounds = {
            "required": self.required or None,
            "unique": self.unique or None,
            "enum": list(self.among) or None,
            "minimum": self.least,
            "maximum": self.most,
            "pattern": self.pattern,
        }
        constraints = {name: value for name, value in bounds.items() if value is not None}
        found: dict[str, Any] = {"name": self.name, "type": self.type, "description": self.says}
        if self.unit is not None:
            found["unit"] = self.unit
        return found | ({"constraints": constraints} if constraints else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """`refers` maps columns to the table and column that they point at; an empty table name: this one."""

    name: str
    title: str
    says: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    refers: tuple[tuple[str, str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def descriptor(self) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "fields": [field.descriptor() for field in self.fields],
            "missingValues": [""],
            "primaryKey": list(self.key),
        }
        if self.refers:
            schema["foreignKeys"] = [
                {"fields": [column], "reference": {"resource": table, "fields": [other]}}
                for column, table, other in self.refers
            ]
        return schema


def text(name: str, says: str, **rest: Any) -> Field:
    return Field(name=name, type="string", says=says, **rest)


def whole(name: str, says: str, **rest: Any) -> Field:
    return Field(name=name, type="integer", says=says, **rest)


def real(name: str, says: str, **rest: Any) -> Field:
    return Field(name=name, type="number", says=says, **rest)


def yes(name: str, says: str, **rest: Any) -> Field:
    return whole(name, says, among=(0, 1), **rest)


def chance(name: str, says: str) -> Field:
    return real(name, says, unit="probability", least=LEAST, most=1 - LEAST)


def week(name: str, says: str, **rest: Any) -> Field:
    return text(name, says, pattern=WEEK, **rest)
