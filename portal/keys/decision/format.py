"""What a raw key looks like: made at random, checked without asking anybody, kept as its hash.

    sk-acme-sHk3vN…             47 characters
    └──┬───┘│└─ 32 random ─┘└ 6 ┘
     prefix └ kind: u(ser), s(ervice), v(irtual_llm)

The six last characters are the CRC32 of all before them, so that a typo, a cut-off copy or a
made-up key is refused with arithmetic alone, and a scanner can tell a key from a look-alike.
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
    """A key as its holder has it. It hides itself: `text` is asked for by name, once."""

    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """Return the first 8 characters, the same for all keys of a tenant: `sk-acme-`."""
        return self.text[:8]

    @property
    def key_prefix(self) -> str:
        """Return the first 12 characters: what people tell keys apart by."""
        return self.text[:12]

    @property
    def last4(self) -> str:
        """Return the last 4 characters, a part of the checksum."""
        return self.text[-4:]

    @property
    def digest(self) -> str:
        """Return what is stored instead of the key."""
        return digest(self.text)

    def __str__(self) -> str:
        return f"{self.key_prefix}…{self.last4}"


def generate(key_code: str, kind: str) -> RawKey:
    """Return a new key of a tenant (its `key_code`, 4 characters) and of a kind (see
    KIND_LETTERS)."""
    body = "".join(RANDOM.choices(ALPHABET, k=RANDOM_LENGTH))
    unchecked = f"sk-{key_code}-{KIND_LETTERS[kind]}{body}"
    return RawKey(unchecked + checksum(unchecked))


def digest(text: str) -> str:
    """Hex SHA-256. A fast hash is right: 190 random bits cannot be guessed, unlike a password."""
    return hashlib.sha256(text.encode()).hexdigest()
