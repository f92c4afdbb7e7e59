"""Text that only this portal can read again: cookies of a sign-in under way, kept ID tokens."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Sealer:
    """Encrypts and authenticates with a key of its own, derived from the portal's secret key."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=f"portal {purpose}".encode())
        self._fernet = Fernet(urlsafe_b64encode(key.derive(secret_key.encode())))

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str | None, *, max_age: int | None = None) -> str | None:
        """The text, or None if it is not ours, was changed, or is older than `max_age` seconds."""
        try:
            return self._fernet.decrypt((sealed or "").encode(), ttl=max_age).decode()
        except (InvalidToken, UnicodeError):
            return None
