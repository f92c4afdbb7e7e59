"""Verify bearer tokens: JWT access tokens of the configured provider (RFC 9068).

Authlib's own validator accepts a token without `typ` and imports the key set at every request; this
one does neither.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from portal.core.errors import Unauthenticated, Unavailable
from portal.identity.openid.claims import claim_at, shown
from portal.identity.openid.http_client import ProviderUnavailable
from portal.identity.openid.issuer import InvalidToken, Issuer

LEEWAY = 30  # seconds by which the clocks of two servers may differ
LAST_MOMENT = 253_402_300_799  # the end of the year 9999, and of Python's dates

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a valid access token. `tenant`, `roles` and `groups` are not yet checked."""

    issuer: str
    subject: str
    client_id: str
    token_id: str
    scopes: frozenset[str]
    tenant: Any
    roles: Any
    groups: Any
    name: str | None
    email: str | None
    issued_at: int
    expires_at: int
    is_of_a_program: bool


@dataclass(frozen=True)
class TokenVerifier:
    """Verify access tokens of `issuer` that are meant for `audience`.

    `program_claim` names a claim that tokens of programs have and tokens of people do not:
    `idtyp=app`, or the name alone. Without it, a token belongs to a program if its subject is the
    client itself (client credentials, RFC 9068, section 2.2).
    """

    issuer: Issuer
    audience: str
    tenant_claim: str = "tenant_id"
    roles_claim: str = "roles"
    program_claim: str | None = None
    groups_claim: str = "groups"
    clock: Callable[[], float] = time.time

    def verify(self, token: str) -> AccessToken:
        """Return the token's claims.

        Raises Unauthenticated with the same message for every flaw; the reason is logged. Raises
        Unavailable when the provider's keys were never read and cannot be read now.
        """
        try:
            return self._read(self.issuer.verify(token, typ="at+jwt").claims)
        except InvalidToken as error:
            log.info("bearer token refused", reason=str(error))
            raise Unauthenticated("The access token is not valid.") from error
        except ProviderUnavailable as error:
            log.warning("bearer token not checked", reason=str(error))
            raise Unavailable("Access tokens cannot be checked right now.") from error

    def _read(self, claims: dict[str, Any]) -> AccessToken:
        now = self.clock()
        if claims.get("iss") != self.issuer.url:
            raise InvalidToken(f"issuer {claims.get('iss')!r}")
        if self.audience not in audiences(claims):
            raise InvalidToken(f"audience {claims.get('aud')!r}")
        expires_at, issued_at = moment(claims, "exp"), moment(claims, "iat")
        if expires_at + LEEWAY <= now:
            raise InvalidToken("expired")
        if issued_at - LEEWAY > now:
            raise InvalidToken("issued in the future")
        if "nbf" in claims and moment(claims, "nbf") - LEEWAY > now:
            raise InvalidToken("not valid yet")
        verified = claims.get("email_verified") is True
        subject, client_id = words(claims, "sub"), _client_id(claims)
        is_its_own = subject == client_id
        return AccessToken(
            issuer=self.issuer.url,
            subject=subject,
            client_id=client_id,
            token_id=words(claims, "jti"),
            scopes=_scopes(claims),
            tenant=claim_at(claims, self.tenant_claim),
            roles=claim_at(claims, self.roles_claim),
            groups=claim_at(claims, self.groups_claim),
            name=shown(claims.get("name")),
            email=shown(claims.get("email"), 320) if verified else None,
            issued_at=int(issued_at),
            expires_at=int(expires_at),
            is_of_a_program=_marks(claims, self.program_claim)
            if self.program_claim
            else is_its_own,
        )


def _marks(claims: dict[str, Any], wanted: str) -> bool:
    """Tell whether a claim marks a token as a program's.

    For `name=value` the claim must have that value, alone or in a list. For a name alone, the claim
    must not be empty or false.
    """
    name, has_value, value = wanted.partition("=")
    found = claim_at(claims, name)
    if not has_value:
        return found not in (None, False, "", "false", [])
    values = found if isinstance(found, list) else [found]
    return any(one == value or (one is True and value == "true") for one in values)


def audiences(claims: dict[str, Any]) -> list[Any]:
    """Return `aud` as a list (RFC 7519, section 4.1.3: a string or an array of strings)."""
    aud = claims.get("aud")
    return aud if isinstance(aud, list) else [aud]


def moment(claims: dict[str, Any], name: str) -> float:
    """Return a NumericDate claim in seconds, from 1970 to 9999. Raises InvalidToken for anything
    else.

    Python alone would accept NaN and true as numbers.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidToken(f"{name} is missing or no number")
    if not 0 <= value <= LAST_MOMENT:
        raise InvalidToken(f"{name} is no moment")
    return float(value)


def words(claims: dict[str, Any], name: str) -> str:
    """Return a string claim of 1 to 255 printable characters.

    Raises InvalidToken for anything else.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable():
        raise InvalidToken(f"{name} is missing, empty, too long or no plain string")
    return value


def _client_id(claims: dict[str, Any]) -> str:
    """Return `client_id`, or `azp` for providers older than RFC 9068.

    Raises InvalidToken if both are present and differ.
    """
    azp, client_id = claims.get("azp"), claims.get("client_id")
    if client_id is None:
        return words(claims, "azp")
    if azp is not None and azp != client_id:
        raise InvalidToken("azp and client_id differ")
    return words(claims, "client_id")


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """Return the words of `scope` (RFC 8693, section 4.2) and of `scp`, as some providers call it:
    strings or lists.

    Raises InvalidToken for another type: a narrowing that is not understood gives no rights.
    """
    named: list[Any] = []
    for name in ("scope", "scp"):
        found = claims.get(name)
        words = found.split() if isinstance(found, str) else [] if found is None else found
        if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
            raise InvalidToken(f"{name} is no list of words")
        named += words
    return frozenset(named)
