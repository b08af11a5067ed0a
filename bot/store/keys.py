"""The keys file: `sealing` keys, of which the first one seals and each of them opens, and one key for `finding`.

Processes that run look at the file again before they seal, so that a rotation needs no restart. The finding key stays:
with another one nobody who was erased would be recognised, and no draw could be made again.
"""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet

from bot.errors import FaultsError, RefusedError
from bot.store.vault import Vault

#: How long a key has to be in front before older ones may go: what was sealed just before may not be stored yet.
SETTLED_S: Final = 60.0

_HEAD: Final = (
    "# Without these keys no chat address can be read again; with them all can. Keep them away from the database.\n"
    "# The first sealing key seals, each of them opens; `coming` opens only, until a rotation puts it in front.\n"
)


@dataclass(frozen=True, kw_only=True)
class _Keys:
    sealing: tuple[str, ...]
    finding: str
    coming: str | None = None

    def __repr__(self) -> str:
        return "_Keys(…)"

    def opening(self) -> list[bytes]:
        return [key.encode() for key in (*self.sealing, *([self.coming] if self.coming else []))]

    def text(self) -> str:
        sealing = "".join(f'    "{key}",\n' for key in self.sealing)
        coming = f'coming = "{self.coming}"\n' if self.coming else ""
        return f'{_HEAD}sealing = [\n{sealing}]\n{coming}finding = "{self.finding}"\n'


def new_keys(pick: bytes) -> str:
    """The text of a keys file. `pick` are 32 random bytes for finding; the sealing key is made here."""
    return _Keys(sealing=(_fresh(),), finding=pick.hex()).text()


def write_keys(path: Path, pick: bytes) -> None:
    """Make a keys file for its owner only, whole or not at all. Raises FileExistsError when there is one."""
    draft = _draft(path, new_keys(pick))
    try:
        os.link(draft, path)
    finally:
        draft.unlink()


def vault_of(text: str) -> Vault:
    """The vault with the keys that `text` holds. Raises FaultsError, which quotes none of them."""
    keys = _read(text)
    return Vault(keys.opening(), bytes.fromhex(keys.finding))


def vault_from(path: Path) -> Vault:
    """The vault with the keys of a file, which follows when the file is replaced. Raises FaultsError, OSError."""
    seen = _mark(path)
    keys = _load(path)

    def renewed() -> Sequence[bytes] | None:
        """None as well while the file cannot be read: what is known goes on."""
        nonlocal seen
        try:
            mark = _mark(path)
            fresh = None if mark == seen else _load(path)
        except (OSError, FaultsError):
            return None
        seen = mark
        return None if fresh is None else fresh.opening()

    return Vault(keys.opening(), bytes.fromhex(keys.finding), renewed=renewed)


def prepare(path: Path) -> bool:
    """Add a key that opens and does not seal yet; False when there is one. Raises FaultsError, OSError."""
    keys = _load(path)
    if keys.coming:
        return False
    _replace(path, replace(keys, coming=_fresh()))
    return True


def rotate(path: Path) -> bool:
    """Put the coming key, or else a new one, in front. Raises FaultsError, OSError.

    False, and nothing happens, while a key of an earlier rotation still stands behind the first one.
    """
    keys = _load(path)
    if len(keys.sealing) > 1 and not keys.coming:
        return False
    _replace(path, replace(keys, sealing=(keys.coming or _fresh(), *keys.sealing), coming=None))
    return True


def forget_old(path: Path, *, now_s: float) -> int:
    """Leave only the first sealing key; return how many went. That nothing needs them is for the caller to know.

    `now_s` is the time in seconds since 1970. Raises RefusedError within `SETTLED_S` of the last change, FaultsError,
    OSError.
    """
    keys = _load(path)
    old = len(keys.sealing) - 1
    if old:
        waited = max(now_s - path.stat().st_mtime, 0)
        if waited < SETTLED_S:
            raise RefusedError(f"The new key is in front for {waited:.0f} s only. Try again after {SETTLED_S:.0f} s.")
        _replace(path, replace(keys, sealing=keys.sealing[:1]))
    return old


def _read(text: str) -> _Keys:
    try:
        table = tomllib.loads(text)
        keys = _Keys(sealing=tuple(table["sealing"]), finding=table["finding"], coming=table.get("coming"))
        Vault(keys.opening(), bytes.fromhex(keys.finding))
    except (tomllib.TOMLDecodeError, LookupError, ValueError, TypeError, AttributeError):
        mend = "these are no keys: `sealing` and `finding` are needed, as `handreiking keys new FILE` writes them"
        raise FaultsError([mend]) from None
    return keys


def _load(path: Path) -> _Keys:
    try:
        return _read(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise FaultsError([f"{path} is not UTF-8 text"]) from None


def _fresh() -> str:
    return Fernet.generate_key().decode()


def _draft(path: Path, text: str) -> Path:
    """A file beside `path`, for its owner only, that is on the disk before this returns."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)  # of a run that was killed; its mode may be anything
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _replace(path: Path, keys: _Keys) -> None:
    owner = path.stat()
    draft = _draft(path, keys.text())
    if (owner.st_uid, owner.st_gid) != (os.getuid(), os.getgid()):
        os.chown(draft, owner.st_uid, owner.st_gid)  # root rotates, the bot reads
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else a power cut could bring the old file back
    finally:
        os.close(folder)


def _mark(path: Path) -> tuple[int, int, int]:
    """Changes whenever the file does: it is replaced, never written over."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size
