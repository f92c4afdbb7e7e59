"""The portal's own access tokens: short-lived JWTs in exchange for a key (RFC 9068).

A service verifies them offline with the published key set; `signing_keys` holds the keys.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy import select

from portal.core.deadlines import elapsed
from portal.database.actor import Actor, Origin
from portal.database.base import new_id
from portal.database.session import enter_tenant, session
from portal.keys.decision.snapshot import Snapshot
from portal.keys.models import ApiKey
from portal.keys.tables import TokenSigningKey
from portal.keys.tokens.signing_keys import ALGORITHM, SigningKeys
from portal.keys.verification import own_rest
from portal.keys.verification.verifier import KeyVerifier

LIFETIME_SECONDS = 300
KID = re.compile("sgn_[0-9A-Z]{26}")  # the id of a row: nobody has verified the kid that is given


@dataclass(frozen=True)
class Tokens:
    """Sign and read the tokens of one portal; `issuer` is its address."""

    issuer: str
    audience: str
    signing: SigningKeys
    engine: KeyVerifier

    def issue(self, key: Snapshot, scopes: frozenset[str]) -> tuple[str, int]:
        """Return a token with the scopes of a key, at most `scopes`, and its lifetime in
        seconds."""
        moment = self.engine.clock.now()
        now, signing = int(moment.timestamp()), self.signing.current(moment)
        ends = now + LIFETIME_SECONDS
        if key.ends_at is not None:
            ends = min(ends, int(key.ends_at.timestamp()))
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": key.id,
            "client_id": key.id,
            "tenant_id": key.tenant_id,
            "scope": " ".join(sorted(scopes & key.scopes)),
            "iat": now,
            "exp": ends,
            "jti": new_id("tok"),
        }
        if key.application_slug is not None:
            claims["app_id"] = key.application_slug
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": signing.id}
        private = self.signing.open(signing)
        return jwt.encode(header, claims, private, algorithms=[ALGORITHM]), ends - now

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK set (RFC 7517)."""
        published = self.signing.published(self.engine.clock.now())
        return {"keys": [key.public_jwk for key in published]}

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token of this portal that has not expired; otherwise None.

        Raises Unavailable for a token of this portal when PostgreSQL has not answered for too long:
        what is known about its key may be old, and a query would wait.
        """
        kid = _kid(token)
        if kid is None:
            return None
        self.engine.require_current()
        signing = session.get(TokenSigningKey, kid)
        if signing is None:
            return None
        try:
            public = ECKey.import_key(signing.public_jwk)
            claims = jwt.decode(token, public, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        good = claims.get("iss") == self.issuer and claims.get("aud") == self.audience
        now = self.engine.clock.now().timestamp()
        return dict(claims) if good and claims.get("exp", 0) > now else None

    def authenticate(self, token: str, origin: Origin) -> Actor | None:
        """Return the actor of a token of this portal; None if the token or its key is not valid."""
        claims = self.read(token) if token.count(".") == 2 else None
        asked_at = elapsed()
        key = None if claims is None else self.key_of(claims)
        if claims is None or key is None:
            return None
        return own_rest.opened(self.engine, key, origin, asked_at, partial(self.key_of, claims))

    def key_of(self, claims: dict[str, Any]) -> Snapshot | None:
        """Return the present key of a token, limited to the token's scopes, and enter its
        tenant."""
        tenant_id, key_id = str(claims.get("tenant_id")), str(claims.get("sub"))
        enter_tenant(tenant_id)
        digest = session.scalar(
            select(ApiKey.key_hash).where(ApiKey.tenant_id == tenant_id, ApiKey.id == key_id)
        )
        if digest is None:
            return None
        found = self.engine.known(digest)
        if found is None:
            return None
        scopes = found.scopes & frozenset(str(claims["scope"]).split())
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        ends = min(ends, found.expires_at or ends)
        return replace(found, scopes=scopes, expires_at=ends)


def _kid(token: str) -> str | None:
    """Return the key id of a token that may be one of this portal. Nothing is verified yet."""
    try:
        header = jws.extract_compact(token.encode("ascii")).protected
    except (JoseError, ValueError, RecursionError, TypeError, AttributeError):
        return None
    kid = header.get("kid")
    ours = isinstance(kid, str) and KID.fullmatch(kid) and header.get("typ") == "at+jwt"
    return str(kid) if ours else None
