"""A leaflet as HTML that stands by itself, and the same page as an accessible PDF (PDF/UA-1)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from bot import cards
from bot.errors import RefusedError
from bot.wording import Wording
from bot.wording.cards import ServiceCard
from bot.wording.speech import direction

#: Sizes of the text in points, tried in turn until the card fits on one page. Nobody should have to read a smaller one.
SIZES: Final = (12.0, 11.5, 11.0, 10.5, 10.0, 9.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Words in the language that they really are in, which is Dutch for what has no translation."""

    words: str
    language: str

    @property
    def direction(self) -> str:
        return direction(self.language)

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.words.splitlines() if line.strip()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaflet:
    """What stands on the page. `link` leads to the chat; `labels` are headings and fixed sentences by their key."""

    language: str
    example: bool
    name: Text
    plain: Text
    body: Text
    whom: tuple[Text, ...]
    signs: tuple[Text, ...]
    said: tuple[Text, ...]
    contact: dict[str, str]
    page: str
    link: str
    labels: dict[str, Text]

    @property
    def direction(self) -> str:
        return direction(self.language)

    @property
    def qr(self) -> str:
        """The link as a QR code, an SVG image in a data URI. Half of a small tear or stain does no harm."""
        return segno.make(self.link, error="q", micro=False).svg_data_uri(border=4, dark="#0b2b40", light="#fff")


def leaflet(card: ServiceCard, wording: Wording, language: str, *, bot: str) -> Leaflet:
    """The leaflet of `card`; `bot` is the bot's user name, with or without @.

    Raises RefusedError for a language in which people cannot read this card.
    """
    spoken = cards.summary(card, wording, language)["languages"]
    if language not in spoken:
        raise RefusedError(f"{card.id} cannot be read in {language!r}; use one of {', '.join(spoken)}.")

    def say(key: str) -> Text:
        words = wording.say(key, language, {"date": card.reviewed_on})
        return Text(words=words, language=language if wording.speaks(key, language) else "nl")

    def own(part: str, lines: list[str]) -> tuple[Text, ...]:
        """A part of the card that may be in the words of citizens, or else as the policy officer wrote it."""
        key = f"card.{card.id}.{part}"
        return (say(key),) if wording.has(key) else tuple(Text(words=line, language="nl") for line in lines)

    contact = cards.contact(wording, language)
    return Leaflet(
        language=language,
        example=card.example or wording.municipality.example,
        name=say(f"card.{card.id}.name"),
        plain=say(f"card.{card.id}.plain"),
        body=say(f"card.{card.id}.body"),
        whom=own("whom", card.wanted.groups),
        signs=own("signs", card.wanted.situations),
        said=tuple(Text(words=words, language=language) for words in cards.said(card, wording, language)),
        contact=contact,
        page=card.page,
        link=f"https://t.me/{bot.removeprefix('@')}",
        labels={key.removeprefix("leaflet."): say(key) for key in wording.sources if key.startswith("leaflet.")},
    )


def as_html(page: Leaflet, *, size: float = SIZES[2]) -> str:
    """The page as one HTML file without anything from elsewhere. `size` is that of the text, in points."""
    return _template().render(page=page, size=size, label=page.labels)


def as_pdf(page: Leaflet) -> bytes:
    """The page as a PDF of one A4, tagged for screen readers, with the fonts that it uses inside.

    Raises RefusedError when the text is too long for one page, or when Pango is not installed.
    """
    try:
        from weasyprint import HTML  # noqa: PLC0415 - it loads Pango, which only this needs
    except OSError as error:
        raise RefusedError(
            "A PDF needs the Pango library, which is not here. On Debian: apt-get install libpango-1.0-0 "
            "libpangoft2-1.0-0. Or take --format html and print it from a browser."
        ) from error
    for size in SIZES:
        document = HTML(string=as_html(page, size=size)).render()
        if len(document.pages) == 1:
            pdf: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
            return pdf
    raise RefusedError("The text of this card is too long for one page; make its body or its lists shorter.")


@lru_cache(maxsize=1)
def _template() -> Template:
    house = Environment(
        loader=PackageLoader("bot", "leaflets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return house.get_template("leaflet.html")
