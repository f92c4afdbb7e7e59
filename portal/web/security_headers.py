"""Set the security headers of every response (OWASP ASVS 5.0, chapter 3)."""

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, current_app, g

if TYPE_CHECKING:
    from portal.core.config import Config

# Scripts run by nonce alone: if 'self' were allowed as well, injected markup could load any file of
# ours. Trusted Types let only htmx's own policy (the hx-csp extension) turn text into markup.
PAGE_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self' {provider}; base-uri 'none'; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "
    "trusted-types htmx"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
FEATURES_OFF = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=(), browsing-topics=()"
)
FIXED = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: a form's Origin would become "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": FEATURES_OFF,
}
TWO_YEARS = "max-age=63072000; includeSubDomains"


def init_app(app: Flask, config: "Config") -> None:
    """Set the headers on every response."""
    # Chromium applies form-action to the redirect after a form, and sign-out is such a redirect.
    parts = urlsplit(config.oidc_issuer)
    app.extensions["portal.provider_origin"] = f"{parts.scheme}://{parts.netloc}"
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.after_request(_protect)
    app.wsgi_app = _with_fixed(app.wsgi_app, config.is_production)  # type: ignore[method-assign,assignment]


def _with_fixed(answer: WSGIApplication, production: bool) -> WSGIApplication:
    """Return `answer` with the headers that every response has. No view sets one of these."""
    fixed = list(_fixed(production).items())

    def answered(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *fault: Any) -> Any:
            return start(status, headers + fixed, *fault)

        return answer(environ, begin)

    return answered


def of_data(production: bool) -> list[tuple[str, str]]:
    """Return all of these headers for a response that is not a page."""
    return list({**_fixed(production), "Content-Security-Policy": DATA_POLICY}.items())


def _fixed(production: bool) -> dict[str, str]:
    return {**FIXED, "Strict-Transport-Security": TWO_YEARS} if production else FIXED


def csp_nonce() -> str:
    """Return the nonce of this response: 128 random bits, one value for all of its scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _policy(response))
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy(response: Response) -> str:
    if response.mimetype != "text/html":
        return DATA_POLICY
    provider = current_app.extensions["portal.provider_origin"]
    return PAGE_POLICY.format(nonce=csp_nonce(), provider=provider)
