"""The cookies of signing in: what they are called, how they are set, what is sealed in them."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit

from flask import Response

from portal.core.config import Config
from portal.identity.openid.relying_party import LOGIN_LIFETIME, Pending
from portal.identity.sessions.sealed_text import Sealer

MOST_PENDING = 5  # sign-ins under way in one browser: tabs, not an attack on the cookie's size
LARGEST = 3800  # characters; browsers drop a cookie beyond 4096 bytes, name and all


@dataclass(frozen=True)
class Cookies:
    """The names, and whether they are bound to https.

    With https they carry `__Host-`: no other host can set them. On plain http, which only
    development uses, Safari would drop a Secure cookie, so they have neither; and since cookies
    do not know ports, the port in the name keeps two portals on one machine apart.
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
        """Hidden from scripts; sent along when the provider sends the browser back (Lax)."""
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
        """Tell the browser to forget it."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="Lax")

    # ------------------------------------------------------------ sign-ins under way

    def read_pending(self, value: str | None) -> list[Pending]:
        """Return the sign-ins that this browser has started; none for a cookie that is not ours."""
        text = self.sealer.open(value, max_age=LOGIN_LIFETIME)
        try:
            return [Pending(*fields) for fields in json.loads(text or "[]")]
        except TypeError:  # sealed by another version of the portal
            return []

    def set_pending(self, response: Response, pending: Sequence[Pending]) -> None:
        """Keep the newest few."""
        kept = list(pending[-MOST_PENDING:])
        while kept:
            sealed = self.sealer.seal(json.dumps([astuple(one) for one in kept]))
            if len(sealed) <= LARGEST:
                self.set(response, self.login, sealed, LOGIN_LIFETIME)
                return
            kept = kept[1:]
        self.drop(response, self.login)
