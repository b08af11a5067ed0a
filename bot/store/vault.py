"""Chat addresses and other words of citizens at rest: encrypted, with the keys outside the database."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.core import draws
from bot.errors import UnreadableError


class Vault:
    """Seals with the first key and opens with any; finds by a keyed hash made with a key of its own.

    `sealing` are Fernet keys, newest first; `finding` is any secret of 32 bytes or more. Losing them loses every
    chat address; that is the point of keeping them apart. `renewed` is asked before each sealing, and when no key
    fits; it gives the sealing keys once they have changed, else None. So a running process follows a rotation.
    """

    def __init__(
        self, sealing: Sequence[bytes], finding: bytes, *, renewed: Callable[[], Sequence[bytes] | None] = lambda: None
    ) -> None:
        self._finding = finding
        self._renewed = renewed
        self._looking = threading.Lock()
        self._take(sealing)

    def __repr__(self) -> str:
        return "Vault(…)"

    def seal(self, text: str) -> str:
        self._look()
        return self._box.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text again. Raises UnreadableError when no key fits."""
        try:
            return self._box.decrypt(sealed.encode()).decode()
        except InvalidToken:
            self._look()
        try:  # whether there was news or not: another thread may have taken the new keys just now
            return self._box.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise UnreadableError from None

    def reseal(self, sealed: str) -> str | None:
        """The same text under the first key; None when it is under that key already.

        Raises UnreadableError when no key fits.
        """
        self._look()
        try:
            self._first.decrypt(sealed.encode())
        except InvalidToken:
            try:
                return self._box.rotate(sealed.encode()).decode()
            except InvalidToken:
                raise UnreadableError from None
        return None

    def front(self) -> str:
        """Which key seals now, as twelve hex digits that tell nothing of it."""
        self._look()
        return self._front

    def fingerprint(self, text: str) -> str:
        """The same 64 hex digits for the same text; useless without the key."""
        return hmac.digest(self._finding, text.encode(), "sha256").hex()

    def draw(self, *parts: str) -> float:
        """`core.draws.uniform` with the finding key, for what is drawn once for a person and never told apart."""
        return draws.uniform(self._finding, *parts)

    def _look(self) -> None:
        """Take the keys as they are by now; who looks meanwhile waits until they are taken."""
        with self._looking:
            fresh = self._renewed()
            if fresh is not None:
                self._take(fresh)

    def _take(self, sealing: Sequence[bytes]) -> None:
        boxes = [Fernet(key) for key in sealing]
        self._first, self._box = boxes[0], MultiFernet(boxes)
        self._front = hashlib.sha256(sealing[0]).hexdigest()[:12]
