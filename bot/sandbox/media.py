"""Pictures and documents: uploads kept by id, so that they can be sent again and fetched."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from bot.sandbox.wire import Upload, bad_request

if TYPE_CHECKING:
    from bot.sandbox.core import Stored, World
    from bot.sandbox.wire import Json, Params

PHOTO_MAX = 10 * 1024 * 1024
FILE_MAX = 50 * 1024 * 1024
DOWNLOAD_MAX = 20 * 1024 * 1024


def photo(world: World, params: Params) -> list[Json]:
    """The `photo` of a message: one size, the original."""
    file_id = _file_id(world, params, "photo", PHOTO_MAX)
    stored = world.files[file_id]
    width, height = _size(stored.content)
    return [{**_form(file_id, stored), "width": width, "height": height}]


def document(world: World, params: Params) -> Json:
    """The `document` of a message."""
    file_id = _file_id(world, params, "document", FILE_MAX)
    stored = world.files[file_id]
    return {**_form(file_id, stored), "file_name": stored.name, "mime_type": stored.mime}


def get_file(world: World, params: Params) -> Json:
    """Where a file can be fetched; files over 20 MB cannot."""
    file_id = params.text("file_id")
    stored = world.files.get(file_id)
    if stored is None:
        raise bad_request("invalid file_id")
    if len(stored.content) > DOWNLOAD_MAX:
        raise bad_request("file is too big")
    return {**_form(file_id, stored), "file_path": stored.path}


def _form(file_id: str, stored: Stored) -> Json:
    return {"file_id": file_id, "file_unique_id": file_id[-12:], "file_size": len(stored.content)}


def _file_id(world: World, params: Params, kind: str, largest: int) -> str:
    upload = _upload(params, kind)
    if upload is None:
        named = params.text(kind)
        if named in world.files:
            return named
        if not named:
            raise bad_request(f"there is no {kind} in the request")
        # The sandbox fetches nothing: it works without a network.
        fetched = named.startswith(("http://", "https://"))
        raise bad_request("failed to get HTTP URL content" if fetched else "wrong remote file identifier specified")
    if not upload.content:
        raise bad_request("file must be non-empty")
    if len(upload.content) > largest:
        raise bad_request("file is too big")
    if kind == "photo":
        _size(upload.content)
    file_id = f"{kind}-{hashlib.sha256(upload.content + upload.name.encode()).hexdigest()[:24]}"
    if file_id not in world.files:
        suffix = upload.name.rpartition(".")[2] if "." in upload.name else "bin"
        world.record(
            {
                "do": "file",
                "id": file_id,
                "path": f"{kind}s/{file_id[-12:]}.{suffix}",
                "name": upload.name,
                "mime": upload.mime,
                "content": base64.b64encode(upload.content).decode(),
            }
        )
    return file_id


def _upload(params: Params, kind: str) -> Upload | None:
    named = params.text(kind)
    return params.uploads.get(named.removeprefix("attach://") if named.startswith("attach://") else kind)


def _size(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG or JPEG in pixels. Refuses what is neither."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if content.startswith(b"\xff\xd8"):
        at = 2
        while at + 9 <= len(content) and content[at] == 0xFF:
            marker = content[at + 1]
            if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
                return int.from_bytes(content[at + 7 : at + 9], "big"), int.from_bytes(content[at + 5 : at + 7], "big")
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise bad_request("IMAGE_PROCESS_FAILED")
