"""Who checked which translation: `handreiking language`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import parts
from bot.cli.parts import Json, say, say_json, say_table
from bot.errors import RefusedError

language = typer.Typer(help="Translations, and who checked them.", no_args_is_help=True)


@language.command("list")
def language_list(json: Json = False) -> None:
    """Show the languages that people can choose, and which of them `run` may use."""
    from bot.wording.languages import unsigned

    wording = parts.from_environment().wording
    reasons = unsigned(wording)
    rows = [
        {
            "language": code,
            "texts": f"{sum(wording.speaks(key, code) for key in wording.sources)} of {len(wording.sources)}",
            "checked_by": None if (entry := wording.checks.get(code)) is None else entry.checked_by,
            "checked_on": None if entry is None else entry.checked_on,
            "usable": code not in reasons,
        }
        for code in wording.languages
    ]
    if json:
        say_json(rows)
    else:
        say_table(rows, ["language", "texts", "checked_by", "checked_on", "usable"], nothing="There are no languages.")


@language.command("sign")
def language_sign(
    code: Annotated[str, typer.Argument(help="The language: ar, tr, …")],
    by: Annotated[str, typer.Option("--by", help="Who read all of it, beside the Dutch, and found it right.")],
) -> None:
    """Say that somebody checked a translation as it reads now; a later change voids it."""
    from bot import library
    from bot.wording import data
    from bot.wording.languages import signature, with_signature

    whole = parts.from_environment()
    wording = whole.wording
    if code not in wording.languages[1:]:
        raise RefusedError(f"{code} is not a translation that people can choose; those are {wording.languages[1:]}.")
    file = Path(str(data("messages") / "languages.toml"))
    name = " ".join(by.split())
    if len(name) < 3:
        raise RefusedError(f"--by is {by!r}: write the name of whoever checked it.")
    if code not in wording.checks:
        raise RefusedError(f"messages/languages.toml has no table for {code}; add [language.{code}] with its name.")
    seal = partial(with_signature, by=name, on=parts.now().date(), signed=signature(wording, code))
    if (counted := _counted_instead(whole)) is not None:
        texts = {"languages.toml": seal(counted, code)}
        with whole.sessions.begin() as session:
            why = f"{name} read all of {code}"
            library.record(session, whole.shelf.files, texts, why=why, by=name, now=parts.now())
    else:
        signed = seal(file.read_text(encoding="utf-8"), code)
        try:
            file.write_text(signed, encoding="utf-8")
        except OSError as error:
            raise RefusedError(f"{file} cannot be written: {error.strerror}.") from None
    missing = sum(not wording.speaks(key, code) for key in wording.sources)
    say(
        f"{code} is signed by {name}." + (f" {missing} texts are not translated; people read Dutch." if missing else "")
    )


def _counted_instead(whole: parts.Parts) -> str | None:
    """The languages.toml that people approved, when it counts instead of the file."""
    from bot import library
    from bot.store import ledger

    if not whole.has_file() or len(set(whole.shape())) != 1:
        return None
    with ledger.reading(whole.sessions) as session:
        text = library.in_force(session, whole.shelf.files).get("languages.toml")
    return None if text == whole.shelf.files.get("languages.toml") else text
