"""Static files by content: a new address for new bytes, so a browser may keep them for ever."""

import hashlib
import time
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"


def init_app(app: Flask, *, reload: bool) -> None:
    """Give templates `asset("css/base.css")`. With `reload`, a changed file gets a new address."""
    digests = _Digests(Path(app.static_folder or "static"), reload)
    app.extensions["portal.assets"] = digests
    app.jinja_env.globals["asset"] = digests.address
    app.after_request(_cache)


def asset(path: str) -> str:
    """The address of a static file with its content's hash."""
    digests: _Digests = current_app.extensions["portal.assets"]
    return digests.address(path)


class _Digests:
    """Hash of each file, computed once; when reloading, once for each time that it was written.

    A page asks some thirty times (every icon), so what was asked is remembered; when reloading,
    for a second.
    """

    def __init__(self, folder: Path, reload: bool) -> None:
        self.folder, self.reload = folder, reload
        self.known: dict[str, tuple[int, str]] = {}
        self.addresses: dict[str, str] = {}
        self.fresh_until = 0.0

    def address(self, path: str) -> str:
        if self.reload and time.monotonic() > self.fresh_until:
            self.addresses.clear()
            self.fresh_until = time.monotonic() + 1
        found = self.addresses.get(path)
        if found is None:
            found = self.addresses[path] = url_for("static", filename=path, v=self.of(path))
        return found

    def of(self, path: str) -> str:
        found = self.known.get(path)
        if found and not self.reload:
            return found[1]
        written = (self.folder / path).stat().st_mtime_ns
        if found is None or found[0] != written:
            digest = hashlib.sha256((self.folder / path).read_bytes()).hexdigest()[:12]
            found = self.known[path] = (written, digest)
        return found[1]


def _cache(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code in (200, 206, 304):
        digests: _Digests = current_app.extensions["portal.assets"]
        path = (request.view_args or {}).get("filename", "")
        fresh = request.args.get("v") == digests.of(path)
        response.headers["Cache-Control"] = FOR_EVER if fresh else FOR_AN_HOUR
    return response
