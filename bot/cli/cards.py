"""Cards at the command line: to read, to write, to print, to offer; and what the calendar brings."""

import json as json_format
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import parts
from bot.cli.parts import Json, Parts, say, say_json, say_table
from bot.errors import FaultsError, RefusedError

if TYPE_CHECKING:
    from bot.cards import Draft, Question, Several
    from bot.wording import Wording
    from bot.wording.cards import ServiceCard

card = typer.Typer(help="Service cards: read, write and print them.", no_args_is_help=True)

Card = Annotated[str, typer.Argument(help="The card's id.")]

STOP, BACK, EXPLAIN = "!", "<", "?"
HELP = f"Type {EXPLAIN} to read the explanation again, {BACK} to go back, {STOP} to go on another time."


class Format(StrEnum):
    HTML = "html"
    PDF = "pdf"


@card.command("list")
def card_list(json: Json = False) -> None:
    """Every card, and whether it is in force."""
    from bot import cards

    whole = parts.from_environment()
    shown = {one.id for one in cards.on_show(whole.wording, whole.today())}
    rows = [
        {
            "id": one.id, "name": one.name, "theme": one.theme, "sensitivity": one.sensitivity, "status": one.status,
            "version": one.version, "example": one.example, "review_due": one.review_due.isoformat(),
            "on_show": one.id in shown,
        }
        for one in sorted(whole.wording.cards.values(), key=lambda one: one.id)
    ]  # fmt: skip
    if json:
        say_json(rows)
    else:
        columns = ["id", "name", "theme", "sensitivity", "status", "version", "review_due"]
        say_table(rows, columns, nothing="There are no cards.")


@card.command("show")
def card_show(card: Card, json: Json = False) -> None:
    """The whole card, with what NORA AP24 asks as its headings."""
    from bot import cards

    wording = parts.from_environment().wording
    one = _found(wording, card)
    if json:
        return say_json(cards.whole(one))
    for number, (title, lines) in enumerate(cards.read_aloud(one, wording)):
        if number:
            say("")
        say(f"{title}\n{'-' * len(title)}")
        for line in lines:
            say(line)
    return None


@card.command("new")
def card_new(
    draft: Annotated[Path, typer.Option("--draft", help="Where answers are kept until the card is whole.")] = Path(
        "card-draft.json"
    ),
    services: Annotated[
        Path | None, typer.Option("--to", help="The folder for the card; else services/ of messages/.")
    ] = None,
) -> None:
    """Write a card: one question of NORA AP24 after the other, explained and checked. Goes on where it was left."""
    from bot import cards
    from bot.wording import data

    whole = parts.from_environment()
    folder = services or Path(str(data("messages") / "services"))
    if not folder.is_dir():
        raise RefusedError(f"{folder} is not a folder. Say with --to where the card goes.")
    begun = _taken_up(draft)
    total = sum(len(section.items) for section in cards.QUESTIONS)
    say(HELP if not begun.answers else f"{len(begun.answers)} of {total} are answered. {HELP}")
    title = ""
    while left := begun.open(cards.QUESTIONS):
        section, item = left[0]
        if section.title != title:
            title = section.title
            say(f"\n{title}\n{'-' * len(title)}")
        say(f"\n{len(begun.answers) + 1} of {total}. {item.ask}")
        try:
            begun.answers[item.path] = _answered(item, whole.wording)
        except _GoBackError:
            if begun.answers:
                begun.answers.popitem()
            title = ""
        except _LeaveError:
            say(f"Kept in {draft}. `handreiking card new --draft {draft}` goes on from here.")
            raise typer.Exit(1) from None
        _keep(begun, draft)
    document = cards.document(begun, whole.today())
    file = folder / f"{document['id']}.toml"
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(cards.as_toml(document))
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}. The answers are kept in {draft}.") from None
    draft.unlink(missing_ok=True)
    say(f"\n{file} is written, as a draft. What is next:")
    say(f"- write the first messages: messages/nudges/{document['id']}.toml")
    say("- run `python -m bot.wording.update` and have it translated, then `handreiking check`")
    say("- have two people approve it, have the weighing signed, read the official page, and set status to published")


