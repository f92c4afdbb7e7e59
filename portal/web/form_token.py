"""The token that only our own forms hold, masked anew in each answer.

It is the one secret that page after page has, so the length of compressed pages could tell it.
XORed with a fresh random pad, as Django does it, no two answers have a piece of it in common. What
pages of the release before hold is taken as it is: it has a full stop in it, a masked one has none.
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
    """Return this session's token for the running answer."""
    if "masked_token" not in g:
        token = generate_csrf().encode()
        pad = secrets.token_bytes(len(token))
        g.masked_token = urlsafe_b64encode(pad + _xor(token, pad)).decode().rstrip("=")
    return str(g.masked_token)


def check() -> None:
    """Pass where the running request holds a token of its session, in the form or in the header.

    Raises wtforms' ValidationError.
    """
    token = _unmasked(request.form.get(FIELD) or request.headers.get(HEADER, ""))
    # A page loaded before the secret key was replaced has a token of an older key.
    for key in current_app.config["SECRET_KEY_FALLBACKS"] or ():
        with suppress(ValidationError):
            validate_csrf(token, secret_key=key)
            break
    else:
        validate_csrf(token)
    g.token_checked = True


class MaskedToken(CSRF):
    """The field of every form. What it brings back has been checked before any form is made."""

    def generate_csrf_token(self, csrf_token_field: CSRFTokenField) -> str:
        """wtforms calls it for the value to draw."""
        return masked()

    def validate_csrf_token(self, form: BaseForm, field: CSRFTokenField) -> None:
        """wtforms calls it when a form is validated."""
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
