"""Chat addresses and other words of citizens at rest: encrypted, with the keys outside the database."""

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, MultiFernet


class Vault:
    """Seals with the first key and opens with any; finds by a keyed hash made with a key of its own.

    `sealing` are Fernet keys, newest first; `finding` is any secret of 32 bytes or more. Losing them loses every
    chat address; that is the point of keeping them apart.
    """

    def __init__(self, sealing: Sequence[bytes], finding: bytes) -> None:
        self._box = MultiFernet([Fernet(key) for key in sealing])
        self._finding = finding

    def __repr__(self) -> str:
        return "Vault(…)"

    def seal(self, text: str) -> str:
        return self._box.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text again. Raises `cryptography.fernet.InvalidToken` when no key fits."""
        return self._box.decrypt(sealed.encode()).decode()

    def fingerprint(self, text: str) -> str:
        """The same 64 hex digits for the same text; useless without the key."""
        return hmac.digest(self._finding, text.encode(), "sha256").hex()

    def draw(self, *parts: str) -> float:
        """A number in [0, 1) that depends on the key and `parts` alone, so that a draw can be made again and audited.

        The first 53 bits of HMAC-SHA256, so every value is a double that is hit exactly.
        """
        digest = hmac.new(self._finding, "\x1f".join(parts).encode(), hashlib.sha256).digest()
        return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)
