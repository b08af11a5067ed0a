"""For maintainers, in a checkout: `python -m bot.console.catalogue` brings the console's Dutch up to date.

The sentences are English, in the templates and in the code, refusals included. `--from FILE.json` also takes over
translations: a JSON object of sentence and text, or sentence and list of plural forms. It ends with exit code 1 and a
list while anything is not translated. Running it twice changes nothing.
"""

import argparse
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from bot.console.pages import DOMAIN
from bot.wording.update import written

ROOT: Final = Path(__file__).parents[2]
LANGUAGE: Final = "nl"
_METHODS: Final = [("console/templates/**.html", "jinja2"), ("**.py", "python")]
#: Whose refusals staff can meet in the console; what operators meet at a terminal stays English.
_ROOMS: Final = (
    "console/", "staff/", "campaigns/", "contacts/", "klant/", "library/", "links.py", "mydata.py", "rehearsal.py",
    "guarding/", "notes/", "register/", "research/export/", "research/plans/", "signals/keys.py", "upkeep.py",
    "preview.py", "wording/own.py",
)  # fmt: skip
_REFUSALS: Final = dict.fromkeys(["RefusedError", "TakenError", "ClosedError"])
_REASONS: Final = dict.fromkeys(["Why", "LaterError", "NeverError"])
_OTHERS: Final = {"Misfit": (2,), "Fault": None, "_no_day": (3,)}
_KEYWORDS: Final = {**DEFAULT_KEYWORDS, "N_": None, **_REFUSALS, **_REASONS, **_OTHERS}


def file(root: Path = ROOT) -> Path:
    return root / "locale" / LANGUAGE / "LC_MESSAGES" / f"{DOMAIN}.po"


def updated(texts: Mapping[str, str | list[str]], root: Path = ROOT) -> Catalog:
    """The catalogue with exactly the sentences that the console says, translated as before or as `texts` says."""
    known = Catalog(locale=LANGUAGE, domain=DOMAIN)
    if file(root).is_file():
        known = read_po(io.BytesIO(file(root).read_bytes()), locale=LANGUAGE, domain=DOMAIN)
    catalog = Catalog(locale=LANGUAGE, domain=DOMAIN, charset="utf-8")
    options = {"**.html": {"newstyle_gettext": "true", "trimmed": "true"}}
    found = extract_from_dir(root / "bot", _METHODS, options, keywords=_KEYWORDS, comment_tags=("Translators:",))
    for where, _, message, comments, _ in sorted(found, key=lambda one: one[0]):
        if not where.startswith(_ROOMS):
            continue
        catalog.add(message, None, [(f"bot/{where}", 1)], auto_comments=comments)
    for entry in catalog:
        if not entry.id:
            continue
        single = entry.id if isinstance(entry.id, str) else entry.id[0]
        kept = known.get(single)
        entry.string = texts.get(single) or (kept.string if kept is not None else "")
        if isinstance(entry.string, list):
            entry.string = tuple(entry.string)
    return catalog


def untranslated(catalog: Catalog) -> list[str]:
    return [
        entry.id if isinstance(entry.id, str) else entry.id[0]
        for entry in catalog
        if entry.id and not all([entry.string] if isinstance(entry.string, str) else entry.string or [""])
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.console.catalogue", description="The console's Dutch.")
    parser.add_argument("--from", dest="work", metavar="FILE", help="take over translations from a JSON file")
    work: str | None = parser.parse_args(arguments).work
    texts = {} if work is None else json.loads(Path(work).read_text(encoding="utf-8"))
    catalog = updated(texts)
    file().parent.mkdir(parents=True, exist_ok=True)
    file().write_text(written(catalog), encoding="utf-8")
    for sentence in (missing := untranslated(catalog)):
        print(json.dumps(sentence, ensure_ascii=False), file=sys.stderr)  # noqa: T201
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
