"""What the municipality's own files say, read without the bot: cards, their days, and the free days of the year."""

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MESSAGES = Path(__file__).parents[2] / "messages"
FREE = holidays.country_holidays("NL", years=range(2025, 2031))


@dataclass
class Card:
    id: str
    name: str
    theme: str
    sensitivity: str
    valid_from: date
    ends: date
    silence: timedelta
    windows: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    published: bool = True

    def in_date(self, moment: datetime) -> bool:
        return self.published and self.valid_from <= moment.astimezone(AMSTERDAM).date() <= self.ends


def cards() -> dict[str, Card]:
    found = {}
    for path in sorted((MESSAGES / "services").glob("*.toml")):
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        ends = min(said["review_due"], said.get("valid_until", said["review_due"]))
        found[said["id"]] = Card(
            id=said["id"], name=said["name"], theme=said["theme"], sensitivity=said["sensitivity"],
            valid_from=said["valid_from"], ends=ends,
            silence=timedelta(days=said.get("rhythm", said).get("silence_after_no_days", 365)),
            windows={
                (one["type"], one["origin"]): (one["earliest_day"], one["latest_day"])
                for one in said["signals"]
            },
            published=said["status"] == "published",
        )  # fmt: skip
    return found


def is_civil(moment: datetime, quiet: tuple[time, time] | None = None) -> bool:
    """Between 09:00 and 20:00 in Amsterdam, no Sunday, no public holiday, and not in somebody's own quiet hours."""
    local = moment.astimezone(AMSTERDAM)
    begins, ends = time(9), time(20)
    if quiet is not None:
        begins, ends = max(begins, quiet[1]), min(ends, quiet[0])
    return begins <= local.time() < ends and local.isoweekday() != 7 and local.date() not in FREE
