"""Figures as pictures: an Altair specification made into SVG by Vega, without a browser and without the network.

The words come in from outside, in the reader's language. Each series has a shape and a dash of its own beside its
colour; all colours are tokens of the console that stand out against its paper. The letters are those of a font that
vl-convert brings along, so that labels are measured alike on every machine. The same marks give the same picture, which
is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

import altair as alt
import vl_convert

#: tokens.css: deed, stop, wait, ink, line-strong.
COLOURS: Final = ("#0b5351", "#9b1c1c", "#6b4a00", "#1d2327", "#68747b")
SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross")
DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [4, 4])
INK, LINE, PAPER = "#1d2327", "#c9cfd1", "#ffffff"
FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
_WIDTH: Final = 460
_ROW: Final = 34
_LOCALES: Final[Mapping[str, Literal["nl-NL", "en-GB"]]] = {"nl": "nl-NL", "en": "en-GB"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One thing drawn: a share or a number for a label, or for a week and a series, with bounds where it has some.

    `value` None breaks a line.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    at: date | None = None


@lru_cache(maxsize=256)
def intervals(marks: tuple[Mark, ...], *, axis: str, language: str) -> str:
    """A point with its bounds for each label, in the order given."""
    order = [mark.label for mark in marks]
    y = alt.Y("label:N", sort=order, title=None, axis=_labels())
    x = alt.X("value:Q", title=axis, scale=alt.Scale(zero=True), axis=alt.Axis(format=".0%"))
    base = alt.Chart(_values(marks)).encode(y=y)
    lines = base.mark_rule(strokeWidth=2, color=COLOURS[0]).encode(x=alt.X("low:Q", title=axis), x2="high:Q")
    points = base.mark_point(filled=True, size=110, opacity=1, color=COLOURS[0]).encode(x=x)
    return _drawn((lines + points).properties(width=_WIDTH, height=_ROW * len(marks)), language)


@lru_cache(maxsize=256)
def bars(marks: tuple[Mark, ...], *, axis: str, language: str) -> str:
    """A bar for each label, in the order given, with its number at the end."""
    order = [mark.label for mark in marks]
    base = alt.Chart(_values(marks)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=_labels()),
        x=alt.X("value:Q", title=axis, scale=alt.Scale(zero=True), axis=alt.Axis(format=",.0f", tickMinStep=1)),
    )
    drawn = base.mark_bar(color=COLOURS[0], height=18)
    numbers = base.mark_text(align="left", dx=5, color=INK, fontSize=13).encode(text=alt.Text("value:Q", format=",.0f"))
    return _drawn((drawn + numbers).properties(width=_WIDTH, height=_ROW * len(marks)), language)


@lru_cache(maxsize=256)
def lines(marks: tuple[Mark, ...], series: tuple[str, ...], *, axis: str, language: str, share: bool = True) -> str:
    """A line through time for each of `series`, which are the labels; bounds as a band where there is one line only.

    `share` False: the numbers are counts, not shares of 1.
    """
    names = [name for name in series if any(mark.label == name for mark in marks)]
    legend = None if len(names) == 1 else alt.Legend()
    colour = alt.Color(
        "label:N", title=None, legend=legend, sort=names, scale=alt.Scale(domain=names, range=COLOURS[: len(names)])
    )
    dashes = alt.Scale(domain=names, range=DASHES[: len(names)])
    dash = alt.StrokeDash("label:N", title=None, legend=legend, sort=names, scale=dashes)
    shape = alt.Shape(
        "label:N", title=None, legend=legend, sort=names, scale=alt.Scale(domain=names, range=SHAPES[: len(names)])
    )
    number = alt.Axis(format=".0%" if share else ",.0f")
    # The moments are UTC days; a zone would move them to the evening before.
    time = alt.X("utcyearmonthdate(at):T", title=None, axis=alt.Axis(format="%d %b %Y", labelAngle=-45, tickCount=12))
    base = alt.Chart(_values(marks)).encode(x=time)
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(zero=True), axis=number)
    drawn: Any = base.mark_line(strokeWidth=2, invalid="break-paths-filter-domains").encode(
        y=y, color=colour, strokeDash=dash
    )
    drawn += base.mark_point(filled=True, size=60, opacity=1).encode(y=y, color=colour, shape=shape)
    if len(names) == 1 and any(mark.low is not None for mark in marks):
        band = base.mark_errorbar(color=COLOURS[4]).encode(y=alt.Y("low:Q", title=axis), y2="high:Q")
        drawn = band + drawn
    return _drawn(drawn.properties(width=_WIDTH, height=260), language)


def _values(marks: Sequence[Mark]) -> alt.InlineData:
    return alt.InlineData(
        values=[
            {"label": mark.label, "value": mark.value}
            | ({} if mark.low is None else {"low": mark.low, "high": mark.high})
            | ({} if mark.at is None else {"at": f"{mark.at.isoformat()}T00:00:00Z"})
            for mark in marks
        ]
    )


def _labels() -> alt.Axis:
    return alt.Axis(labelLimit=340, labelPadding=8, ticks=False, domain=False)


def _drawn(chart: Any, language: str) -> str:
    styled = (
        chart.configure(background=PAPER, font=FONT, padding=12)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=LINE, domainColor=COLOURS[4], tickColor=COLOURS[4],
            labelFontSize=13, titleFontSize=13, titleFontWeight="normal",
        )
        .configure_legend(
            orient="bottom", direction="horizontal", labelColor=INK, labelFontSize=13, symbolSize=120,
            symbolStrokeWidth=2, labelLimit=0, columns=2,
        )
        .configure_view(stroke=None)
    )  # fmt: skip
    return _svg(styled.to_json(indent=None), language)


def _svg(specification: str, language: str) -> str:
    locale = _LOCALES.get(language, _LOCALES["nl"])
    svg: str = vl_convert.vegalite_to_svg(
        specification, format_locale=locale, time_format_locale=locale, allowed_base_urls=[]
    )
    return svg
