"""Why something was not told: a sentence about the other side ("it"), that can be said in another language too."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Why:
    """`sentence` has `{names}` where `values` go. Neither holds an address, a secret or anything of anybody."""

    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.sentence.format(**self.values)

    def as_record(self) -> dict[str, Any]:
        return {"sentence": self.sentence, "values": dict(self.values)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Why":
        return cls(record["sentence"], record["values"])


class TellingError(Exception):
    """It was not told, as far as we know."""

    def __init__(self, sentence: str, **values: Any) -> None:
        self.why = Why(sentence, values)
        super().__init__(str(self.why))


class LaterError(TellingError):
    """It may be told later; `wait` if it is known when. `everything`: the others for this target would fare the same.

    Whether it arrived is not known.
    """

    def __init__(
        self, sentence: str, *, wait: timedelta | None = None, everything: bool = False, **values: Any
    ) -> None:
        super().__init__(sentence, **values)
        self.wait, self.everything = wait, everything


class NeverError(TellingError):
    """It was refused, and would be again. `wrong`: the names of what was wrong with it, as far as they were told."""

    def __init__(self, sentence: str, *, wrong: Collection[str] = (), **values: Any) -> None:
        super().__init__(sentence, **values)
        self.wrong = frozenset(wrong)