@card.command("leaflet")
def card_leaflet(
    card: Card,
    language: Annotated[str, typer.Option("--language", help="The language of the page.")] = "nl",
    format: Annotated[Format | None, typer.Option("--format", help="Else as the file's name says.")] = None,  # noqa: A002
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; CARD-LANGUAGE.pdf if left out.")
    ] = None,
    bot: Annotated[str | None, typer.Option(help="The bot's user name; known once it has run.")] = None,
) -> None:
    """A page to print for people who meet those it is for: plain words, whom to call, and a QR code to the chat."""
    from bot import leaflets

    whole = parts.from_environment()
    one = _found(whole.wording, card)
    if format is None:
        format = Format.HTML if output is not None and output.suffix in {".html", ".htm"} else Format.PDF  # noqa: A001
    page = leaflets.leaflet(one, whole.wording, language, bot=bot or _bot(whole))
    file = output or Path(f"{card}-{language}.{format}")
    content = leaflets.as_html(page).encode() if format is Format.HTML else leaflets.as_pdf(page)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from None
    say(f"{file}: {one.name}, in {language}, with a QR code to {page.link}")
    if language in whole.wording.checks and whole.wording.checks[language].checked_by is None:
        say(f"Nobody has signed for the texts in {language} yet. Have them read before you hand this out.")


def offer(
    card: Card,
    to: Annotated[
        str, typer.Option("--to", help="The code on the person's letter, or your reference; - to read it from stdin.")
    ],
    by: Annotated[str, typer.Option("--by", help='Who offers it, "NAME, TEAM". The person reads it.')],
    agreed: Annotated[bool, typer.Option("--agreed", help="The person agreed to be written to about this.")] = False,
    json: Json = False,
) -> None:
    """Offer a service to a person who agreed, at a professional's own judgement."""
    from bot import offers
    from bot.signals import Refusal

    whole = parts.from_environment()
    if to == "-":  # in the arguments everybody on this machine could read the code
        to = sys.stdin.readline().strip()
    said: dict[str, object] = {"kaart": card, "deelnemer": to, "door": by, "instemming": agreed}
    taken = offers.offer(whole.journey, offers.at_the_desk(whole.wording), said)
    if isinstance(taken, Refusal):
        names = {"kaart": "CARD", "deelnemer": "--to", "door": "--by", "instemming": "--agreed"}
        raise FaultsError(f"{names.get(fault.attribute, fault.attribute)}: {fault.mend}" for fault in taken.faults)
    if json:
        return say_json({"id": taken.id, "fresh": taken.fresh})
    say(f"{taken.id} {'taken in' if taken.fresh else 'was offered today already'}.")
    say("If this person joined, chose the theme and can be written to, a message follows when it suits.")
    return None


def calendar(json: Json = False) -> None:
    """The year to come: which day concerns which card, and in which window people may hear of it."""
    from bot import campaigns

    whole = parts.from_environment()
    waiting = []
    if whole.has_file() and len(set(whole.shape())) == 1:
        with whole.sessions() as session:
            waiting = campaigns.waiting(session, whole.wording)
    days = campaigns.coming(whole.wording, whole.today(), waiting)
    if json:
        return say_json(
            [
                {
                    "day": one.day, "card": one.card, "what": one.what, "type": one.type, "opens": one.opens,
                    "closes": one.closes, "holiday": one.holiday, "campaigns": list(one.campaigns),
                }
                for one in days
            ]
        )  # fmt: skip
    rows = [
        {
            "day": f"{one.day:%a} {one.day}",
            "card": one.card,
            "what": one.what + (f" ({one.holiday})" if one.holiday else ""),
            "from": one.opens,
            "until": one.closes,
            "campaigns": one.campaigns,
        }
        for one in days
    ]
    return say_table(rows, ["day", "card", "what", "from", "until", "campaigns"], nothing="Nothing comes up this year.")


class _LeaveError(Exception):
    """Somebody goes on another time."""


class _GoBackError(Exception):
    """Somebody wants to answer the question before once more."""


