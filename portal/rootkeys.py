"""The portal's secret keys, `PORTAL_SECRET_KEY`: what the first makes, all of them read.

All that the portal signs and seals hangs on these texts, each time on a key of its own that is
derived for the purpose. They exist in the configuration alone. What is stored under one knows it by
`id`, which tells which one without telling anything about it. `portal.rewrap` brings what is stored
under the first, so that the others can go.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

KEY_BYTES = 32
STORE_PURPOSE = b"cpod/secretstore/store-key/1"
"""Of the keys of the embedded secret store; the ids of all keys are made from these, too."""
SHORT = 8  # characters of an id that people are shown


@dataclass(frozen=True)
class RootKey:
    """One configured text of high entropy."""

    text: str = field(repr=False)

    @cached_property
    def id(self) -> str:
        return hmac.digest(self.derive(STORE_PURPOSE), b"id", hashlib.sha256).hex()[:16]

    def derive(self, purpose: bytes) -> bytes:
        """A key for one purpose, by HKDF-SHA-256 (RFC 5869).

        No password stretching: the configuration demands a random key, not a pass phrase.
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(self.text.encode())


class RootKeys:
    """The keys in their order: the active one, then those that it follows."""

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
        """The keyed SHA-256 of a message under each key. What is written is the first; what was
        written before a change of keys is one of the others."""
        return [hmac.digest(key.text.encode(), message, hashlib.sha256) for key in self]
