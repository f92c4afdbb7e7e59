"""Receive reports of GitHub's secret scanning about keys that it found in public.

The endpoint is public and ignores cookies. Only the signature over the raw body (ECDSA P-256,
SHA-256) authenticates the sender, with a key that GitHub publishes. The response to every report
without a valid signature is the same; only GitHub learns whether a text is a key.
"""

import base64
import binascii
import threading
import time
from typing import cast

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask import Blueprint, Flask, Response, current_app, request
from pydantic import BaseModel, TypeAdapter, ValidationError

from portal.core.config import Config
from portal.core.config_values import Network
from portal.core.errors import BadRequest, FieldError, NotFound, PortalError, Unavailable
from portal.core.key_shape import is_well_formed
from portal.database.actor import Actor
from portal.database.session import transaction
from portal.keys.decision.format import digest
from portal.keys.leaks import reports
from portal.keys.leaks.reports import Report
from portal.keys.verification.verifier import engine
from portal.outbound import Request, send_now
from portal.rest import api
from portal.rest.openapi import PREFIX
from portal.web import cookieless

log = structlog.stdlib.get_logger(__name__)

PATH = f"{PREFIX}/secret-scanning/github"
FRESH_SECONDS = 30 * 60
RETRY_SECONDS = 60  # a sender cannot cause more frequent requests to GitHub
FETCH_SECONDS = 5
LARGEST_LIST = 64 * 1024

bp = Blueprint("scanning", __name__)


class NotSigned(PortalError):
    """The report does not come from GitHub, or that cannot be verified."""

    status, code, title = 401, "not_signed", "The report is not signed by GitHub"


class GitHubKeys:
    """The public keys of GitHub's signatures, fetched when needed and cached for half an hour."""

    def __init__(self, url: str, allow: tuple[Network, ...]) -> None:
        self._url, self._allow = url, allow
        self._lock = threading.Lock()
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        self._fresh_until = 0.0
        self._retry_at = 0.0

    def find(self, identifier: str) -> ec.EllipticCurvePublicKey | None:
        """Return the key of this name; None if GitHub has none.

        Raises Unavailable while no key of GitHub could be fetched.
        """
        now = time.monotonic()
        if self._is_to_ask(identifier, now) and (fetched := self._fetch()) is not None:
            self._keys, self._fresh_until = fetched, now + FRESH_SECONDS
        if not self._keys:
            raise Unavailable("GitHub's public keys cannot be read right now.")
        return self._keys.get(identifier)

    def _is_to_ask(self, identifier: str, now: float) -> bool:
        """Tell whether this caller must fetch the keys. Other callers do not wait for it."""
        with self._lock:
            is_known = identifier in self._keys and now < self._fresh_until
            if is_known or now < self._retry_at:
                return False
            self._retry_at = now + RETRY_SECONDS
            return True

    def _fetch(self) -> dict[str, ec.EllipticCurvePublicKey] | None:
        asked = Request(
            "GET",
            self._url,
            headers={"Accept": "application/json"},
            timeout=FETCH_SECONDS,
            keep=LARGEST_LIST,
            whole=True,
        )
        outcome = send_now(asked, self._allow)
        if not outcome.succeeded:
            log.warning("GitHub's public keys cannot be read", reason=outcome.explanation)
            return None
        try:
            published = KeyList.model_validate_json(outcome.body).public_keys
            return {one.key_identifier: _public_key(one.key) for one in published}
        except ValueError as error:
            log.warning("GitHub's public keys cannot be read", reason=type(error).__name__)
            return None


class PublishedKey(BaseModel):
    """One public key, as GitHub publishes it."""

    key_identifier: str
    key: str


class KeyList(BaseModel):
    """The list that GitHub publishes."""

    public_keys: list[PublishedKey]


def _public_key(pem: str) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a key of the curve P-256")
    return key


class Match(BaseModel):
    """One find in a report of GitHub. Nothing that it says of the place keeps a key alive."""

    token: str
    type: str | None = None
    url: str | None = None
    source: str | None = None


MATCHES = TypeAdapter(list[Match])


@bp.post(PATH)
@cookieless
def take() -> Response:
    """Accept a report. The response says which of its texts are keys of this portal."""
    body = request.get_data(cache=False)
    if not _is_genuine(body):
        raise NotSigned
    try:
        matches = MATCHES.validate_json(body)
    except ValidationError:
        problem = FieldError("body", "This must be a list of matches.")
        raise BadRequest(errors=[problem]) from None
    return api.answer([_answer(match) for match in matches])


def _is_genuine(body: bytes) -> bool:
    identifier = request.headers.get("Github-Public-Key-Identifier", "")
    try:
        signature = base64.b64decode(
            request.headers.get("Github-Public-Key-Signature", ""), validate=True
        )
    except binascii.Error:
        return False
    keys = cast(GitHubKeys, current_app.extensions["github_keys"])
    key = keys.find(identifier) if identifier and signature else None
    if key is None:
        return False
    try:
        key.verify(signature, body, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _answer(match: Match) -> dict[str, str]:
    """Return the verdict about one find.

    The leak of a key of this portal is recorded in a transaction of its own.
    """
    token = match.token.strip()
    is_ours = is_well_formed(token) and _deal_with(token, match)
    return {
        "token_hash": digest(match.token),
        "token_type": match.type or "",
        "label": "true_positive" if is_ours else "false_positive",
    }


def _deal_with(token: str, match: Match) -> bool:
    key = engine().look_up(digest(token))
    if key is None:
        return False
    actor = Actor(key.tenant_id, "system", "github", "GitHub secret scanning",
                  source_type="system", origin=api.origin())  # fmt: skip
    place, url = _printable(match.source), _printable(match.url)
    try:
        with transaction(key.tenant_id):
            reports.take(actor, key.id, Report("github", url, place and place.lower()[:40]))
    except NotFound:  # it was deleted
        return False
    return True


def _printable(text: str | None) -> str | None:
    """Return a text without control characters, which PostgreSQL may not store; None for none."""
    return "".join(c for c in text or "" if c.isprintable()) or None


def init_app(app: Flask, config: Config) -> None:
    """Add the endpoint for GitHub's reports."""
    app.register_blueprint(bp)
    app.extensions["github_keys"] = GitHubKeys(config.github_keys_url, config.outbound_allow)
