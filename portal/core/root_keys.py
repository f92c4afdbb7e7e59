"""Hold the portal's secret keys, `PORTAL_SECRET_KEY`: the first one encrypts, all can decrypt.

The portal signs and encrypts with keys that are derived from one of these, each for one purpose.
The secret keys exist in the configuration only. Stored data refers to a key by its `id`, which
reveals nothing about the key. `portal.ops.secrets.key_rotation` wraps stored data with the first
key, so that the others can be removed.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

KEY_BYTES = 32
STORE_PURPOSE = b"cpod/secretstore/store-key/1"
"""The purpose of the embedded secret store's keys; the id of each key is derived from it, too."""
SHORT = 8  # characters of an id that people see


@dataclass(frozen=True)
class RootKey:
    """One configured text of high entropy."""

    text: str = field(repr=False)

    @cached_property
    def id(self) -> str:
        return hmac.digest(self.derive(STORE_PURPOSE), b"id", hashlib.sha256).hex()[:16]

    def derive(self, purpose: bytes) -> bytes:
        """Return a key for one purpose, by HKDF-SHA-256 (RFC 5869).

        It needs no password stretching, because the configuration demands a random key.
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(self.text.encode())


class RootKeys:
    """Hold the keys in their order: the active one first, then the older ones."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._keys = tuple(RootKey(text) for text in dict.fromkeys(texts))
        self.active = self._keys[0]

    def __iter__(self) -> Iterator[RootKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RootKeys) and self._keys == other._keys

    def __hash__(self) -> int:
        return hash(self._keys)

    def __repr__(self) -> str:
        return f"<RootKeys {' '.join(key.id[:SHORT] for key in self)}>"

    @property
    def older(self) -> tuple[RootKey, ...]:
        return self._keys[1:]

    @property
    def texts(self) -> list[str]:
        return [key.text for key in self]

    def digests(self, message: bytes) -> list[bytes]:
        """Return the keyed SHA-256 of a message under each key.

        Store the first one, and compare with all: a stored one may come from an older key.
        """
        return [hmac.digest(key.text.encode(), message, hashlib.sha256) for key in self]
