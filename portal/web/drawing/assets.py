"""Serve static files under addresses with a content hash, so that browsers keep them for ever.

The files are read and compressed once, and served from memory: no part of a request becomes a path
of the file system. `Files` does not use Flask, so that the web server's loop can call it.

Every page needs all style sheets and most modules. They are put together in memory (`BUNDLES`),
since together they are a third smaller, and twenty responses have no headers to send.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request

from portal.core.compression import Answer, Headers, Kept, RequestHeaders, respond
from portal.core.errors import NotFound
from portal.web.security_headers import FIXED, of_data

if TYPE_CHECKING:
    from portal.core.config import Config

FOLDER = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"
ASK_FIRST = "no-cache"  # while somebody is editing them
NOT_OURS = frozenset({"provider", "receiver"})  # pages of development servers, which serve them
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
    ".woff2": "font/woff2",
}

Stamp = tuple[int, int]
"""Hold the time at which a file was written, and its size."""

SHEETS = (
    *("tokens", "base", "layout", "components", "tables", "lists", "timelines", "forms"),
    *("choosing", "faces", "charts", "palette", "bulk", "states"),
)  # fmt: skip
MODULES = (
    *("rawkeys", "again", "bulk", "charts", "choosing", "copy", "forms", "keys", "live"),
    *("palette", "picking", "search", "time"),
    "toast",
)
SHARED = "export "
"""Is in the one module that others import. It comes first in the bundle, and its names are seen by
all; each other module is a block, so that its names stay its own."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files that are served as one, and how their texts are put together."""

    parts: tuple[str, ...]
    join: Callable[[Iterable[str]], str]


def _as_script(texts: Iterable[str]) -> str:
    return "\n".join(_as_block(text) for text in texts)


def _as_block(module: str) -> str:
    alone = re.sub(r"^(import [^;]*;\n|export )", "", module, flags=re.M)
    return alone if f"\n{SHARED}" in module else f"{{\n{alone}}}"


BUNDLES: Mapping[str, Bundle] = {
    "css/portal.css": Bundle(tuple(f"css/{name}.css" for name in SHEETS), "\n".join),
    "js/portal.js": Bundle(tuple(f"js/{name}.js" for name in MODULES), _as_script),
}


def init_app(app: Flask, config: "Config") -> None:
    """Serve the files, and define `asset("css/base.css")` for templates: an address with a hash."""
    production = config.is_production
    files = Files(FOLDER, of_data(production), reload=not production)
    app.extensions["portal.files"] = files
    app.jinja_env.globals["asset"] = files.address
    app.add_url_rule(f"{PREFIX}<path:filename>", "static", _static)


def asset(path: str) -> str:
    """Return the address of a static file with its content's hash."""
    return files().address(path)


def files() -> "Files":
    """Return the running application's static files."""
    found: Files = current_app.extensions["portal.files"]
    return found


def _static(filename: str) -> Response:
    query = request.query_string.decode("latin-1")
    found = files().answer("GET", PREFIX + filename, query, request.headers)
    if found is None:
        raise NotFound
    status, headers, body = found
    return respond((status, [one for one in headers if one[0] not in FIXED], body))


class Files:
    """The files of a folder. With `reload`, a file that has changed is read again.

    A page needs some thirty addresses (every icon), so they are cached; with `reload`, for a
    second.
    """

    def __init__(self, folder: Path, headers: Headers, *, reload: bool = False) -> None:
        self._folder, self._headers, self._reload = folder, headers, reload
        self._known: dict[str, tuple[Stamp, Kept]] = {}
        self._addresses: dict[str, str] = {}
        self._fresh_until = 0.0
        self._read_all()

    def answer(self, method: str, path: str, query: str, headers: RequestHeaders) -> Answer | None:
        """Return the whole response to a GET or HEAD, or None if there is no such file.

        `path` is decoded, `query` is not. `headers.get("if-none-match")` finds a header.
        """
        if method not in ("GET", "HEAD") or not path.startswith(PREFIX):
            return None
        kept = self._find(path.removeprefix(PREFIX))
        if kept is None:
            return None
        wanted = f"v={_version(kept)}" in query.split("&")
        lasts = FOR_EVER if wanted else ASK_FIRST if self._reload else FOR_AN_HOUR
        return kept.answer(method, headers, [("Cache-Control", lasts)])

    def address(self, path: str) -> str:
        """Return the address of a file, with the hash of its current content."""
        if self._reload and time.monotonic() > self._fresh_until:
            self._addresses.clear()
            self._fresh_until = time.monotonic() + 1
        found = self._addresses.get(path)
        if found is None:
            kept = self._find(path)
            if kept is None:
                raise FileNotFoundError(f"There is no static file {path}.")
            found = self._addresses[path] = f"{PREFIX}{path}?v={_version(kept)}"
        return found

    def _find(self, name: str) -> Kept | None:
        if self._reload:
            self._look_again(name)
        known = self._known.get(name)
        return known[1] if known else None

    def _look_again(self, name: str) -> None:
        known = self._known.get(name)
        if known is None:
            self._read_all()
            return
        try:
            changed = self._stamp(name) != known[0]
        except FileNotFoundError:
            del self._known[name]
            return
        if changed:
            self._read(name)

    def _read_all(self) -> None:
        for path in self._folder.rglob("*"):
            name = path.relative_to(self._folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if path.is_file() and not hidden and name.parts[0] not in NOT_OURS:
                self._read(name.as_posix())
        for made, bundle in BUNDLES.items():
            if all(part in self._known for part in bundle.parts):
                self._read(made)

    def _read(self, name: str) -> None:
        path = self._folder / name
        kind = TYPES.get(path.suffix, "application/octet-stream")
        stamp = self._stamp(name)
        self._known[name] = (stamp, Kept(self._body(name), kind, self._headers))

    def _body(self, name: str) -> bytes:
        bundle = BUNDLES.get(name)
        if bundle is None:
            return (self._folder / name).read_bytes()
        return bundle.join((self._folder / one).read_text() for one in bundle.parts).encode()

    def _stamp(self, name: str) -> Stamp:
        bundle = BUNDLES.get(name)
        stamps = [_stamp(self._folder / one) for one in (bundle.parts if bundle else (name,))]
        return max(at for at, _ in stamps), sum(size for _, size in stamps)


def _version(kept: Kept) -> str:
    return kept.digest[:12]


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_mtime_ns, found.st_size
