"""Protect forms with a token that only our own pages have, masked differently in each response.

It is the one secret that every page has, so the length of compressed pages could reveal it. It is
XORed with a fresh random pad, as in Django, so no two responses have a part of it in common. Tokens
in pages of the previous release are accepted unchanged: they contain a full stop, masked ones do
not.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress

from flask import current_app, g, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError
from wtforms.csrf.core import CSRF, CSRFTokenField
from wtforms.form import BaseForm

FIELD, HEADER = "csrf_token", "X-CSRFToken"


def masked() -> str:
    """Return this session's token, masked for the current response."""
    if "masked_token" not in g:
        token = generate_csrf().encode()
        pad = secrets.token_bytes(len(token))
        g.masked_token = urlsafe_b64encode(pad + _xor(token, pad)).decode().rstrip("=")
    return str(g.masked_token)


def check() -> None:
    """Check that the current request has a token of its session, in the form or in the header.

    Raises wtforms' ValidationError.
    """
    token = _unmasked(request.form.get(FIELD) or request.headers.get(HEADER, ""))
    # A page loaded before the secret key was replaced has a token made with an older key.
    for key in current_app.config["SECRET_KEY_FALLBACKS"] or ():
        with suppress(ValidationError):
            validate_csrf(token, secret_key=key)
            break
    else:
        validate_csrf(token)
    g.token_checked = True


class MaskedToken(CSRF):
    """The token field of every form. A sent token is checked before any form is created."""

    def generate_csrf_token(self, csrf_token_field: CSRFTokenField) -> str:
        """Return the value to draw (called by wtforms)."""
        return masked()

    def validate_csrf_token(self, form: BaseForm, field: CSRFTokenField) -> None:
        """Raise ValidationError if the token was not checked (called by wtforms)."""
        if not g.get("token_checked"):
            raise ValidationError("The token was not checked.")


def _unmasked(sent: str) -> str:
    if "." in sent:
        return sent
    try:
        both = urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
        half = len(both) // 2
        return _xor(both[half:], both[:half]).decode("ascii")
    except ValueError:  # not base64, not our token, halves of two lengths
        return ""


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
