"""For maintainers, in a checkout: `python -m bot.wording.update` brings locale/ up to date with messages/.

Translations are kept. A sentence that changed keeps its old translation, marked fuzzy: nobody sees it until a person
has read it again and taken the mark away. Running it twice changes nothing.
"""

import io
import tomllib
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from bot.wording.catalogue import DOMAIN, SOURCE_LANGUAGE

ROOT = Path(__file__).parents[2]
_WIDTH = 110
#: Babel's Arabic has its last two forms the other way round than CLDR and every .po editor: many before other.
_PLURAL_FORMS = {
    "ar": (
        "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : "
        "n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5);"
    )
}
_Words = str | list[str] | tuple[str, ...]


def template(root: Path = ROOT) -> Catalog:
    """Everything there is to translate below `root`, by the Babel mappings of its pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    # The extractor is named here as its entry point names it, so that this also runs where nothing is installed.
    ours: dict[str, str] = project["project"]["entry-points"]["babel.extractors"]
    mappings: list[dict[str, str]] = project["tool"]["babel"]["mappings"]
    methods = [(mapping["pattern"], ours.get(mapping["method"], mapping["method"])) for mapping in mappings]
    catalog = Catalog(domain=DOMAIN, charset="utf-8")
    for file, _, message, comments, context in extract_from_dir(root, methods):
        catalog.add(message, None, [(Path(file).as_posix(), 1)], auto_comments=comments, context=context)
    return catalog


def updated(catalog: Catalog, wanted: Catalog) -> Catalog:
    """`catalog` with exactly the sentences of `wanted`, each with its translation if there was one."""
    by_key: dict[str, Message] = {entry.context: entry for entry in catalog if entry.id and entry.context}
    fresh = Catalog(locale=catalog.locale, domain=DOMAIN, charset="utf-8")
    if (forms := _PLURAL_FORMS.get(catalog.locale_identifier or "")) is not None:
        fresh.mime_headers = [("Plural-Forms", forms)]
    for entry in wanted:
        if not entry.id:
            continue
        single = entry.id if isinstance(entry.id, str) else entry.id[0]
        kept = catalog.get(single, context=entry.context)
        if kept is None and entry.context:
            kept = by_key.get(entry.context)
        string: _Words | None = None
        flags: set[str] = set()
        if kept is not None and any(_list(kept.string)):
            string, flags = kept.string, set(kept.flags)
            if kept.id != entry.id:
                flags.add("fuzzy")
            if isinstance(kept.id, str) != isinstance(entry.id, str):
                string = None
        fresh.add(
            entry.id,
            string,
            entry.locations,
            flags=flags - {"python-format", "python-brace-format"} if string else (),
            auto_comments=entry.auto_comments,
            user_comments=kept.user_comments if kept is not None else (),
            context=entry.context,
        )
    return fresh


def _list(words: _Words | None) -> list[str]:
    return [words] if isinstance(words, str) else list(words or ())


def written(catalog: Catalog) -> str:
    """`catalog` as a .po file, without dates, addresses and line numbers: they would change while no word did."""
    body = io.BytesIO()
    write_po(body, catalog, width=_WIDTH, omit_header=True, include_lineno=False)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Project-Id-Version: {DOMAIN}\\n"\n'
        f'"Language: {catalog.locale_identifier}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    return header + body.getvalue().decode().rstrip("\n") + "\n"


def updated_file(file: Path, language: str, wanted: Catalog) -> str:
    """What the catalogue in `file` should look like now. A file that is not there yet starts empty."""
    catalog = Catalog(locale=language, domain=DOMAIN)
    if file.is_file():
        with file.open("rb") as opened:
            catalog = read_po(opened, locale=language, domain=DOMAIN, abort_invalid=True)
    return written(updated(catalog, wanted))


def languages(root: Path = ROOT) -> list[str]:
    """The languages to translate into, as messages/municipality.toml lists them."""
    municipality = tomllib.loads((root / "messages" / "municipality.toml").read_text(encoding="utf-8"))
    return [language for language in municipality["languages"] if language != SOURCE_LANGUAGE]


def update(root: Path = ROOT) -> None:
    """Bring every catalogue below `root` up to date, and begin those that are not there yet."""
    wanted = template(root)
    for language in languages(root):
        file = root / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
        text = updated_file(file, language, wanted)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    update()
