"""What a raw key looks like: made at random, checked without asking anybody, kept as its hash.

    sk-acme-sHk3vN…             47 characters
    └──┬───┘│└─ 32 random ─┘└ 6 ┘
     prefix └ kind: u(ser), s(ervice), v(irtual_llm)

The six last characters are the CRC32 of all before them, so that a typo, a cut-off copy or a
made-up key is refused with arithmetic alone, and a scanner can tell a key from a look-alike.
"""

import binascii
import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
KIND_LETTERS = {"user": "u", "service": "s", "virtual_llm": "v"}
RANDOM_LENGTH = 32  # base62 characters: 190 bits
CHECKSUM_LENGTH = 6  # base62 characters: room for 32 bits
LENGTH = 47
RANDOM = secrets.SystemRandom()
SHAPE = re.compile(r"sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{38}")


@dataclass(frozen=True, slots=True)
class RawKey:
    """A key as its holder has it. It hides itself: `text` is asked for by name, once."""

    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """The first 8 characters, the same for all keys of a tenant: `sk-acme-`."""
        return self.text[:8]

    @property
    def key_prefix(self) -> str:
        """The first 12 characters: what people tell keys apart by."""
        return self.text[:12]

    @property
    def last4(self) -> str:
        """The last 4 characters, a part of the checksum."""
        return self.text[-4:]

    @property
    def digest(self) -> str:
        """What is stored instead of the key."""
        return digest(self.text)

    def __str__(self) -> str:
        return f"{self.key_prefix}…{self.last4}"


def generate(key_code: str, kind: str) -> RawKey:
    """A new key of a tenant (its `key_code`, 4 characters) and of a kind (see KIND_LETTERS)."""
    body = "".join(RANDOM.choices(ALPHABET, k=RANDOM_LENGTH))
    unchecked = f"sk-{key_code}-{KIND_LETTERS[kind]}{body}"
    return RawKey(unchecked + checksum(unchecked))


def is_well_formed(text: str) -> bool:
    """Whether the text could be a key of ours: its shape and its checksum, no look-up."""
    return (
        len(text) == LENGTH
        and SHAPE.fullmatch(text) is not None
        and checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]
    )


def checksum(text: str) -> str:
    """The CRC32 of the text in base62 (0-9A-Za-z), padded with 0 to 6 characters."""
    value = binascii.crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def digest(text: str) -> str:
    """Hex SHA-256. A fast hash is right: 190 random bits cannot be guessed, unlike a password."""
    return hashlib.sha256(text.encode()).hexdigest()
