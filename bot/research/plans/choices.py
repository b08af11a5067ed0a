"""What people choose in a plan of analysis; everything else in it follows from the campaign and the configuration."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from bot.errors import FaultsError

#: What is asked of each thing that can be drawn; whoever plans may say it in other words.
_OF_SENDING: Final = "does writing now, against holding for a week, change what people do in the fourteen days after it"
_OF_TONES: Final = "which of the approved tones is felt as welcome more often"

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=2000)]


class Outcome(StrEnum):
    """A proximal outcome within the window after a decision, as the export's views have it.

    WELCOME_ANY: something that was sent to the person was felt welcome. It can happen whether this decision wrote or
    held, so a ratio of the two exists; of the decision's own message it would be nought by construction when held.
    WELCOME and UNWELCOME are about the message itself: felt welcome, or called not welcome or too often.
    """

    WELCOME_ANY = "welcome_any"
    WELCOME = "welcome"
    UNWELCOME = "unwelcome"


OF_SENDING: Final = (Outcome.WELCOME_ANY,)
OF_TONES: Final = (Outcome.WELCOME, Outcome.UNWELCOME)
#: The column of `mrt_send` or `mrt_tone` that holds it.
COLUMNS: Final = {Outcome.WELCOME_ANY: "outcome_any", Outcome.WELCOME: "outcome", Outcome.UNWELCOME: "unwelcome"}


def question(*, send: bool, tone: bool) -> str:
    """The question that is proposed, about what is drawn."""
    asked = "; and ".join(words for words, drawn in ((_OF_SENDING, send), (_OF_TONES, tone)) if drawn)
    return f"{asked[:1].upper()}{asked[1:]}?"


class Choices(BaseModel):
    """`send` and `tone`: the primary outcome of each comparison; None: that comparison is not primary.

    `alpha` is the two-sided error rate of each family of primary estimands. The assumptions behind the sample size are
    probabilities within the window: `baseline_send` while holding, `baseline_tone` in the reference tone; `ratio_send`
    and `ratio_tone` are the smallest risk ratios worth finding; `people` takes part, each with `points` decisions at
    which something is drawn. `analysed_on`: the first day on which primary results may be looked at; None: the day
    after the last window of the campaign's period closes. `looks_early`: they may be looked at before, as exploratory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Words = question(send=True, tone=True)
    send: Outcome | None = Outcome.WELCOME_ANY
    tone: Outcome | None = Outcome.WELCOME
    alpha: float = Field(default=0.05, gt=0, le=0.2)
    power: float = Field(default=0.80, ge=0.5, lt=1)
    baseline_send: float = Field(default=0.10, gt=0, lt=1)
    ratio_send: float = Field(default=1.5, gt=0, le=20)
    baseline_tone: float = Field(default=0.15, gt=0, lt=1)
    ratio_tone: float = Field(default=1.3, gt=0, le=20)
    people: int = Field(default=500, ge=1, le=10_000_000)
    points: float = Field(default=4.0, gt=0, le=1000)
    analysed_on: date | None = None
    looks_early: bool = False
    remarks: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = ""

    @field_validator("people", mode="before")
    @classmethod
    def _is_whole(cls, value: Any) -> Any:
        """A thousand written as 1.000 would be read as one."""
        if isinstance(value, str) and not value.strip().isdecimal():
            raise ValueError(f"people = {value!r} is not written in digits alone; write it such as 1000")
        return value

    @model_validator(mode="after")
    def _compares_what_can_be_compared(self) -> Self:
        faults = []
        if self.send is not None and self.send not in OF_SENDING:
            faults.append(f"send = {self.send} cannot happen while we hold; use {', '.join(OF_SENDING)}")
        if self.tone is not None and self.tone not in OF_TONES:
            faults.append(f"tone = {self.tone} is not about a message; use one of {', '.join(OF_TONES)}")
        for name in ("send", "tone"):
            ratio, risk = getattr(self, f"ratio_{name}"), getattr(self, f"baseline_{name}")
            if ratio == 1:
                faults.append(f"ratio_{name} = 1 is no difference; say which one is worth finding")
            elif ratio * risk >= 1:
                faults.append(
                    f"ratio_{name} = {ratio:g} with baseline_{name} = {risk:g} is more than everybody; "
                    "make one of them smaller"
                )
        if faults:
            raise ValueError("; ".join(faults))
        return self


def chosen(given: Mapping[str, Any]) -> Choices:
    """What somebody filled in. Raises FaultsError with every fault: field, value and mend."""
    try:
        return Choices.model_validate(dict(given))
    except ValidationError as error:
        raise FaultsError(_fault(detail) for detail in error.errors(include_url=False)) from error


def _fault(detail: Mapping[str, Any]) -> str:
    field = ".".join(str(step) for step in detail["loc"])
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "extra_forbidden":
            return f"{field} is not a field; mend its name or take it out"
    reason = str(detail["msg"])
    return f"{field} = {detail['input']!r}: {reason[:1].lower()}{reason[1:]}"
