"""htmx 4 behind one small adapter: which part a request wants, and how an answer says more.

htmx_flask knows htmx 1's headers; the class below adds what htmx 4 sends. Nothing else in the
portal reads or writes an HX-* header.
"""

import json
import re
from typing import Any, cast

from flask import Flask, Response, flash, g, get_flashed_messages, make_response, redirect, request
from flask import render_template as draw
from htmx_flask import Htmx
from htmx_flask.requests import HtmxAwareRequest
from jinja2.ext import Extension
from werkzeug.wrappers import Response as AnyResponse


class PortalRequest(HtmxAwareRequest):  # type: ignore[misc]  # htmx_flask is untyped
    """A request that knows whether it wants a page or a piece of one."""

    @property
    def is_htmx(self) -> bool:
        """Tell whether htmx sent it."""
        return bool(self.htmx)

    @property
    def wants_fragment(self) -> bool:
        """Tell whether only the targeted region is wanted: the rest of the page stays."""
        return (
            self.is_htmx
            and self.headers.get("HX-Request-Type") == "partial"
            and not self.htmx.history_restore_request
        )

    @property
    def source(self) -> str | None:
        """Return the element that sent it, as `tag#id`."""
        return cast("str | None", self.headers.get("HX-Source"))


def portal_request() -> PortalRequest:
    """Return the running request itself, with its htmx side.

    Flask's `request` looks it up anew for each attribute, which costs 0.8 µs.
    """
    return cast("PortalRequest", request._get_current_object())  # type: ignore[attr-defined]


class HxNonce(Extension):
    """Stamp the page's nonce on every hx-attribute of template *source*.

    What comes from data carries none, so hx-csp disarms it. Quoted text and template
    expressions inside a tag are skipped over, so a `>` within them does not end it.
    """

    TAG = re.compile(
        r"""<([a-zA-Z][\w-]*)                                   # the tag's name
            ((?:\{\{.*?\}\}|\{%.*?%\}|"[^"]*"|'[^']*'|[^<>"'{]|\{)*+)>""",
        re.S | re.X,
    )
    HX = re.compile(r"""(?:^|[\s}"'])hx-[a-z]""")

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """jinja2 calls this with a template's text before it reads it."""
        return self.TAG.sub(self._stamp, source)

    def _stamp(self, tag: re.Match[str]) -> str:
        if not self.HX.search(tag[2]):
            return tag[0]
        return f'<{tag[1]} hx-nonce="{{{{ csp_nonce() }}}}"{tag[2]}>'


def init_app(app: Flask) -> None:
    """Take over the request class, the nonce stamp and the way a toast travels."""
    Htmx(app)
    app.request_class = PortalRequest
    app.jinja_env.add_extension(HxNonce)
    app.jinja_env.globals["take_toasts"] = take_toasts
    app.after_request(_send_toasts)


def render(
    page: str, fragment: str | None = None, *, status: int = 200, **context: Any
) -> Response:
    """Return the page, or for a partial request of htmx only its fragment: one address, one
    truth."""
    wanted = fragment if fragment and portal_request().wants_fragment else page
    response = make_response(draw(wanted, **context), status)
    response.vary.update(["HX-Request", "HX-Request-Type"])
    return response


def see_other(url: str) -> AnyResponse:
    """Go to another page after a change (303); htmx is told to leave the page, not to swap."""
    if portal_request().is_htmx:
        return make_response("", 200, {"HX-Redirect": url})
    return redirect(url, 303)


def toast(message: str, tone: str = "ok") -> None:
    """Say in passing what was done (`tone`: ok, warn, bad). Never a secret; errors stay inline.

    It travels with this answer, or, when the answer leads to another page, with that one.
    """
    g.setdefault("toasts", []).append({"message": message, "tone": tone})


def take_toasts() -> list[dict[str, str]]:
    """Return those that the page now drawn must show; each is shown once."""
    flashed = cast("list[tuple[str, str]]", get_flashed_messages(with_categories=True))
    kept = [{"message": text, "tone": tone} for tone, text in flashed]
    return kept + cast("list[dict[str, str]]", g.pop("toasts", []))


def _send_toasts(response: Response) -> Response:
    waiting = g.pop("toasts", None)
    if not waiting:
        return response
    leaves = response.location or "HX-Redirect" in response.headers
    if portal_request().is_htmx and not leaves:
        # The target is named because the element that asked may be gone after the swap.
        told = {"toast": {"target": "#toasts", "items": waiting}}
        response.headers["HX-Trigger"] = json.dumps(told)
    else:
        for item in waiting:
            flash(item["message"], item["tone"])
    return response
