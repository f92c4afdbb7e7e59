"""Hold a secret so that it is not shown by accident."""

import hmac
from typing import NoReturn

HIDDEN = "****"


class Secret:
    """A secret text. Printed, formatted or logged it is `****`; `reveal()` returns it.

    It cannot be pickled, copied into JSON or joined with another text without `reveal()`.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret('{HIDDEN}')"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret cannot be pickled. Store what reveal() returns in a safe place.")


def revealed(secret: "str | Secret") -> str:
    """Return the text of a secret that may be hidden."""
    return secret.reveal() if isinstance(secret, Secret) else secret
