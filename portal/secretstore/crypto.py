"""Encrypt and decrypt for the embedded store: pure functions over bytes, no database, no clock.

There are two layers. Each tenant has a random data key that encrypts its secrets (AES-256-GCM). A
data key is stored wrapped (AES-KW, RFC 3394) by a store key that exists only in the configuration.
So changing the store key re-wraps 60 bytes per tenant and touches no secret.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from portal.core.root_keys import KEY_BYTES, STORE_PURPOSE, RootKey
from portal.secretstore import SecretDamaged, SecretRef, StoreSealed

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class StoreKey:
    """A key from the configuration. Its `id` identifies it without revealing anything about it."""

    id: str
    material: bytes = field(repr=False)

    @classmethod
    def derive(cls, configured: str) -> "StoreKey":
        """Derive the key from a configured text of high entropy."""
        root = RootKey(configured)
        return cls(root.id, root.derive(STORE_PURPOSE))


class KeyRing:
    """Hold the store keys: the first one wraps, all unwrap, so that a key can be replaced."""

    def __init__(self, keys: Iterable[StoreKey]) -> None:
        ordered = list(keys)
        if not ordered:
            raise ValueError("The embedded secret store needs a key; there is no mode without one.")
        self._keys = {key.id: key for key in ordered}
        self.active = ordered[0].id

    @classmethod
    def derive(cls, configured: Iterable[str]) -> "KeyRing":
        """Return one key from each configured text that is not empty, the active one first."""
        return cls(StoreKey.derive(text) for text in configured if text)

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def wrap(self, data_key: bytes) -> bytes:
        """Return the data key, wrapped by the active store key."""
        return aes_key_wrap(self._keys[self.active].material, data_key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Return the data key.

        Raises StoreSealed if the ring does not hold the key that it was wrapped with, SecretDamaged
        if it cannot be unwrapped.
        """
        if key_id not in self._keys:
            raise StoreSealed
        try:
            return aes_key_unwrap(self._keys[key_id].material, wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise SecretDamaged from error


@dataclass(frozen=True, slots=True)
class Place:
    """The place that a ciphertext belongs to.

    The ciphertext can be decrypted there and nowhere else: not for another tenant, not for another
    record or slot, not as another version.
    """

    ref: SecretRef
    version: int
    data_key_id: str

    def bound(self) -> bytes:
        """Return the additional authenticated data. No part can contain the separator."""
        ref = self.ref
        parts = (ref.tenant_id, ref.kind, ref.owner_id, ref.slot)
        return "|".join((*parts, str(self.version), self.data_key_id)).encode()


def new_data_key() -> bytes:
    """Return a random data key."""
    return AESGCM.generate_key(KEY_BYTES * 8)


def seal(values: Mapping[str, str], data_key: bytes, place: Place) -> tuple[bytes, bytes]:
    """Encrypt to (nonce, ciphertext). A random nonce is safe for 2^32 writes under one key."""
    nonce = os.urandom(NONCE_BYTES)
    clear = json.dumps(dict(values), ensure_ascii=False, separators=(",", ":")).encode()
    return nonce, AESGCM(data_key).encrypt(nonce, clear, place.bound())


def unseal(nonce: bytes, ciphertext: bytes, data_key: bytes, place: Place) -> dict[str, str]:
    """Decrypt. Raises SecretDamaged if a bit was changed or the ciphertext belongs elsewhere."""
    try:
        clear = AESGCM(data_key).decrypt(nonce, ciphertext, place.bound())
    except (InvalidTag, ValueError) as error:
        raise SecretDamaged from error
    values: dict[str, str] = json.loads(clear)
    return values