def _answered(item: "Question | Several", wording: "Wording") -> Any:
    from bot.cards import Several, example, whole_of

    if not isinstance(item, Several):
        return _asked(item, wording, example(item.path, wording))
    _explain(item.means, None)
    found: list[dict[str, Any]] = []
    while len(found) < item.least or _yes(f"{'Another' if found else 'Is there a'} {item.one}? y or n"):
        say(f"  {item.one} {len(found) + 1}")
        record = {}
        for question in item.questions:
            say(f"  {question.ask}")
            record[question.name] = _asked(question, wording, example(question.name, wording, within=item.path))
        record = {name: value for name, value in record.items() if value is not None}
        if item.path == "signals":
            record.setdefault("data_used", [])
        if faults := whole_of(item, record):
            for fault in faults:
                say(f"  ! {fault}")
            say(f"  Please answer this {item.one} again.")
        else:
            found.append(record)
    return found


def _asked(question: "Question", wording: "Wording", shown: Any) -> Any:
    """The first answer that fits. Raises _LeaveError, _GoBackError."""
    from bot.cards import judge

    choices = list(wording.themes) if question.path == "theme" else list(question.choices)
    how = f"{question.shape}{': ' + ', '.join(choices) if choices else ''}"
    _explain(question.means, shown)
    while True:
        text = _typed(f"[{how}]", several=question.shape.several)
        if text == EXPLAIN:
            _explain(question.means, shown)
            continue
        answer = judge(question, text, wording)
        for fault in answer.faults:
            say(f"  ! {fault}")
        for remark in answer.remarks:
            say(f"  (worth a thought: {remark})")
        if not answer.faults:
            return answer.value


def _explain(means: str, shown: Any) -> None:
    say(f"  {means}")
    match shown:
        case None:
            return
        case list():
            say(f"  For instance: {'; '.join(map(str, shown))}")
        case bool():
            say(f"  For instance: {'yes' if shown else 'no'}")
        case _:
            text = " / ".join(str(shown).strip().splitlines())
            say(f"  For instance: {text}")


def _typed(prompt: str, *, several: bool) -> str:
    """One line, or lines up to an empty one. Raises _LeaveError, _GoBackError."""
    lines: list[str] = []
    say(f"  {prompt}")
    while True:
        try:
            line = input("  > ").strip()
        except (EOFError, KeyboardInterrupt):
            raise _LeaveError from None
        if line == STOP:
            raise _LeaveError
        if line == BACK:
            raise _GoBackError
        if not several or not line or line == EXPLAIN:
            return line if not several or line == EXPLAIN else "\n".join(lines)
        lines.append(line)


def _yes(prompt: str) -> bool:
    while True:
        match _typed(prompt, several=False).casefold():
            case "y" | "yes" | "j" | "ja":
                return True
            case "n" | "no" | "nee":
                return False


def _taken_up(path: Path) -> "Draft":
    from bot.cards import Draft

    if not path.exists():
        return Draft()
    try:
        answers = json_format.loads(parts.text_of(path))
    except ValueError as error:
        raise FaultsError([f"{path} is not a draft of a card: {error}"]) from None
    if not isinstance(answers, dict):
        raise FaultsError([f"{path} is not a draft of a card; name another file with --draft"])
    return Draft(answers=answers)


def _keep(draft: "Draft", path: Path) -> None:
    text = json_format.dumps(draft.answers, ensure_ascii=False, indent=2)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}. Name another file with --draft.") from None


def _found(wording: "Wording", name: str) -> "ServiceCard":
    if name not in wording.cards:
        raise RefusedError(f"There is no card {name}. There are: {', '.join(sorted(wording.cards))}.")
    return wording.cards[name]


def _bot(whole: Parts) -> str:
    """The bot's user name, as it was when it last ran. Raises RefusedError when it never did."""
    from bot import links

    name = None
    if whole.has_file() and len(set(whole.shape())) == 1:
        with whole.sessions() as session:
            name = links.bot_name(session)
    if not name:
        raise RefusedError("The bot's name is not known yet. Run it once, or give --bot NAME.")
    return name
