"""Where a campaign does not fit, as a sentence that can be said in another language too."""

from collections.abc import Mapping
from typing import Self


class Misfit(str):
    """The sentence filled in; `field` is where, by the name in the file, and `sentence` has `{names}` for `values`."""

    __slots__ = ("field", "sentence", "values")
    field: str
    sentence: str
    values: Mapping[str, object]

    def __new__(cls, field: str, sentence: str, **values: object) -> Self:
        made = super().__new__(cls, sentence.format(**values))
        made.field, made.sentence, made.values = field, sentence, values
        return made
