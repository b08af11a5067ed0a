"""What people type by themselves: whether it is an emergency, and what of it must not be kept."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

MASK = "•••"
#: Nine digits are a citizen service number (BSN), however they are grouped; a telephone number here has ten.
_NINE = re.compile(r"(?<![\d+])(?<!\d[ .-])\d(?:[ .-]?\d){8}(?![ .-]?\d)")
_ACCOUNT = re.compile(r"\b[A-Za-z]{2}[ ]?\d{2}(?:[ .-]?[A-Za-z0-9]){11,30}\b")
_DUTCH_ACCOUNT = re.compile(r"NL\d{2}[A-Z]{4}\d{10}")
#: Letters that no decomposition takes apart.
_ALIKE = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "ى": "ي", "ة": "ه", "ـ": ""})


def emergencies(text: str, words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The kinds of emergency that `text` speaks of, in the order of `words`.

    A word or phrase counts whole, whatever its case and accents; one that ends in `*` may go on. A person who says
    it of somebody else gets the numbers too: that is a smaller mistake than the other one.
    """
    said = _plain(text)
    return tuple(kind for kind, listed in words.items() if _any_of(tuple(listed)).search(said))


def without_numbers(text: str) -> tuple[str, bool]:
    """`text` without what looks like a BSN or a bank account, and whether there was any."""
    spans = [match.span() for match in _NINE.finditer(text)]
    spans += [
        (match.start(), match.start() + length)
        for match in _ACCOUNT.finditer(text)
        if (length := _account_length(match[0])) is not None
    ]
    kept, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            kept += [text[end:start], MASK]
        end = max(end, stop)
    return "".join([*kept, text[end:]]), bool(spans)


def _account_length(text: str) -> int | None:
    """How much of `text` is an account number; None when no beginning of it is. Words can follow without a gap."""
    for stop in range(len(text), 14, -1):
        if text[stop - 1] in " .-":
            continue
        compact = re.sub(r"[ .-]", "", text[:stop]).upper()
        if _DUTCH_ACCOUNT.fullmatch(compact) or (len(compact) >= 15 and _is_account(compact)):
            return stop
    return None


def _is_account(compact: str) -> bool:
    """ISO 13616: the letters as numbers, the first four signs at the end, and 1 left after division by 97."""
    turned = compact[4:] + compact[:4]
    return compact.isascii() and int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_patterns(words)) or r"(?!)")


def _patterns(words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        parts = [re.escape(part) for part in _plain(word.removesuffix("*")).split()]
        yield r"(?<!\w)" + r"\s+".join(parts) + (r"\w*" if word.endswith("*") else "") + r"(?!\w)"


def _plain(text: str) -> str:
    """Lower case without accents, vowel marks, apostrophes and other marks, with single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_ALIKE))
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign) and sign not in "'’ʼ`\u200c\u200d")
    return " ".join(re.sub(r"[^\w\s]", " ", bare).split())
