"""The portal's own access tokens: short JWTs for which a key is exchanged (RFC 9068).

A service verifies them offline by the published key set. The private halves are in the database,
sealed with a key from the configuration; the newest signs, and it is followed by another before
anybody has to know: a new one is published a while before it signs.
"""

import json
import os
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlalchemy import delete, select, text

from portal.db import Actor, Origin, enter_tenant, new_id, session
from portal.keys import gate
from portal.keys.decision import Question, refusal
from portal.keys.engine import Engine
from portal.keys.models import ApiKey
from portal.keys.snapshot import Snapshot
from portal.keys.state import TokenSigningKey

ALGORITHM = "ES256"
LIFETIME_SECONDS = 300
SIGNS_DAYS = 30  # then it is followed
PUBLISHED_FIRST = timedelta(minutes=10)  # as long as verifiers may keep a key set
KEPT = 2
PURPOSE = b"cpod/keys/token-signing/1"
NONCE_BYTES = 12
ALONE = text("SELECT pg_advisory_xact_lock(hashtext('token_signing_key'))")


@dataclass(frozen=True)
class Tokens:
    """Signs and reads tokens of one portal; `issuer` is its address."""

    issuer: str
    audience: str
    secret: str
    engine: Engine

    def issue(self, key: Snapshot, scopes: frozenset[str]) -> tuple[str, int]:
        """A token for what a key may do, at most `scopes`, and its lifetime in seconds."""
        signing = self._signing()
        now = int(self.engine.clock.now().timestamp())
        ends = now + LIFETIME_SECONDS
        if key.expires_at is not None:
            ends = min(ends, int(key.expires_at.timestamp()))
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
        return jwt.encode(header, claims, self._open(signing), algorithms=[ALGORITHM]), ends - now

    def jwks(self) -> dict[str, Any]:
        """The public halves (RFC 7517)."""
        self._signing()
        keys = session.scalars(select(TokenSigningKey).order_by(TokenSigningKey.id.desc()))
        return {"keys": [key.public_jwk for key in keys]}

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of a token of ours that has not ended; None for everything else."""
        kid = _kid(token)
        signing = None if kid is None else session.get(TokenSigningKey, kid)
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
        """The actor of a token of ours, as long as the key that it was exchanged for holds."""
        claims = self.read(token) if token.count(".") == 2 else None
        key = None if claims is None else self._carried(claims)
        return None if key is None else gate.opened(self.engine, key, origin)

    def key_of(self, claims: dict[str, Any]) -> Snapshot | None:
        """What a token carries of its key, if that still opens; its tenant is entered."""
        key = self._carried(claims)
        now = self.engine.clock.now()
        return None if key is None or refusal(key, Question(), now) else key

    def _carried(self, claims: dict[str, Any]) -> Snapshot | None:
        """The key behind a token with the token's scopes, as it stands; its tenant is entered."""
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
        # Where the token may be used from was asked when the key was exchanged.
        scopes = found.scopes & frozenset(str(claims["scope"]).split())
        return replace(found, scopes=scopes, allowed_ips=())

    # ------------------------------------------------------------ the keys that sign

    def _signing(self) -> TokenSigningKey:
        newest = select(TokenSigningKey).order_by(TokenSigningKey.id.desc())
        keys = list(session.scalars(newest.limit(KEPT)))
        now = self.engine.clock.now()
        if not keys or keys[0].created_at < now - timedelta(days=SIGNS_DAYS):
            session.execute(ALONE)
            keys = list(session.scalars(newest.limit(KEPT)))
            if not keys or keys[0].created_at < now - timedelta(days=SIGNS_DAYS):
                keys = [self._make(), *keys]
        published = [key for key in keys if key.created_at <= now - PUBLISHED_FIRST]
        return published[0] if published else keys[-1]

    def _make(self) -> TokenSigningKey:
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True)
        kid, nonce = new_id("sgn"), os.urandom(NONCE_BYTES)
        clear = json.dumps(key.as_dict(private=True)).encode()
        made = TokenSigningKey(
            id=kid,
            public_jwk={**key.as_dict(private=False), "kid": kid},
            sealed=nonce + AESGCM(self._sealing()).encrypt(nonce, clear, kid.encode()),
        )
        session.add(made)
        session.flush()
        session.refresh(made)
        old = select(TokenSigningKey.id).order_by(TokenSigningKey.id.desc()).offset(KEPT)
        session.execute(delete(TokenSigningKey).where(TokenSigningKey.id.in_(old)))
        return made

    def _open(self, signing: TokenSigningKey) -> ECKey:
        nonce, ciphertext = signing.sealed[:NONCE_BYTES], signing.sealed[NONCE_BYTES:]
        clear = AESGCM(self._sealing()).decrypt(nonce, ciphertext, signing.id.encode())
        return ECKey.import_key(json.loads(clear))

    def _sealing(self) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(self.secret.encode())


def _kid(token: str) -> str | None:
    """The kid of a token that may be ours, before anything is trusted."""
    try:
        header = jws.extract_compact(token.encode("ascii")).protected
    except (JoseError, ValueError, RecursionError, TypeError, AttributeError):
        return None
    kid = header.get("kid")
    ours = isinstance(kid, str) and kid.startswith("sgn_") and header.get("typ") == "at+jwt"
    return str(kid) if ours else None
