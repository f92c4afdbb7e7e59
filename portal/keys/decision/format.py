"""The format of a raw key: made at random, checked without a query, stored as its hash.

    sk-acme-sHk3vN…             47 characters
    └──┬───┘│└─ 32 random ─┘└ 6 ┘
     prefix └ kind: u(ser), s(ervice), v(irtual_llm)

The last six characters are the CRC32 of all before them. So a typo, a truncated copy or an invented
key is refused without a query, and a scanner can tell a key from similar text.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

from portal.core.key_shape import ALPHABET, checksum

KIND_LETTERS = {"user": "u", "service": "s", "virtual_llm": "v"}
RANDOM_LENGTH = 32  # base62 characters: 190 bits
RANDOM = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class RawKey:
    """A raw key. Its repr hides the text, which code must read by name, as `text`."""

    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """Return the first 8 characters, the same for all keys of a tenant: `sk-acme-`."""
        return self.text[:8]

    @property
    def key_prefix(self) -> str:
        """Return the first 12 characters, by which people tell keys apart."""
        return self.text[:12]

    @property
    def last4(self) -> str:
        """Return the last 4 characters, a part of the checksum."""
        return self.text[-4:]

    @property
    def digest(self) -> str:
        """Return the hash that is stored instead of the key."""
        return digest(self.text)

    def __str__(self) -> str:
        return f"{self.key_prefix}…{self.last4}"


def generate(key_code: str, kind: str) -> RawKey:
    """Return a new random key.

    `key_code` is the 4 characters of its tenant; see KIND_LETTERS for `kind`.
    """
    body = "".join(RANDOM.choices(ALPHABET, k=RANDOM_LENGTH))
    unchecked = f"sk-{key_code}-{KIND_LETTERS[kind]}{body}"
    return RawKey(unchecked + checksum(unchecked))


def digest(text: str) -> str:
    """Return the hex SHA-256.

    A fast hash is enough: unlike a password, 190 random bits cannot be guessed.
    """
    return hashlib.sha256(text.encode()).hexdigest()
