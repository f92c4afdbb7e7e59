"""Encrypt text that only this portal can read: sign-in cookies and stored ID tokens."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from portal.core.root_keys import RootKeys


class Sealer:
    """Encrypt and authenticate text, with keys derived from the portal's secret keys."""

    def __init__(self, keys: RootKeys, purpose: str) -> None:
        label = f"portal {purpose}".encode()
        self._each = {key.id: Fernet(urlsafe_b64encode(key.derive(label))) for key in keys}
        self._fernet = MultiFernet(list(self._each.values()))

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def key_of(self, sealed: str) -> str | None:
        """Return the id of the key that a text is sealed under; None if no key opens it."""
        for key_id, fernet in self._each.items():
            try:
                fernet.decrypt(sealed.encode())
            except InvalidToken:
                continue
            return key_id
        return None

    def sealed_anew(self, sealed: str) -> str:
        """Return the text sealed under the active key, with its timestamp unchanged."""
        return self._fernet.rotate(sealed.encode()).decode()

    def open(self, sealed: str | None, *, max_age: int | None = None) -> str | None:
        """Return the text; None if it is foreign, changed, or older than `max_age` seconds."""
        try:
            return self._fernet.decrypt((sealed or "").encode(), ttl=max_age).decode()
        except (InvalidToken, UnicodeError):
            return None
