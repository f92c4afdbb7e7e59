"""Raw keys that can still be read for a while, encrypted with a secret that the portal does not
store.

A one-time link has its secret in the fragment of its address. The form that issued a key has its
own secret, so that a lost response can be sent again. The row is encrypted by AES-256-GCM with a
key derived from the secret (HKDF-SHA-256), so that the database alone reveals nothing. A missing, a
used and an expired row look the same to the client.
"""

import hashlib
import os
import re
import secrets
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, select, text

from portal.database.actor import Actor, Origin
from portal.database.base import new_id
from portal.database.session import database_now, delete_some, enter_tenant, flush, session
from portal.keys.models import ApiKey
from portal.keys.tables import SealedKey
from portal.records.audit import trail as audit

LINK_FOR = timedelta(hours=72)
REPLAY_FOR = timedelta(minutes=10)
NONCE = 12
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    """Return 256 random bits, as text for a URL."""
    return secrets.token_urlsafe(32)


def is_secret(given: str | None) -> bool:
    """Tell whether a text has the format of such a secret."""
    return given is not None and SECRET.fullmatch(given) is not None


def seal(actor: Actor, record: ApiKey, raw: str, secret: str, purpose: str) -> None:
    """Store a raw key, encrypted for the holder of `secret`, until it expires."""
    lasts = LINK_FOR if purpose == "link" else REPLAY_FOR
    session.add(
        SealedKey(
            tenant_id=record.tenant_id,
            id=new_id("sld"),
            key_id=record.id,
            purpose=purpose,
            secret_hash=_hash(secret),
            sealed=_lock(raw, secret, record.id, purpose),
            created_by=actor.id,
            expires_at=database_now() + lasts,
        )
    )
    flush()


def read_again(actor: Actor, key_id: str, secret: str | None) -> str | None:
    """Return the key again within ten minutes, to the person and the form that issued it."""
    if secret is None or not is_secret(secret):
        return None
    row = session.scalar(
        select(SealedKey).where(
            SealedKey.tenant_id == actor.tenant_id,
            SealedKey.secret_hash == _hash(secret),
            SealedKey.purpose == "replay",
            SealedKey.key_id == key_id,
            SealedKey.created_by == actor.id,
            SealedKey.expires_at > func.now(),
        )
    )
    return None if row is None else _unlock(row, secret)


def burn(secret: str, origin: Origin) -> tuple[str, str] | None:
    """Return the name and the raw key behind a one-time link, and delete it; None if it is not
    valid.

    The row is deleted before it is opened, so that only one of two simultaneous readers gets the
    key.
    """
    if not is_secret(secret):
        return None
    hashed = _hash(secret)
    session.execute(
        text("SELECT set_config('app.credential', :credential, true)"), {"credential": hashed}
    )
    tenant_id = session.scalar(select(SealedKey.tenant_id).where(SealedKey.secret_hash == hashed))
    if tenant_id is None:
        return None
    enter_tenant(tenant_id)
    row = session.scalar(
        delete(SealedKey)
        .where(SealedKey.tenant_id == tenant_id, SealedKey.secret_hash == hashed)
        .where(SealedKey.purpose == "link", SealedKey.expires_at > func.now())
        .returning(SealedKey)
        .execution_options(synchronize_session=False)
    )
    if row is None or (raw := _unlock(row, secret)) is None:
        return None
    record = session.get(ApiKey, (tenant_id, row.key_id))
    if record is None or record.status == "revoked" or record.is_stopped:
        return None  # a rollback restores the row: the link works again when its application does
    reader = Actor(
        tenant_id, "system", "one-time-link", "The reader of a one-time link", origin=origin
    )
    audit.record(reader, "key.link_opened", record)
    return record.name, raw


def forget_expired(tenant_id: str) -> int:
    """Delete some rows that have expired, and return how many. A job of the worker."""
    return delete_some(
        SealedKey, SealedKey.tenant_id == tenant_id, SealedKey.expires_at <= func.now()
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _cipher(secret: str, purpose: str) -> AESGCM:
    info = f"cpod/sealed-key/{purpose}/1".encode()
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=info).derive(secret.encode()))


def _lock(raw: str, secret: str, key_id: str, purpose: str) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + _cipher(secret, purpose).encrypt(nonce, raw.encode(), key_id.encode())


def _unlock(row: SealedKey, secret: str) -> str | None:
    nonce, sealed = row.sealed[:NONCE], row.sealed[NONCE:]
    try:
        return _cipher(secret, row.purpose).decrypt(nonce, sealed, row.key_id.encode()).decode()
    except InvalidTag:
        return None
