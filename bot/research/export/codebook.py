"""The datapackage in words: a codebook as Markdown and as a page that needs nothing but itself."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:75rem;margin:0 auto;padding:1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;width:100%;margin:0 0 2rem}caption{text-align:left;padding:.5rem 0}"
    "th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;vertical-align:top}"
    "code{overflow-wrap:anywhere}.wide{overflow-x:auto}a{color:#00529b}a:focus{outline:3px solid #00529b}"
)
R_SNIPPET: Final = """library(MRTAnalysis)
send <- subset(read.csv("mrt_send.csv"), availability == 1)
wcls(data = send, id = "id", outcome = "reward", treatment = "treatment", rand_prob = "rand_prob",
     availability = "availability", moderator_formula = ~ 1, control_formula = ~ f_dose + f_urgency)"""


def markdown(package: Mapping[str, Any]) -> str:
    """The codebook, with a table for each table."""
    return "\n".join(_markdown(package)) + "\n"


def _markdown(package: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Codebook: {package['title']}\n\n{package['description']}\n"
    yield from (f"- {line}" for line in _facts(package))
    if _has_views(package):
        yield f"\nIn R:\n\n```r\n{R_SNIPPET}\n```"
    for one in package["resources"]:
        schema = one["schema"]
        yield f"\n## {one['path']}\n\n{one['title']}. {one['description']} {one['rows']} rows.\n"
        yield from (f"- {line}" for line in _keys(schema))
        yield "\n| column | type | allowed | what stands in it |\n|---|---|---|---|"
        for column in schema["fields"]:
            cells = (column["name"], _type(column), _allowed(column), column["description"])
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(package: Mapping[str, Any]) -> str:
    """The codebook as one HTML page."""
    title = escape(f"Codebook: {package['title']}")
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<header><h1>{title}</h1></header><main><p>{escape(package['description'])}</p><ul>"
    )
    parts = [
        head,
        *(f"<li>{escape(line)}</li>" for line in _facts(package)),
        "</ul>",
        f"<p>In R:</p><pre><code>{escape(R_SNIPPET)}</code></pre>" if _has_views(package) else "",
        '<nav aria-label="Tables"><ul>',
        *(f'<li><a href="#{one["name"]}">{escape(one["title"])}</a></li>' for one in package["resources"]),
        "</ul></nav>",
        *(_section(one) for one in package["resources"]),
        "</main></body></html>\n",
    ]
    return "".join(parts)


def _section(one: Mapping[str, Any]) -> str:
    keys = "".join(f"<li>{escape(line)}</li>" for line in _keys(one["schema"]))
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(column["name"])}</code></th><td>{escape(_type(column))}</td>'
        f"<td>{escape(_allowed(column))}</td><td>{escape(column['description'])}</td></tr>"
        for column in one["schema"]["fields"]
    )
    return (
        f'<section aria-labelledby="{one["name"]}"><h2 id="{one["name"]}">{escape(one["title"])}</h2>'
        f"<p>{escape(one['description'])}</p><ul><li>{one['rows']} rows</li>{keys}</ul>"
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(one["title"])}"><table>'
        f"<caption><code>{escape(one['path'])}</code></caption>"
        '<thead><tr><th scope="col">column</th><th scope="col">type</th><th scope="col">allowed</th>'
        f'<th scope="col">what stands in it</th></tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _facts(package: Mapping[str, Any]) -> Iterator[str]:
    period, protection = package["period"], package["protection"]
    first, last = period["first"] or "from the start", period["last"] or "the end"
    yield f"Made on {package['version']}; weeks: {first} to {last}."
    yield f"Licence: {package['licenses'][0]['title']}"
    for name, value in protection.items():
        shown = "; ".join(map(str, value)) or "nothing" if isinstance(value, list) else value
        yield f"{name[0].upper()}{name[1:].replace('_', ' ')}: {shown}."


def _has_views(package: Mapping[str, Any]) -> bool:
    return any(one["name"] == "mrt_send" for one in package["resources"])


def _keys(schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"One row for each {' and '.join(schema['primaryKey'])}."
    for key in schema.get("foreignKeys", ()):
        reference = key["reference"]
        yield f"{key['fields'][0]} points at {reference['fields'][0]} in {reference['resource'] or 'this table'}."


def _type(column: Mapping[str, Any]) -> str:
    return f"{column['type']}, {column['unit']}" if "unit" in column else str(column["type"])


def _allowed(column: Mapping[str, Any]) -> str:
    bounds = column.get("constraints", {})
    found = []
    if "enum" in bounds:
        found.append(", ".join(map(str, bounds["enum"])))
    if "minimum" in bounds or "maximum" in bounds:
        found.append(f"{bounds.get('minimum', '…')} to {bounds.get('maximum', '…')}")
    if "pattern" in bounds:
        found.append(bounds["pattern"])
    found.append("never empty" if bounds.get("required") else "may be empty")
    return "; ".join(found)
