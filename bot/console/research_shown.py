"""Figures as they are read: headings, sentences, tables and pictures, in the language of whoever looks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from babel import Locale, UnknownLocaleError, dates, numbers
from fastapi import Request

from bot.console import words
from bot.console.desk import Desk
from bot.console.research_pages import Drawn
from bot.console.research_words import AXES, CHANGES, COLUMNS, FINDINGS, PHASES, VALUES
from bot.wording import Wording

if TYPE_CHECKING:
    from bot.research.figures import Change, Figure, Value
    from bot.staff import SignedIn

#: Columns whose numbers are between 0 and 1 and read as percentages.
SHARES: Final = frozenset({
    "share", "low", "high", "stop_share", "welcome_share", "a_share", "b_share", "p_send", "p_neutral", "p_warm",
    "p_practical", "fallback", "eps", "p_min", "p_max", "r0", "belief_neutral", "belief_warm", "belief_practical",
    "before", "after",
})  # fmt: skip
_NUMBERS: Final = frozenset({"belief_send", "slope"})
#: Columns that hold words and days.
_WORDS: Final = frozenset({
    "stage", "reason", "tone", "choice", "pause", "block", "welcome", "quadrant", "dimension", "week", "version", "arm",
    "language", "theme", "promise", "stands",
})  # fmt: skip
_LOCALES: Final[Mapping[str, str]] = {"nl": "nl", "en": "en_GB"}
#: In a sentence, which column's words a value has; the others are those of the figure's label.
_OF_SENTENCE: Final[Mapping[str, str]] = {"axes": "expected", "axes_over_time": "quadrant", "choices": "choice"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One figure, ready to be read. `picture`: there is something to draw; `open`: its table is read first."""

    key: str
    title: str
    finding: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    picture: bool
    open: bool
    hidden: int
    people: int


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Says figures in one language."""

    language: str
    say: Callable[[str], str]
    wording: Wording

    @classmethod
    def for_(cls, desk: Desk, request: Request) -> "Reader":
        """For whoever asks."""
        somebody: SignedIn = request.state.somebody
        language = somebody.language
        return cls(language=language, say=desk.pages.translate(language), wording=desk.journey.wording)

    @property
    def locale(self) -> str:
        return _LOCALES.get(self.language, "nl")

    def shown(self, drawn: Drawn, figure: "Figure") -> Shown:
        return Shown(
            key=drawn.key,
            title=self.say(drawn.title),
            finding=self.finding(drawn, figure),
            note=self.say(drawn.note) if drawn.note else "",
            header=tuple(self.say(COLUMNS[column]) for column in figure.columns),
            rows=tuple(
                tuple(self.value(column, value) for column, value in zip(figure.columns, row, strict=True))
                for row in figure.rows
            ),
            numeric=tuple(column not in _WORDS for column in figure.columns),
            picture=drawn.kind != "table" and bool(self.marks(drawn, figure)),
            open=drawn.kind == "table" and not drawn.folded,
            hidden=figure.hidden,
            people=figure.people,
        )

    def finding(self, drawn: Drawn, figure: "Figure") -> str:
        found = figure.finding
        sentence = self.say(FINDINGS.get(f"{drawn.key}.{found.code}") or FINDINGS[found.code])
        told = _OF_SENTENCE.get(drawn.key, drawn.label)
        in_points = drawn.key == "tones"
        values = {}
        for name, value in found.told.items():
            if name in {"a", "b"}:
                values[name] = self.value(told, value)
            elif in_points and name in {"low", "high"} and isinstance(value, float):
                values[name] = numbers.format_decimal(round(100 * value, 1), locale=self.locale)
            elif name in {"week", "last_week"}:
                values[name] = self.value("week", value)
            else:
                values[name] = self.value(name, value)
        return sentence.format(**values)

    def value(self, column: str, value: "Value") -> str:
        """One value as it is read; what is hidden is a dash."""
        if value is None:
            return "–"
        if isinstance(value, date):
            return dates.format_date(value, "d MMM y", locale=self.locale)
        if column in SHARES and isinstance(value, int | float):
            return numbers.format_percent(
                value, "#,##0.0 %" if self.language == "nl" else "#,##0.0%", locale=self.locale
            )
        if isinstance(value, float) or column in _NUMBERS:
            return numbers.format_decimal(round(float(value), 3), locale=self.locale)
        if isinstance(value, int):
            return numbers.format_decimal(value, locale=self.locale)
        return self.word(column, value)

    def word(self, column: str, code: str) -> str:
        """What a code in this column means."""
        if column == "language":
            return words_of_language(code, self.locale)
        if column == "theme":
            return self.wording.say(f"theme.{code}", self.language) if code in self.wording.themes else code
        known: Mapping[str, str] = VALUES.get(column, {})
        known = {**{"tone": words.TONES, "choice": words.CHOICES, "reason": words.REASONS}.get(column, {}), **known}
        return self.say(known[code]) if code in known else code

    def changed(self, change: "Change") -> str:
        """One thing in which a policy version differs from the one before."""
        first, then = CHANGES[change.part]

        def told(value: float | None) -> str:
            if change.part == "phase" and value is not None:
                return self.say(PHASES[int(value)])
            return self.value(change.part, value)

        sentence = self.say(first if change.before is None else then)
        return sentence.format(before=told(change.before), after=told(change.after))

    def period(self, first: date, last: date) -> str:
        """The weeks from the Monday `first` up to and including that of `last`, as days."""
        begins, ends = (dates.format_date(day, "EEE d MMM y", locale=self.locale)
                        for day in (first, last + timedelta(days=6)))  # fmt: skip
        return f"{begins} – {ends}"

    def marks(self, drawn: Drawn, figure: "Figure") -> list[dict[str, Any]]:
        """What is drawn: a label with its value, its bounds and its week where it has them."""
        found = []
        for record in figure.records():
            for column in drawn.value:
                value = record[column]
                if value is None and drawn.kind != "lines":
                    continue
                label = self.word(drawn.label, str(record[drawn.label])) if drawn.label else self.say(COLUMNS[column])
                if drawn.kind == "intervals":
                    label = f"{label} (n = {self.value('messages', _of(record))})"
                bounds = {name: record.get(name) for name in ("low", "high")}
                found.append({"label": label, "value": value, "at": record.get(drawn.at), **bounds})
        return found if any(mark["value"] is not None for mark in found) else []

    def svg(self, drawn: Drawn, figure: "Figure") -> str:
        """The picture. It takes some tenths of a second the first time."""
        from bot.research.figures import charts  # noqa: PLC0415 - 100 MB, which only a picture needs

        marks = tuple(charts.Mark(**mark) for mark in self.marks(drawn, figure))
        axis = self.say(AXES[drawn.axis])
        if drawn.kind == "lines":
            series = tuple(self.word(drawn.label, code) for code in VALUES.get(drawn.label, {}))
            series = series or tuple(self.say(COLUMNS[column]) for column in drawn.value)
            return charts.lines(marks, series, axis=axis, language=self.language)
        draw = charts.bars if drawn.kind == "bars" else charts.intervals
        return draw(marks, axis=axis, language=self.language)


def _of(record: Mapping[str, "Value"]) -> "Value":
    """Of how many a share is."""
    if "arm" in record:
        return record["people"]
    if "messages" in record:
        return record["messages"]
    yes, no = record["yes"], record["no"]
    return yes + no if isinstance(yes, int) and isinstance(no, int) else None


def words_of_language(code: str, locale: str) -> str:
    try:
        return Locale.parse(code).get_display_name(locale) or code
    except (UnknownLocaleError, ValueError):
        return code
