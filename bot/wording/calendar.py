"""Days that come back: what a card says about when its event is, and the days that only the municipality knows.

A day here is a date on the municipality's own calendar. Nothing is counted in hours, so that no clock change moves it.
"""

from calendar import monthrange
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,39}$")]
_Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Yearly(_Part):
    """The same day every year; `day` "last" is the last of the month, 29 February in a leap year."""

    month: int = Field(ge=1, le=12)
    day: Annotated[int, Field(ge=1, le=31)] | Literal["last"]

    @model_validator(mode="after")
    def _comes_every_year(self) -> Self:
        try:
            self.on(2001)
        except ValueError as error:
            raise ValueError(
                f'month {self.month}, day {self.day} does not come every year; give another day, or day = "last"'
            ) from error
        return self

    def on(self, year: int) -> date:
        return date(year, self.month, monthrange(year, self.month)[1] if self.day == "last" else self.day)


class School(StrEnum):
    """A day of the school calendar, in the municipality's region."""

    YEAR_BEGINS = "year_begins"  # the first Monday after the summer holiday
    HOLIDAY_BEGINS = "holiday_begins"  # the first day of each holiday
    SUMMER_BEGINS = "summer_begins"  # the first day of the summer holiday


class Shift(StrEnum):
    """Where a day goes that falls on a weekend or a public holiday."""

    BEFORE = "before"
    AFTER = "after"


class CalendarRule(_Part):
    """When a calendar signal's event is: one of a yearly day, a day at school, or a moment of the municipality.

    The event itself is `days_before` days earlier, and then on a working day if `working_day` says to which side.
    """

    yearly: Yearly | None = None
    school: School | None = None
    moment: _Id | None = None
    days_before: int = Field(default=0, ge=0, le=366)
    working_day: Shift | None = None

    @model_validator(mode="after")
    def _has_one_anchor(self) -> Self:
        given = [name for name in ("yearly", "school", "moment") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{' and '.join(given) or 'nothing'} given; give one of yearly, school and moment")
        return self


class Holiday(StrEnum):
    AUTUMN = "autumn"
    CHRISTMAS = "christmas"
    SPRING = "spring"
    MAY = "may"
    SUMMER = "summer"


class SchoolHoliday(_Part):
    """Both days belong to it."""

    holiday: Holiday
    first: date
    last: date

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"last {self.last} is before first {self.first}; swap them")
        return self


class Moment(_Part):
    """A day that the municipality sets itself, each year anew, such as when the tax bills go out."""

    title: _Title
    dates: list[date] = Field(min_length=1)


class CalendarFile(_Part):
    """messages/calendar.toml. `checked_on` None: nobody has held the school holidays against their source."""

    region: _Id
    checked_on: date | None = None
    school: dict[_Id, list[SchoolHoliday]]
    moment: dict[_Id, Moment] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _knows_its_region(self) -> Self:
        if self.region not in self.school:
            raise ValueError(f"region is {self.region!r}; use one of {', '.join(self.school)}, or add its holidays")
        return self

    @property
    def holidays(self) -> list[SchoolHoliday]:
        """The school holidays of the municipality's region, oldest first."""
        return sorted(self.school[self.region], key=lambda holiday: holiday.first)
