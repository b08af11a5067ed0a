"""From answers to the file of a card: messages/services/<id>.toml, with the questions as its headings."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError

from bot.cards.ask import Draft
from bot.cards.questions import QUESTIONS
from bot.core.facts import CardStatus, Origin
from bot.errors import FaultsError
from bot.wording.cards import LONGEST_REVIEW, ServiceCard

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def document(draft: Draft, today: date) -> dict[str, Any]:
    """The card that a whole draft describes: version 1, a draft, that nobody approved. Raises FaultsError."""
    if missing := [item.path for _, item in draft.open(QUESTIONS)]:
        raise FaultsError([f"{path} is not answered yet" for path in missing])
    card: dict[str, Any] = {
        "version": 1,
        "status": CardStatus.DRAFT.value,
        "valid_from": today.isoformat(),
        "reviewed_on": today.isoformat(),
        "review_due": (today + LONGEST_REVIEW - timedelta(days=1)).isoformat(),
        "approved_by": [],
    }
    for path, value in draft.answers.items():
        *tables, name = path.split(".")
        place = card
        for table in tables:
            place = place.setdefault(table, {})
        if value is not None:
            place[name] = value
    for signal in card["signals"]:
        signal["enabled"] = signal["origin"] != Origin.REGISTER
    try:
        ServiceCard.model_validate(card)
    except ValidationError as error:
        raise FaultsError(
            f"{'.'.join(map(str, detail['loc'])) or 'the card'}: {detail['msg']}"
            for detail in error.errors(include_url=False)
        ) from error
    return card


def as_toml(card: Mapping[str, Any]) -> str:
    """The card as TOML for people to go on with. Dates that are strings become dates."""
    titles = {item.path.partition(".")[0]: section.title for section in QUESTIONS for item in section.items}
    named = {name: value for name, value in card.items() if not _is_table(value)}
    lines = [
        f"# Service card: {card['name']}",
        "#",
        "# Written with `handreiking card new`. Nothing is sent about it before it is published: two different people",
        "# approve it (approved_by), somebody signs the weighing (decided_by, decided_on), and somebody reads the",
        "# official page (checked_on). messages/README.md tells the rest.",
        "",
        *(f"{name} = {_value(value, name)}" for name, value in named.items()),
    ]
    said: set[str] = set()
    for name, value in card.items():
        if not _is_table(value):
            continue
        title = titles.get(name, "")
        if title.startswith(("AP24", "The weighing")) and title not in said:
            lines += ["", f"# {title}"]
            said.add(title)
        for table in value if isinstance(value, list) else [value]:
            lines += ["", f"[[{name}]]" if isinstance(value, list) else f"[{name}]"]
            lines += [f"{key} = {_value(inner, key)}" for key, inner in table.items()]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))


def _value(value: Any, name: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return _listed([_value(one, "") for one in value])
        case str() if name in {"valid_from", "reviewed_on", "review_due"} and _DATE.fullmatch(value):
            return value
        case str() if "\n" in value:
            text = "\n".join(_quoted(line)[1:-1] for line in value.strip().splitlines())
            return f'"""\n{text}\n"""'
        case str():
            return _quoted(value)
        case _:
            return str(value)


def _listed(items: list[str]) -> str:
    line = f"[{', '.join(items)}]"
    return line if len(line) <= 100 else "\n".join(["[", *_indented(items), "]"])


def _indented(items: list[str]) -> Iterator[str]:
    yield from (f"    {item}," for item in items)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
