"""What passes between the journey and the channel."""

from dataclasses import dataclass, field
from typing import Literal

from bot.core.facts import Purpose
from bot.errors import DeliveryError


@dataclass(frozen=True, slots=True)
class Label:
    text: str = field(repr=False)
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """A message whose intent is committed: it may leave now, once."""

    id: int
    chat: str = field(repr=False)
    text: str = field(repr=False)
    buttons: tuple[Label, ...] = ()
    edits: int | None = None  # the channel's number of the message whose text this one takes over
    silent: bool = False
    keyboard: Literal["none", "ask_phone", "remove"] = "none"
    keyboard_label: str | None = None
    purpose: Purpose = Purpose.REPLY
    document: Document | None = None  # goes along as a file, with the text as its caption


@dataclass(frozen=True, slots=True)
class Delivered:
    message: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    message: int
    error: DeliveryError


Result = Delivered | Undelivered


@dataclass(frozen=True, slots=True)
class Leased:
    message: int
    purpose: Purpose
