"""Text as a careful person reads it: what is not seen is left out, and what looks like a letter is that letter.

Without this a rule is passed by a soft hyphen, a Cyrillic "е" or a full-width "ｕ", on purpose or from a copied page.
"""

import re
import unicodedata

#: Signs without a shape of their own that Unicode does not count among format characters.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cf", "Cc", "Co", "Mn", "Me"})
_SAME_SIGN = str.maketrans({**dict.fromkeys("’‘ʼ‛′`", "'"), **dict.fromkeys("‐‑‒−", "-"), "ǃ": "!"})
_SAME_ARABIC = str.maketrans({"ـ": None, "ک": "ك", "ی": "ي"})
_MARKUP = re.compile(r"[*~`|]+|(?<!\w)_+|_+(?!\w)")
_WORD = re.compile(r"\w+")
#: Letters one by one with the same sign between them: "m o e t", "b.o.e.t.e". A "u" before them is a word.
_SPACED = re.compile(r"\b(?![uU] )[^\W\d_](?:([ .·_-])[^\W\d_])(?:\1[^\W\d_]){2,}\b")
_DIGIT_IN_WORD = re.compile(r"(?<=[^\W\d_])[0134579@$]+(?=[^\W\d_])")

# English contractions, with and without the apostrophe: "you've", "dont".
_NOT = re.compile(r"\b(do|does|did|have|has|had|is|are|was|were|could|should|would|must|need)n'?t\b", re.IGNORECASE)
_CONTRACTED = {"ve": " have", "ll": " will", "re": " are", "d": " would", "m": " am"}
_JOINED = re.compile(r"(?:(?<=\w)'(ve|ll|re|d|m)|(?<=\byou)(ve|ll|re))\b", re.IGNORECASE)
_ALONE = {"can't": "can not", "cannot": "can not", "won't": "will not", "gotta": "got to", "gonna": "going to"}
_ALONE_WORD = re.compile(r"\b(?:can't|cannot|won't|gotta|gonna)\b", re.IGNORECASE)

# Each pair is a letter and the Latin one it looks like.
_CYRILLIC = "аa вb гr еe зe иu іi їi јj кk мm нh оo пn рp сc тt уy хx ьb ѕs ԁd ԛq ԝw һh ёe ґr"
_GREEK = "αa βb γy εe ηn ιi κk νv οo ρp σo τt υu χx ωw ϲc"
_CAPITALS = "АA ВB ЕE ЗE КK МM НH ОO РP СC ТT УY ХX ІI ЇI ЈJ ЅS ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX"
_SMALL_CAPITALS = "ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz ɑa ɡg օo ոn"
_TO_LATIN = {pair[0]: pair[1] for pair in f"{_CYRILLIC} {_GREEK} {_CAPITALS} {_SMALL_CAPITALS}".split()}
_TO_CYRILLIC = str.maketrans("aceiopxyABCEHIKMOPTXY", "асеіорхуАВСЕНІКМОРТХУ")
#: Letters that are another letter with a stroke, which Unicode does not take apart.
_STROKES = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "ı": "i", "ß": "ss", "ة": "ه", "ى": "ي"}
)
_AS_LETTERS = str.maketrans("034579@$", "oeastgas")


def seen(text: str) -> str:
    """`text` in Unicode's compatibility form (NFKC) without what is not seen, one kind of space, no doubled spaces.

    Accents that belong to a letter stay; marks that were put on one do not. Line breaks stay line breaks.
    """
    plain = unicodedata.normalize("NFKC", re.sub(r"\r\n?|[\u2028\u2029\v\f\x85]", "\n", text).replace("\t", " "))
    kept = "".join(sign for sign in plain if sign == "\n" or _is_seen(sign))
    return re.sub(r" *\n[ \n]*", "\n", re.sub(r"[^\S\n]+", " ", kept)).strip()


def readings(text: str, language: str) -> tuple[str, ...]:
    """The ways to read what `seen` gave, the plainest first: each once.

    Look-alikes are taken for letters of the language's own script, and English contractions are written out. Then
    accents are left off, letters that stand apart are joined, and digits inside a word are read as letters.
    """
    marked = _MARKUP.sub("", text.translate(_SAME_SIGN).translate(_SAME_ARABIC))
    first = _WORD.sub(lambda word: _in_one_script(word[0], language), marked)
    if language == "en":
        first = _written_out(first)
    second = bare(first)
    joined = _SPACED.sub(lambda run: run[0].replace(run[1], ""), second)
    return tuple(dict.fromkeys((first, second, _spelt_out(joined, "i"), _spelt_out(joined, "l"))))


def _spelt_out(text: str, one: str) -> str:
    return _DIGIT_IN_WORD.sub(lambda run: run[0].replace("1", one).translate(_AS_LETTERS), text)


def bare(text: str) -> str:
    """`text` without accents: "creer" for "creër", and one form of each Arabic letter."""
    apart = unicodedata.normalize("NFKD", text.translate(_STROKES))
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if unicodedata.category(sign) != "Mn"))


def _written_out(text: str) -> str:
    text = _ALONE_WORD.sub(lambda word: _ALONE[word[0].lower()], text)
    text = _NOT.sub(r"\1 not", text)
    return _JOINED.sub(lambda tail: _CONTRACTED[(tail[1] or tail[2]).lower()], text)


def _is_seen(sign: str) -> bool:
    return unicodedata.category(sign) not in _UNSEEN and sign not in _BLANK


def _in_one_script(word: str, language: str) -> str:
    if word.isascii() and language != "uk":
        return word
    match language:
        case "ar":
            return word
        case "uk":
            return word.translate(_TO_CYRILLIC) if any("Ѐ" <= letter <= "ӿ" for letter in word) else word
        case _:
            foreign = [letter for letter in word if letter.isalpha() and not _is_latin(letter)]
            whole = len(foreign) == len(word)
            if not foreign or (whole and not all(letter in _TO_LATIN for letter in word)):
                return word
            return "".join(letter if _is_latin(letter) else _TO_LATIN.get(letter, letter) for letter in word)


def _is_latin(letter: str) -> bool:
    return letter <= "ɏ" or "Ḁ" <= letter <= "ỿ"
