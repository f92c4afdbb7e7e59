"""Adapt htmx 4: find which part of a page a request wants, and add htmx headers to responses.

htmx_flask knows the headers of htmx 1. The class below adds those of htmx 4.
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
    """A request that knows whether it wants a page or a part of one."""

    @property
    def is_htmx(self) -> bool:
        """Tell whether htmx sent the request."""
        return bool(self.htmx)

    @property
    def wants_fragment(self) -> bool:
        """Tell whether only the target region is wanted, and the rest of the page stays."""
        return (
            self.is_htmx
            and self.headers.get("HX-Request-Type") == "partial"
            and not self.htmx.history_restore_request
        )

    @property
    def source(self) -> str | None:
        """Return the element that sent the request, as `tag#id`."""
        return cast("str | None", self.headers.get("HX-Source"))

    @property
    def is_of_a_head(self) -> bool:
        """Tell whether the head of a record's page looks again. It takes nothing but itself of the
        page."""
        return (self.source or "").endswith("-head")


def portal_request() -> PortalRequest:
    """Return the current request itself, with its attributes for htmx.

    Flask's `request` looks it up again for each attribute, which costs 0.8 µs.
    """
    return cast("PortalRequest", request._get_current_object())  # type: ignore[attr-defined]


class HxNonce(Extension):
    """Add the page's nonce to every hx-attribute of a template's *source*.

    Text from data has no nonce, so hx-csp disables hx-attributes in it. Quoted text and template
    expressions inside a tag are skipped, so that a `>` within them does not end the tag.
    """

    TAG = re.compile(
        r"""<([a-zA-Z][\w-]*)                                   # the tag's name
            ((?:\{\{.*?\}\}|\{%.*?%\}|"[^"]*"|'[^']*'|[^<>"'{]|\{)*+)>""",
        re.S | re.X,
    )
    HX = re.compile(r"""(?:^|[\s}"'])hx-[a-z]""")

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return a template's text with nonces (called by jinja2 before parsing)."""
        return self.TAG.sub(self._stamp, source)

    def _stamp(self, tag: re.Match[str]) -> str:
        if not self.HX.search(tag[2]):
            return tag[0]
        return f'<{tag[1]} hx-nonce="{{{{ csp_nonce() }}}}"{tag[2]}>'


def init_app(app: Flask) -> None:
    """Set the request class, the extension for nonces, and the handling of toasts."""
    Htmx(app)
    app.request_class = PortalRequest
    app.jinja_env.add_extension(HxNonce)
    app.jinja_env.globals["take_toasts"] = take_toasts
    app.after_request(_send_toasts)


def render(
    page: str, fragment: str | None = None, *, status: int = 200, **context: Any
) -> Response:
    """Return the page, or only its fragment for a partial request of htmx, at the same address.

    If the page's form is only to be shown as code, that is the fragment.
    """
    wanted = fragment if fragment and portal_request().wants_fragment else page
    if portal_request().wants_fragment and getattr(context.get("form"), "is_shown_as_code", False):
        wanted = "_form_code.html"
    response = make_response(draw(wanted, **context), status)
    response.vary.update(["HX-Request", "HX-Request-Type"])
    return response


def see_other(url: str) -> AnyResponse:
    """Redirect to another page after a change (303). Make htmx leave the page, not swap."""
    if portal_request().is_htmx:
        return make_response("", 200, {"HX-Redirect": url})
    return redirect(url, 303)


def toast(message: str, tone: str = "ok", *, link: tuple[str, str] | None = None) -> None:
    """Show a short message about what was done (`tone`: ok, warn, bad). Never put a secret in it.

    `link` is the label and the address of a page on which to go on, such as to undo it.

    Errors are shown inline instead. The message is sent with this response or, if this one
    redirects, with the next page.
    """
    item = {"message": message, "tone": tone}
    if link is not None:
        item["label"], item["url"] = link
    g.setdefault("toasts", []).append(item)


def take_toasts() -> list[dict[str, str]]:
    """Return the messages that the current page must show. Each is shown once."""
    if portal_request().is_of_a_head:
        return []
    kept = [json.loads(text) for text in _flashed()]
    return kept + cast("list[dict[str, str]]", g.pop("toasts", []))


def _flashed() -> list[str]:
    return cast("list[str]", get_flashed_messages(category_filter=["toast"]))


def _send_toasts(response: Response) -> Response:
    waiting = g.pop("toasts", None)
    if not waiting:
        return response
    leaves = response.location or "HX-Redirect" in response.headers
    if portal_request().is_htmx and not leaves:
        # The target is named, because the element that sent the request may be removed by the swap.
        trigger = {"toast": {"target": "#toasts", "items": waiting}}
        response.headers["HX-Trigger"] = json.dumps(trigger)
    else:
        for item in waiting:
            flash(json.dumps(item), "toast")
    return response
