"""The metadata and keys of one OpenID provider, cached and read again regularly.

Threads can share an Issuer. The last known metadata and keys stay in use while the provider is
unavailable. One caller at a time reads them again; the others continue with the known ones.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask
from joserfc import jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

from portal.identity.openid.http_client import Exchange, ProviderUnavailable, exchange

# A fixed list, never the provider's own: metadata that offers "none" has no effect.
ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA", "Ed25519")
REREAD_AFTER = 3600.0  # seconds until metadata and keys are read again
RETRY_AFTER = 30.0  # seconds until a failed reading, or one for an unknown kid, is repeated
MAX_TOKEN = 16 * 1024  # characters of a JWT


class InvalidToken(Exception):
    """A JWT that is not valid. The message is for the log, not for the sender."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The fields used from the discovery document (OpenID Connect Discovery, section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    names_itself: bool = False  # sends `iss` with the authorization response (RFC 9207)
    secret_in_body: bool = False  # offers client_secret_post and not client_secret_basic


@dataclass(frozen=True, slots=True)
class Verified:
    """The header and claims of a JWT whose signature is valid; the claims are not checked yet."""

    header: dict[str, Any]
    claims: dict[str, Any]


class Issuer:
    """The provider at `url`. Callers need only `metadata()` and `verify()`."""

    def __init__(
        self,
        url: str,
        http: Exchange = exchange,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._http = http
        self._clock = clock
        self._reading = threading.Lock()
        self._known: tuple[Metadata, KeySet] | None = None
        self._due = float("-inf")  # when the next regular reading is due
        self._kid_allowed_at = float("-inf")  # when an unknown kid may cause the next reading
        self._failure = "the provider's metadata is not known yet"

    def metadata(self) -> Metadata:
        """Return the provider's endpoints.

        Raises ProviderUnavailable only if they were never read.
        """
        return self._current()[0]

    def verify(self, token: str, typ: str | None = None) -> Verified:
        """Return the header and claims of a JWT that this provider signed.

        `typ` is the required media type without `application/` (RFC 9068, section 4). Raises
        InvalidToken, or ProviderUnavailable if no key was ever read.
        """
        header = _header(token)
        if typ is not None and _media_type(header.get("typ")) != typ:
            raise InvalidToken(f"typ is {header.get('typ')!r}, not {typ}")
        for key in self._candidates(header):
            try:
                decoded = jwt.decode(token, key, registry=_REGISTRY)
            except (JoseError, ValueError, RecursionError):
                continue
            return Verified(dict(decoded.header), decoded.claims)
        raise InvalidToken("no key of the provider made this signature")

    def _candidates(self, header: dict[str, Any]) -> list[Key]:
        """Return the keys that may have signed; read the keys again once if the kid is unknown."""
        found = list(_fitting(self._current()[1], header))
        if not found and header.get("kid") is not None:
            self._look_for_new_keys()
            found = list(_fitting(self._current()[1], header))
        return found

    def _look_for_new_keys(self) -> None:
        # Anybody can invent kids, so they cause at most one read in RETRY_AFTER seconds. A caller
        # that arrives during a read waits for it briefly, since it may bring the key.
        if not self._reading.acquire(timeout=2):
            return
        try:
            if self._clock() >= self._kid_allowed_at:
                self._kid_allowed_at = self._clock() + RETRY_AFTER
                self._read()
        finally:
            self._reading.release()

    def _current(self) -> tuple[Metadata, KeySet]:
        # A caller that already has keys does not wait for a slow provider.
        patience = 2 if self._known is None else 0
        if self._clock() >= self._due and self._reading.acquire(timeout=patience):
            try:
                if self._clock() >= self._due:
                    self._read()
            finally:
                self._reading.release()
        if self._known is None:
            raise ProviderUnavailable(self._failure)
        return self._known

    def _read(self) -> None:
        """Read metadata and keys; on failure, keep the known ones and try again soon."""
        try:
            metadata = _metadata(self.url, self._http("GET", discovery_url(self.url)).json())
            self._known = metadata, _keys(self._http("GET", metadata.jwks_uri).json())
            self._due = self._clock() + REREAD_AFTER
        except ProviderUnavailable as error:
            self._failure = str(error)
            self._due = self._clock() + (1 if self._known is None else RETRY_AFTER)


class _Registry(jws.JWSRegistry):
    """Accept only ALGORITHMS, and do not warn that RFC 9864 renames EdDSA."""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"{name!r} is not accepted")
        return self.algorithms[name]


