"""The OAuth endpoints: a token in exchange for a key (RFC 6749, 4.4), introspection (RFC 7662).

They serve programs that know only the standards.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from flask import Blueprint, Flask, Response, request

from portal.core import compression
from portal.core.deadlines import elapsed
from portal.core.errors import BadRequest, RateLimited
from portal.database.actor import Actor
from portal.keys.decision.decision import SOURCE_LIMITED, Question, refusal
from portal.keys.decision.format import digest
from portal.keys.decision.snapshot import Snapshot, gone
from portal.keys.decision.verdict import FREE, Admission
from portal.keys.tokens.own_tokens import Tokens
from portal.keys.verification import own_rest
from portal.keys.verification.introspection import described, is_active
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import KeyVerifier
from portal.keys.verification.verify import deny
from portal.outbound.networks import Address, parse
from portal.rest.api import OAUTH, Authenticator, answer, authenticate, request_id
from portal.web import cookieless

JWKS_SECONDS = 300
_LIKE_A_SCOPE = re.compile(r"[a-z_:-]{1,40}")


class OAuth:
    """The three OAuth endpoints, over one engine."""

    def __init__(self, engine: KeyVerifier, tokens: Tokens, known: list[Authenticator]) -> None:
        self._engine, self._tokens, self._known = engine, tokens, known

    @cookieless
    def token(self) -> Response:
        """Exchange a key for a short-lived token.

        The client id may be the key's id, its application's id, or empty.
        """
        _check_form()
        if request.form["grant_type"] != "client_credentials":
            return _refused("unsupported_grant_type", 400)
        client, raw = _client_secret()
        source, asked_at = parse(request.remote_addr or ""), elapsed()
        key = self._engine.find(raw, source)
        if key == SOURCE_LIMITED:
            raise RateLimited(retry_after=self._engine.sources.wait(source))
        if isinstance(key, str) or client not in ("", key.id, key.application_id):
            return _refused("invalid_client", 401)
        question, now = _question(key, source), self._engine.clock.now()
        code, admission = refusal(key, question, now), FREE
        if code is None and key.counts_calls:
            admission = self._engine.meters.admit(key, question, money=False, asked_at=asked_at)
            code = admission.refused
        if code is None and self._engine.may_have_changed(key, asked_at):
            key, now = self._engine.known(digest(raw)) or gone(key), self._engine.clock.now()
            question = _question(key, source)
            code, admission = refusal(key, question, now), FREE
        if code is None:
            return self._issued(key, now)
        deny(self._engine, key, question, code, admission, request_id(), now)
        return _denied(key, code, admission, now)

    def _issued(self, key: Snapshot, now: datetime) -> Response:
        usage.note(key.tenant_id, key.id, now, source=request.remote_addr, scope="oauth:token")
        compression.leave_plain()
        asked = _asked_scopes() or key.scopes
        token, seconds = self._tokens.issue(key, asked)
        document = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        return answer(
            {**document, "scope": " ".join(sorted(asked))}, headers={"Pragma": "no-cache"}
        )

    @cookieless
    def introspect(self) -> Response:
        """Return the description of a key or of a token of the portal.

        Return `active: false` and nothing else if it is not valid for a caller of this tenant.
        """
        caller = authenticate(self._known)
        own_rest.admit(caller, "keys:verify")
        _refuse_repeated("token")
        if "token" not in request.form:
            raise BadRequest("Send the key or the token as “token” in the form.")
        shown = request.form["token"]
        found = self._of_token(caller, shown) if shown.count(".") == 2 else None
        return answer(found or self._of_key(caller, shown) or {"active": False})

    def _of_token(self, caller: Actor, shown: str) -> dict[str, Any] | None:
        claims = self._tokens.read(shown)
        if claims is None or claims.get("tenant_id") != caller.tenant_id:
            return None
        look = partial(self._tokens.key_of, claims)
        key = self._if_active(caller, look(), look)
        if key is None:
            return None
        # Its claims are those of the exchange: the key may have lost scopes or got an end since.
        found = {"active": True, "token_type": "Bearer", **claims}
        found["scope"] = " ".join(sorted(key.scopes))
        if key.ends_at is not None:
            found["exp"] = int(key.ends_at.timestamp())
        return found

    def _of_key(self, caller: Actor, shown: str) -> dict[str, Any] | None:
        raw = shown.strip()
        key = self._engine.find(raw)
        if isinstance(key, str) or key.tenant_id != caller.tenant_id:
            return None
        active = self._if_active(caller, key, lambda: self._engine.known(digest(raw)))
        return None if active is None else described(active, self._tokens.issuer)

    def _if_active(
        self, caller: Actor, key: Snapshot | None, look_again: Callable[[], Snapshot | None]
    ) -> Snapshot | None:
        """Return a key, or None if its next call would be refused. Either is counted."""
        if key is None:
            return None
        admission, meters = FREE, self._engine.meters
        if meters.may_be_used_up(key):
            admission = meters.look_at_uses_and_budget(key)
            key = look_again() or gone(key)  # the look may have waited while the key changed
        is_valid = is_active(self._engine, key, caller.id, request_id(), admission)
        return key if is_valid else None

    @cookieless
    def jwks(self) -> Response:
        """Return the public keys of the portal's tokens."""
        response = answer(self._tokens.jwks())
        response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
        return response


