"""Style sheets, scripts and fonts: everything from here, nothing from elsewhere, kept by the browser for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
#: One sheet: unmodified components, then our tokens, then the layout of our pages.
SHEET: Final = "console.css"
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    kind: str
    plain: bytes
    packed: bytes | None


class Static:
    """The files of `directory`, each under a name that changes with its content. `theme`: a municipality's own CSS."""

    def __init__(self, directory: Traversable, theme: bytes = b"") -> None:
        contents = {
            file.name: file.read_bytes()
            for folder in (directory, directory / "vendor")
            for file in folder.iterdir()
            if file.name.endswith(tuple(KINDS))
        }
        self._names: dict[str, str] = {}
        self._files: dict[str, _File] = {}
        fonts = {name: content for name, content in contents.items() if name.endswith(".woff2")}
        for name, content in fonts.items():
            self._add(name, content)
        sheets = sorted(name for name in contents if name.endswith(".css") and name.startswith("utrecht-"))
        parts = [b"@layer components, tokens, pages, theme;"]
        parts += [_layer("components", contents[name]) for name in sheets]
        parts += [_layer(name, contents[f"{name}.css"]) for name in ("tokens", "pages")]
        parts.append(_layer("theme", theme))
        sheet = b"\n".join(parts)
        for name in fonts:
            sheet = sheet.replace(name.encode(), self._names[name].encode())
        self._add(SHEET, sheet)
        for name, content in contents.items():
            if name.endswith((".js", ".svg")):
                self._add(name, content)

    def _add(self, name: str, content: bytes) -> None:
        stem, dot, ending = name.rpartition(".")
        kind = KINDS[dot + ending]
        hashed = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{ending}"
        self._names[name] = hashed
        self._files[hashed] = _File(kind, content, None if ending == "woff2" else gzip.compress(content, mtime=0))

    def url(self, name: str) -> str:
        """Where a file is. Raises KeyError for one that is not there."""
        return f"/static/{self._names[name]}"

    def route(self) -> Route:
        async def serve(request: Request) -> Response:
            file = self._files.get(request.path_params["name"])
            if file is None:
                return Response(status_code=404)
            headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
            if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
                return Response(file.packed, media_type=file.kind, headers=headers | {"Content-Encoding": "gzip"})
            return Response(file.plain, media_type=file.kind, headers=headers)

        return Route("/static/{name}", serve, methods=["GET"], name="static")


def _layer(name: str, sheet: bytes) -> bytes:
    return b"@layer " + name.encode() + b"{" + sheet + b"}"
