"""What a question about a card is, and what makes an answer fit to be written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.core import plain
from bot.core.plain import Kind, Severity
from bot.wording import Wording
from bot.wording.sources import PLACEHOLDER


class Shape(StrEnum):
    LINE = "one line"
    TEXT = "several lines; an empty line ends it"
    LIST = "one on each line; an empty line ends it"
    CHOICE = "one of these"
    CHOICES = "one or more of these, with spaces between"
    YES = "yes or no"
    NUMBER = "a number"

    @property
    def several(self) -> bool:
        """Whether an answer may take several lines."""
        return self in {Shape.TEXT, Shape.LIST}


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One thing to settle. `path` is where it stands in the card, `model` and the last part of `path` what fits there.

    `kind` is set for words that citizens read: they are held against the rules of plain wording too. `optional`: an
    empty answer leaves it out.
    """

    path: str
    model: type[BaseModel]
    ask: str
    means: str
    shape: Shape = Shape.LINE
    choices: tuple[str, ...] = ()
    kind: Kind | None = None
    optional: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Several:
    """The same questions once for each of several things. At least `least` of them."""

    path: str
    ask: str
    means: str
    one: str
    questions: tuple[Question, ...]
    least: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    title: str
    items: tuple[Question | Several, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What became of an answer: `value` fits unless there are `faults`; `remarks` are worth a thought and no more."""

    value: Any = None
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(kw_only=True, slots=True)
class Draft:
    """What was answered so far, by path. It may be kept as JSON and taken up later."""

    answers: dict[str, Any] = field(default_factory=dict)

    def open(self, sections: tuple["Section", ...]) -> list[tuple["Section", "Question | Several"]]:
        """What has not been answered yet, in order."""
        return [(part, item) for part in sections for item in part.items if item.path not in self.answers]


def judge(question: Question, text: str, wording: Wording) -> Answer:
    """What the typed answer comes to."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines and question.optional:
        return Answer()
    value: Any = text.strip()
    match question.shape:
        case Shape.LIST:
            value = lines
        case Shape.CHOICES:
            value = text.replace(",", " ").split()
        case Shape.YES:
            known = {"y": True, "yes": True, "j": True, "ja": True, "n": False, "no": False, "nee": False}
            value = known.get(text.strip().casefold(), text.strip())
    if question.path == "theme" and value not in wording.themes:
        return Answer(faults=(f"{value!r} is no theme; use one of {', '.join(wording.themes)}",))
    if question.path == "id" and value in wording.cards:
        return Answer(faults=(f"there is a card {value} already; choose another id",))
    if question.path == "card" and value not in wording.cards:
        return Answer(faults=(f"{value!r} is no card; use one of {', '.join(wording.cards)}",))
    try:
        value = _adapter(question.model, question.name).validate_python(value)
    except ValidationError as error:
        return Answer(faults=tuple(_told(detail, value) for detail in error.errors(include_url=False)))
    faults: list[str] = []
    remarks: list[str] = []
    if question.kind is not None:
        for finding in _findings(str(value), question.kind, wording):
            (faults if finding.severity is Severity.BLOCK else remarks).append(str(finding))
    if question.path == "official_page.url":
        host = value.host or ""
        if not any(host == domain or host.endswith(f".{domain}") for domain in wording.municipality.domains):
            remarks.append(f"{host} is not among the domains of messages/municipality.toml yet; add it there")
    kept = _adapter(question.model, question.name).dump_python(value, mode="json")
    return Answer(value=kept, faults=tuple(faults), remarks=tuple(remarks))


def whole_of(item: Several, record: Mapping[str, Any]) -> list[str]:
    """What is wrong with the answers about one of several things taken together."""
    try:
        item.questions[0].model.model_validate({**record, **({"enabled": False} if item.path == "signals" else {})})
    except ValidationError as error:
        return [_told(detail, detail["input"]) for detail in error.errors(include_url=False)]
    return []


def example(path: str, wording: Wording, *, within: str = "") -> Any:
    """What a shipped card says at `path`, in the first of its `within` if that is given; None: there is none."""
    for card in wording.cards.values():
        value: Any = card.model_dump(mode="json")
        for step in [*filter(None, [within]), *path.split(".")]:
            value = value[0] if isinstance(value, list) and value else value
            value = value.get(step) if isinstance(value, dict) else None
        if value not in (None, [], ""):
            return value
    return None


def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    known = model.model_fields[name]
    parts = (known.annotation, *known.metadata)
    return TypeAdapter(Annotated[parts] if known.metadata else known.annotation)


def _findings(text: str, kind: Kind, wording: Wording) -> list[plain.Finding]:
    filled = PLACEHOLDER.sub("abc", text)
    names = {match[1] for match in PLACEHOLDER.finditer(text)}
    return plain.findings(
        filled,
        language="nl",
        kind=kind,
        book=wording.book,
        placeholders=names,
        domains=wording.municipality.domains,
    )


def _told(detail: Any, value: object) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    at = f" ({detail['input']!r})" if detail["input"] != value else ""
    return f"{str(detail['msg'])[:1].lower()}{str(detail['msg'])[1:]}{at}"