def init_app(app: Flask, engine: KeyVerifier, tokens: Tokens, known: list[Authenticator]) -> None:
    """Add the three endpoints; `known` authenticates the callers that may introspect."""
    oauth = OAuth(engine, tokens, known)
    bp = Blueprint(OAUTH, __name__)
    for rule, name, method in (
        ("/oauth/token", "token", "POST"),
        ("/oauth/introspect", "introspect", "POST"),
        ("/.well-known/jwks.json", "jwks", "GET"),
    ):
        bp.add_url_rule(rule, name, getattr(oauth, name), methods=[method])
    app.register_blueprint(bp)


def _refused(error: str, status: int) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="cPod"'} if status == 401 else {}
    return answer({"error": error}, status, headers)


def _denied(key: Snapshot, code: str, admission: Admission, now: datetime) -> Response:
    """Return the answer to a key that gets no token. Raises RateLimited for its limit per
    minute."""
    usage.deny(key.tenant_id, key.id, now, code)
    if code == "RPM_EXCEEDED":
        raise own_rest.too_often(key, admission)
    if code == "SCOPE_MISSING":
        return _refused("invalid_scope", 400)
    return _refused("invalid_client", 401)


def _check_form() -> None:
    """Raise BadRequest for a form that RFC 6749, 5.2, calls an invalid request."""
    _refuse_repeated("grant_type", "client_id", "client_secret", "scope")
    if not request.form.get("grant_type"):
        raise BadRequest("Send grant_type=client_credentials in the form.")
    if _sent_by_basic() is not None and request.form.get("client_secret"):
        raise BadRequest("Send the key by HTTP Basic or as client_secret in the form, not by both.")


def _refuse_repeated(*names: str) -> None:
    """Raise BadRequest if the form has one of these fields twice (RFC 6749, 3.2)."""
    for name in names:
        if len(request.form.getlist(name)) > 1:
            raise BadRequest(f"Send “{name}” only once.")


def _asked_scopes() -> frozenset[str]:
    """Return the scopes that are asked for; none if all of the key's are."""
    return frozenset(request.form.get("scope", "").split())


def _question(key: Snapshot, source: Address | None) -> Question:
    """Return what a request for a token needs of this key: one of the scopes that it lacks, if
    any is asked for."""
    beyond = min(_asked_scopes() - key.scopes, default=None)
    if beyond is not None and not _LIKE_A_SCOPE.fullmatch(beyond):
        beyond = "another scope"  # it could be anything, even a key, and is kept with the trace
    return Question(scope=beyond, ip=source)


def _sent_by_basic() -> str | None:
    """Return the credentials of HTTP Basic, encoded, or None."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    return encoded if scheme.lower() == "basic" else None


def _client_secret() -> tuple[str, str]:
    """Return (client, key) from HTTP Basic (RFC 6749, 2.3.1) or from the form, never from the
    URL."""
    encoded = _sent_by_basic()
    if encoded is None:
        return request.form.get("client_id", ""), request.form.get("client_secret", "").strip()
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(client), unquote_plus(secret)
