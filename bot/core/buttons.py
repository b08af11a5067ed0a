"""Rows of buttons, each with the label that its press is called by."""

from collections.abc import Iterable

from bot.core.facts import Phrase
from bot.core.talk import Button, Press


def buttons(kind: str, *choices: str, ref: int = 0) -> tuple[Button, ...]:
    """Buttons whose label is `button.<kind>.<choice>`."""
    return tuple(Button(label=Phrase(f"button.{kind}.{choice}"), press=Press(kind, ref, choice)) for choice in choices)


def labelled(kind: str, ref: int, labels: Iterable[tuple[str, str]]) -> tuple[Button, ...]:
    """Buttons from pairs of label and choice, for a choice that is called differently in different places."""
    return tuple(Button(label=Phrase(label), press=Press(kind, ref, choice)) for label, choice in labels)
