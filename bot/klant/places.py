"""Where to tell it, and with which secret."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "whsec_"
#: In bytes, as Standard Webhooks wants them.
SHORTEST, LONGEST = 24, 64


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenKlantAt:
    """`root` is the address of the Klantinteracties API, up to and with its version; `actor` gets the tasks."""

    root: str
    token: str = field(repr=False)
    actor: str
    channel: str = "telegram"


@dataclass(frozen=True, kw_only=True, slots=True)
class EventsAt:
    """`url` may hold a secret. Whatever goes there is signed with each of `keys`; `source` is who we are there."""

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    source: str = "urn:handreiking:contact"


def keys_of(secrets: str) -> tuple[bytes, ...]:
    """The keys of one secret or several, apart by white space, each `whsec_` and base64.

    Raises ValueError with a sentence that does not show them.
    """
    keys = []
    for secret in secrets.split():
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
            raise ValueError(f"a secret is {PREFIX} and {SHORTEST} to {LONGEST} random bytes in base64")
        keys.append(key)
    if not keys:
        raise ValueError("it is empty")
    return tuple(keys)
