"""The datapackage of an export: the one description of its files, from which all others are made."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.research.export.columns import Table

NAME: Final = "datapackage.json"
RESTRICTED: Final = {
    "name": "other-closed",
    "title": "For the research that was agreed with the municipality. Not to be passed on, and not to be laid beside "
    "other data about people, an earlier export included.",
}
OPEN: Final = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
MISSING: Final = (
    "An empty cell is missing: unknown, or it does not apply. Silence is an outcome, so it is no missing value; what "
    "failed technically is."
)
WHO: Final = (
    "Only people who agreed to research and still do. Who stops takes that back, so stops are not in here and what "
    "people felt looks better than it was; ask the municipality for its count of stops."
)


def resource(table: Table, *, file: str, rows: int, size: int, sha256: str, also: Sequence[str] = ()) -> dict[str, Any]:
    """One CSV file with its schema. `also`: the same table in other formats."""
    return {
        "name": table.name,
        "title": table.title,
        "description": table.says,
        "path": file,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": size,
        "hash": f"sha256:{sha256}",
        "rows": rows,
        "alternatives": list(also),
        "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True, "header": True},
        "schema": table.descriptor(),
    }


def package(
    resources: Sequence[Mapping[str, Any]],
    *,
    tier: str,
    municipality: str,
    made_on: str,
    period: Mapping[str, str | None],
    program: str,
    protection: Mapping[str, Any],
) -> dict[str, Any]:
    """The descriptor. `made_on` is a day, `period` the first and last ISO week or None, `protection` what was done."""
    return {
        "name": f"handreiking-{tier}",
        "title": f"Nudges and answers of {municipality}, tier “{tier}”",
        "description": f"{WHO} {MISSING}",
        "version": made_on,
        "created": f"{made_on}T00:00:00Z",
        "keywords": ["micro-randomised trial", "proactive service", "nudge"],
        "licenses": [OPEN if tier == "public" else RESTRICTED],
        "sources": [{"title": f"The ledger of {municipality}, written out by {program}"}],
        "contributors": [{"title": municipality, "role": "publisher"}],
        "tier": tier,
        "period": dict(period),
        "protection": dict(protection),
        "resources": [dict(one) for one in resources],
    }