_REGISTRY = _Registry()


def discovery_url(issuer: str) -> str:
    """Return the discovery URL: the path is appended, not inserted (Discovery, section 4)."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def _metadata(issuer: str, document: dict[str, Any]) -> Metadata:
    if document.get("issuer") != issuer:
        raise ProviderUnavailable(f"its metadata names another issuer, {document.get('issuer')!r}")
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not isinstance(methods, list):
        raise ProviderUnavailable("its token_endpoint_auth_methods_supported is no list")
    return Metadata(
        authorization_endpoint=_endpoint(issuer, document, "authorization_endpoint"),
        token_endpoint=_endpoint(issuer, document, "token_endpoint"),
        jwks_uri=_endpoint(issuer, document, "jwks_uri"),
        userinfo_endpoint=_optional(issuer, document, "userinfo_endpoint"),
        end_session_endpoint=_optional(issuer, document, "end_session_endpoint"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        secret_in_body="client_secret_post" in methods and "client_secret_basic" not in methods,
    )


def _endpoint(issuer: str, document: dict[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str):
        raise ProviderUnavailable(f"its metadata has no {name}")
    # Accept plain http only if the operator configured plain http, which production refuses.
    if not url.startswith("https://") and not issuer.startswith("http://"):
        raise ProviderUnavailable(f"its {name} is not https")
    return url


def _optional(issuer: str, document: dict[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _endpoint(issuer, document, name)


def _keys(document: dict[str, Any]) -> KeySet:
    """Return every usable key. An unreadable key is skipped, so that the others stay usable."""
    members = document.get("keys")
    keys: list[Key] = []
    for member in members if isinstance(members, list) else []:
        try:
            keys += KeySet.import_key_set({"keys": [member]}).keys
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    usable = [key for key in keys if _usable(key)]
    if not usable:
        raise ProviderUnavailable("its key set has no key that we can use")
    return KeySet(usable)


def _usable(key: Key) -> bool:
    if key.get("use") not in (None, "sig"):
        return False
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= 2048
    return isinstance(key, (ECKey, OKPKey))  # never a shared secret


def _fitting(keys: KeySet, header: dict[str, Any]) -> Iterator[Key]:
    """Yield the keys that fit the header's algorithm and, if present, its kid."""
    alg, kid = header["alg"], header.get("kid")
    for key in keys:
        if kid is not None and key.kid != kid:
            continue
        if key.get("alg") in (None, alg) and _suits(key, alg):
            yield key


def _suits(key: Key, alg: str) -> bool:
    if alg == "ES256":
        return isinstance(key, ECKey) and key.curve_name == "P-256"
    if alg in ("EdDSA", "Ed25519"):
        return isinstance(key, OKPKey) and key.curve_name == "Ed25519"
    return isinstance(key, RSAKey)


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN:
        raise InvalidToken("longer than any token of ours")
    try:
        header = dict(jws.extract_compact(token.encode("ascii")).protected)
    except (JoseError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise InvalidToken("not a signed JWT") from error
    if header.get("alg") not in ALGORITHMS:
        raise InvalidToken(f"algorithm {header.get('alg')!r} is not accepted")
    if not isinstance(header.get("kid"), (str, type(None))):
        raise InvalidToken("kid is no string")
    return header


def _media_type(typ: Any) -> str:
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


def init_app(app: Flask, url: str) -> Issuer:
    """Create the issuer of an application and return it."""
    app.extensions["portal.issuer"] = Issuer(url)
    return of(app)


def of(app: Flask) -> Issuer:
    """Return the application's one Issuer, so that its cache is shared."""
    return cast("Issuer", app.extensions["portal.issuer"])
