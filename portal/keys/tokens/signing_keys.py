"""The keys that sign the portal's own tokens.

Private keys are stored in the database, encrypted with a key from the configuration. A new key is
published some time before it signs, so that verifiers know it by then.
"""

import json
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import ECKey
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from portal.core.errors import Unavailable
from portal.core.root_keys import SHORT, RootKey, RootKeys
from portal.database.base import new_id
from portal.database.session import session
from portal.keys.tables import TokenSigningKey

ALGORITHM = "ES256"
SIGNS_DAYS = 30  # then a new one takes over
PUBLISHED_FIRST = timedelta(minutes=10)  # as long as verifiers may keep a key set
KEPT = 2
PURPOSE = b"cpod/keys/token-signing/1"
NONCE_BYTES = 12
ALONE = text("SELECT pg_advisory_xact_lock(hashtext('token_signing_key'))")
NEWEST = select(TokenSigningKey).order_by(TokenSigningKey.id.desc())

log = structlog.stdlib.get_logger(__name__)


class CannotSign(Unavailable):
    """The signing key is encrypted with a root key that this process does not have."""

    code, title = "token_signing_sealed", "Tokens cannot be signed now"

    def __init__(self) -> None:
        super().__init__(
            "Tokens cannot be signed now. Keys go on working as they are; an operator must look.",
            retry_after=30,
        )


@dataclass(frozen=True)
class SigningKeys:
    """The signing keys, encrypted with these root keys."""

    roots: RootKeys

    def current(self, now: datetime) -> TokenSigningKey:
        """Return the key that signs now.

        Make a key if there is none, or if it is time for a new one.
        """
        keys = list(session.scalars(NEWEST.limit(KEPT)))
        if _is_time(keys, now):
            session.execute(ALONE)
            keys = list(session.scalars(NEWEST.limit(KEPT)))
            if _is_time(keys, now):
                keys = [self._make(keys), *keys]
        published = [key for key in keys if key.created_at <= now - PUBLISHED_FIRST]
        return published[0] if published else keys[-1]

    def published(self, now: datetime) -> list[TokenSigningKey]:
        """Return all keys that verifiers must know."""
        with suppress(CannotSign):  # tokens can still be verified
            self.current(now)
        return list(session.scalars(NEWEST))

    def open(self, signing: TokenSigningKey) -> ECKey:
        """Return the private key. Raises CannotSign."""
        found = self._opened(signing)
        if found is None:
            log.error(
                "no configured key opens the key that signs tokens",
                signing_key=signing.id,
                configured=[key.id[:SHORT] for key in self.roots],
                advice="Add the earlier PORTAL_SECRET_KEY behind the new one and restart; then run "
                "portal secret-key rotate.",
            )
            raise CannotSign
        return ECKey.import_key(json.loads(found[1]))

    def under(self, reader: Session) -> Counter[str]:
        """Return root key id → how many signing keys are encrypted with it.

        The id "" counts those that no configured root key decrypts.
        """
        opened = [self._opened(signing) for signing in reader.scalars(NEWEST)]
        return Counter(found[0].id if found else "" for found in opened)

    def rewrap(self) -> int:
        """Encrypt all keys with the active root key, and return how many changed.

        A key that no configured root key decrypts stays unchanged.
        """
        session.execute(ALONE)
        changed = 0
        for signing in session.scalars(NEWEST.with_for_update()):
            found = self._opened(signing)
            if found is not None and found[0] != self.roots.active:
                signing.sealed = _sealed(self.roots.active, signing.id, found[1])
                changed += 1
        session.flush()
        return changed

    def _opened(self, signing: TokenSigningKey) -> tuple[RootKey, bytes] | None:
        nonce, ciphertext = signing.sealed[:NONCE_BYTES], signing.sealed[NONCE_BYTES:]
        for root in self.roots:
            try:
                clear = AESGCM(root.derive(PURPOSE)).decrypt(nonce, ciphertext, signing.id.encode())
            except InvalidTag:
                continue
            return root, clear
        return None

    def _make(self, keys: list[TokenSigningKey]) -> TokenSigningKey:
        if keys:
            self.open(keys[0])  # raises if the configuration is wrong, so that no second set starts
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True)
        kid = new_id("sgn")
        clear = json.dumps(key.as_dict(private=True)).encode()
        made = TokenSigningKey(
            id=kid,
            public_jwk={**key.as_dict(private=False), "kid": kid},
            sealed=_sealed(self.roots.active, kid, clear),
        )
        session.add(made)
        session.flush()
        session.refresh(made)
        old = select(TokenSigningKey.id).order_by(TokenSigningKey.id.desc()).offset(KEPT)
        session.execute(delete(TokenSigningKey).where(TokenSigningKey.id.in_(old)))
        return made


def _is_time(keys: list[TokenSigningKey], now: datetime) -> bool:
    return not keys or keys[0].created_at < now - timedelta(days=SIGNS_DAYS)


def _sealed(root: RootKey, kid: str, clear: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(root.derive(PURPOSE)).encrypt(nonce, clear, kid.encode())
