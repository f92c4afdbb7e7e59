"""The cookies used for signing in: their names, their attributes and their sealed contents."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit

from flask import Response

from portal.core.config import Config
from portal.identity.openid.relying_party import LOGIN_LIFETIME, Pending
from portal.identity.sessions.sealed_text import Sealer

MOST_PENDING = 5  # sign-ins in progress in one browser, for example in several tabs
LARGEST = 3800  # characters; browsers drop a cookie of more than 4096 bytes with its name


@dataclass(frozen=True)
class Cookies:
    """The cookies' names, and whether they are bound to https.

    With https they carry `__Host-`, so that no other host can set them. On plain http, which only
    development uses, Safari would drop a Secure cookie, so they have neither. Cookies do not
    distinguish ports, so the port is part of the name and keeps two portals on one machine apart.
    """

    session: str
    login: str
    logout: str
    secure: bool
    sealer: Sealer

    @classmethod
    def of(cls, config: Config) -> "Cookies":
        base = urlsplit(config.base_url)
        secure = base.scheme == "https"
        name = "__Host-cpod" if secure else f"cpod-{base.port or 80}"
        sealer = Sealer(config.secret_key, "sign-in cookie")
        return cls(name, f"{name}-login", f"{name}-logout", secure, sealer)

    def set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        """Set a cookie that scripts cannot read and that survives the provider's redirect (Lax)."""
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            secure=self.secure,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def drop(self, response: Response, name: str) -> None:
        """Delete a cookie in the browser."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="Lax")

    # ------------------------------------------------------------ sign-ins under way

    def read_pending(self, value: str | None) -> list[Pending]:
        """Return the sign-ins that this browser has started; none if the cookie is not ours."""
        text = self.sealer.open(value, max_age=LOGIN_LIFETIME)
        try:
            return [Pending(*fields) for fields in json.loads(text or "[]")]
        except TypeError:  # sealed by another version of the portal
            return []

    def set_pending(self, response: Response, pending: Sequence[Pending]) -> None:
        """Store the newest sign-ins: at most MOST_PENDING, and as many as fit in one cookie."""
        kept = list(pending[-MOST_PENDING:])
        while kept:
            sealed = self.sealer.seal(json.dumps([astuple(one) for one in kept]))
            if len(sealed) <= LARGEST:
                self.set(response, self.login, sealed, LOGIN_LIFETIME)
                return
            kept = kept[1:]
        self.drop(response, self.login)
