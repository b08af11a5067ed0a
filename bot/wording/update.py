"""For maintainers, in a checkout: `python -m bot.wording.update` brings locale/ up to date with messages/.

Translations are kept. A sentence that changed keeps its old translation, marked fuzzy: nobody sees it until a person
has read it again and taken the mark away. Running it twice changes nothing.

`python -m bot.wording.update --from FILE.json LANGUAGE` also takes over a translator's work: a JSON object of key and
text, or key and list of plural forms. What does not fit is told, and left out.
"""

import argparse
import io
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from bot.wording.catalogue import DOMAIN, SOURCE_LANGUAGE, locale_of
from bot.wording.sources import placeholders

ROOT = Path(__file__).parents[2]
_WIDTH = 110
#: Babel's Arabic has its last two forms the other way round than CLDR and every .po editor: many before other. Its
#: Turkish has one form where they have two.
_PLURAL_FORMS = {
    "ar": (
        "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : "
        "n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5);"
    ),
    "tr": "nplurals=2; plural=(n != 1);",
}
#: Languages in which a noun after a number stays as it is.
_ONE_FORM = frozenset({"tr"})
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


def catalogue(language: str, root: Path = ROOT) -> Path:
    return root / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def update(root: Path = ROOT) -> None:
    """Bring every catalogue below `root` up to date, and begin those that are not there yet."""
    wanted = template(root)
    for language in languages(root):
        _write(catalogue(language, root), updated_file(catalogue(language, root), language, wanted))


def take_over(texts: Mapping[str, object], language: str, root: Path = ROOT) -> list[str]:
    """Put a translator's `texts` (by key: a text, or its plural forms) into the catalogue of `language`.

    They count as made from the Dutch as it reads now, so their fuzzy marks go. Texts that cannot be taken over are
    left out and told, one fault each. The language need not be listed in municipality.toml yet.
    """
    file = catalogue(language, root)
    catalog = read_po(io.StringIO(updated_file(file, language, template(root))), locale=language, domain=DOMAIN)
    entries: dict[str, Message] = {entry.context: entry for entry in catalog if entry.id and entry.context}
    faults = [f"{key}: is not a text in messages/; mend the key or leave it out" for key in texts if key not in entries]
    for key in texts.keys() & entries.keys():
        forms = _forms(texts[key], entries[key], catalog)
        if odd := list(_misfits(key, forms, entries[key], catalog.num_plurals)):
            faults += odd
        else:
            entries[key].string = forms[0] if isinstance(entries[key].id, str) else forms
            entries[key].flags.discard("fuzzy")
    _write(file, written(catalog))
    return sorted(faults)


def _forms(text: object, entry: Message, catalog: Catalog) -> tuple[str, ...]:
    """What a translator gave, as forms. Where a number leaves a word as it is, one text does for all (Turkish)."""
    given = [text] if isinstance(text, str) else text
    forms = tuple(form for form in given if isinstance(form, str)) if isinstance(given, list) else ()
    if len(forms) == 1 and not isinstance(entry.id, str) and catalog.locale_identifier in _ONE_FORM:
        return forms * catalog.num_plurals
    return forms


def _misfits(key: str, forms: tuple[str, ...], entry: Message, plurals: int) -> Iterator[str]:
    single = isinstance(entry.id, str)
    if not all(form.strip() for form in forms) or len(forms) != (1 if single else plurals):
        yield f"{key}: has {len(forms)} forms; write {'a text' if single else f'a list of {plurals} texts'}"
        return
    wanted = placeholders("".join(_list(entry.id)))
    for form in forms:
        odd = placeholders(form) ^ wanted
        if odd - (frozenset() if single else {"n"}):
            names = ", ".join(f"{{{name}}}" for name in sorted(odd))
            yield f"{key}: {names} stands in only one of the Dutch and the translation; use the same placeholders"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.wording.update", description="Bring locale/ up to date.")
    parser.add_argument(
        "--from", dest="work", nargs=2, metavar=("FILE", "LANGUAGE"), help="take over a translator's JSON file"
    )
    work: list[str] | None = parser.parse_args(arguments).work
    faults: list[str] = []
    if work is not None:
        file, language = work
        locale_of(language)
        faults = take_over(json.loads(Path(file).read_text(encoding="utf-8")), language)
    update()
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
