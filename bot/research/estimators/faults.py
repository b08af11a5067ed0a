"""What is wrong with the columns that an estimator was given: all of it at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.errors import FaultsError


class Faults:
    """Gathers column, value and mend; `end` raises them together."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, column: str, value: object, mend: str) -> None:
        self.found.append(f"{column}: {value!r}; {mend}")

    def where(self, column: str, values: npt.NDArray[Any], wrong: npt.NDArray[np.bool_], mend: str) -> None:
        """A fault for the first row (numbered from 0) where `wrong` holds, with how many there are."""
        rows = np.flatnonzero(wrong)
        if rows.size:
            more = f" and {rows.size - 1} more" if rows.size > 1 else ""
            value = np.asarray(values[rows[0]]).tolist()
            self.found.append(f"{column}: {value!r} in row {rows[0]}{more}; {mend}")

    def same_length(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Raises FaultsError at once, since nothing else can be said about columns that do not belong together."""
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            self.found.append(f"the columns differ in length ({told}); give one value for each row in all of them")
            self.end()

    def alpha(self, column: str, value: float) -> None:
        if not 0 < value < 1:
            self.add(column, value, "must lie between 0 and 1, such as 0.05")

    def end(self) -> None:
        """Raises FaultsError when anything was found, one line for each."""
        if self.found:
            raise FaultsError(self.found)
