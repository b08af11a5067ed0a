"""The tables of an export as polars frames: all at once for who calculates with them, part by part for files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import polars as pl
from sqlmodel import Session

from bot.core import disclosure
from bot.research.export import fields, tables
from bot.research.export.columns import Table
from bot.research.export.rows import Reader
from bot.research.export.study import MOST_ROWS, Numbers, Period, Scope, scope
from bot.wording import Wording

TYPES: Final[Mapping[str, pl.DataType]] = {"string": pl.String(), "integer": pl.Int64(), "number": pl.Float64()}


def schema_of(table: Table) -> dict[str, pl.DataType]:
    """The polars types of a table's columns."""
    return {field.name: TYPES[field.type] for field in table.fields}


def frame(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a frame with the table's columns and types; what a row lacks is missing."""
    types = schema_of(table)
    columns = {name: [row.get(name) for row in rows] for name in types}
    return pl.DataFrame(columns, schema=types, strict=True)


@dataclass(frozen=True)
class Study:
    """Everything that goes into an export, read within one transaction. `reader` reads what grows."""

    reader: Reader
    scope: Scope

    @classmethod
    def of(
        cls,
        session: Session,
        key: bytes,
        now: datetime,
        *,
        wording: Wording,
        since: datetime | None = None,
        until: datetime | None = None,
        k: int = disclosure.K,
    ) -> "Study":
        numbers = Numbers(key)
        return cls(
            reader=Reader(
                session=session,
                numbers=numbers,
                wording=wording,
                now=now,
                period=Period.of(since, until),
                phases=tables.phases(session),
                deployments=tables.deployments(session),
                most=MOST_ROWS,
            ),
            scope=scope(session, numbers, now, k=k),
        )

    def parts(self) -> Iterator[dict[str, pl.DataFrame]]:
        """The long tables and `citizens`, some people at a time; a feature that only some have is a column there."""
        for rows in self.reader.parts(self.scope.people):
            known = {table.name: fields.with_context(table, rows.features) for table in fields.LONG}
            found = {name: frame(table, rows.tables[name]) for name, table in known.items()}
            yield found | {"citizens": frame(fields.CITIZENS, rows.citizens)}

    @cached_property
    def short(self) -> dict[str, pl.DataFrame]:
        """The tables that do not grow with the number of people."""
        found = tables.short(self.reader, self.reader.numbers)
        return {table.name: frame(table, found[table.name]) for table in fields.TABLES if table.name in found}


def frames(
    session: Session,
    key: bytes,
    now: datetime,
    *,
    wording: Wording,
    since: datetime | None = None,
    until: datetime | None = None,
    k: int = disclosure.K,
) -> dict[str, pl.DataFrame]:
    """The tables of the researcher's tier by their names, as `fields` describes them, all of it in memory.

    Only people whose consent to research holds at `now`; nothing about S3. `since` and `until` are widened to whole
    ISO weeks. Numbers of people and decisions are made with `key`. Each combination of what others may know of a person
    is shared by `k` or more; raises RefusedError when fewer than `k` people agreed.
    """
    study = Study.of(session, key, now, wording=wording, since=since, until=until, k=k)
    parts = list(study.parts())
    known = described(features_of(*(part["decisions"] for part in parts)))
    grown = {table.name: [part[table.name] for part in parts] for table in known if table.name not in study.short}
    return {
        table.name: study.short[table.name]
        if table.name in study.short
        else pl.concat([frame(table, []), *grown[table.name]], how="diagonal").select(list(schema_of(table)))
        for table in known
    }


def features_of(*decisions: pl.DataFrame) -> set[str]:
    """The numeric features of the frozen context that have a column in any of these."""
    named = {name.removeprefix("f_") for one in decisions for name in one.columns if name.startswith("f_")}
    return named - {"language", "theme", "prefers"}


def described(features: set[str]) -> tuple[Table, ...]:
    """All tables, with columns for `features` of the context that this version does not know."""
    return tuple(fields.with_context(table, features) for table in fields.TABLES)
