"""Store secrets in a HashiCorp Vault or OpenBao KV v2 mount.

The server's own messages may contain paths, socket names and user names. They are neither shown nor
logged; only the operation and the status are. The behaviour noted below was measured on OpenBao
2.7.
"""

import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from typing import Any, Protocol

import structlog
import urllib3

from portal.core.config import Config
from portal.core.errors import PortalError
from portal.secretstore import (
    PatchUnsupported,
    Secret,
    SecretConflict,
    SecretDenied,
    SecretMeta,
    SecretNotFound,
    SecretRef,
    Side,
    StoreHealth,
    StoreSealed,
    StoreState,
    StoreUnavailable,
    Version,
    check,
    check_changes,
    current_version,
    dashed,
)
from portal.secretstore.permissions import CREDENTIALS, NEEDS, example, missing
from portal.secretstore.recent_health import RecentHealth

log = structlog.get_logger(__name__)

TIMEOUT = urllib3.Timeout(connect=1.0, read=3.0)
"""Seconds. A healthy store answers in 3 to 6 milliseconds, so a slow one is hanging."""

CONNECTIONS = 8
KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,63}/")  # what else is there is not ours
LOGIN_AGAIN_AT = 0.75
"""The share of a token's life after which to log in again: batch tokens cannot be renewed."""

LOGIN_PAUSE = 60.0
"""Seconds without an attempt after refused credentials: five refusals lock a role for a while."""

NOT_CARRIED_OUT = frozenset({412, 429})
"""Refused before execution (a replica behind, a quota): any request may be sent again."""

PASSING = frozenset({500, 502, 504})
"""Errors that often pass at once. Only a read may be sent again."""

STANDBY = frozenset({200, 429, 472, 473})
"""Status codes of sys/health for an unsealed node: active, standby, replica."""


SEALED = StoreHealth(StoreState.SEALED, "The secret store is sealed. Unseal it.")
WALL = (
    "Web processes write credentials but cannot read them: only the role of the workers can. They "
    "read what connectors hand out to their applications."
)
NO_WALL = (
    "The role of the web processes can read credentials, too. Give them a role of their own with "
    "portal/secretstore/policies/web.hcl."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON of one response. A response that is no JSON object has an empty body."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """Return the `data` member, or an empty one."""
        found = self.body.get("data")
        return found if isinstance(found, dict) else {}

    @property
    def is_sealed(self) -> bool:
        """Tell whether a 503 comes from a sealed server, and not from a proxy in front of it."""
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE and (
            self.body.get("sealed") is True or "sealed" in str(self.body.get("errors"))
        )


class Breaker:
    """A circuit breaker: threads do not wait for a store that hangs.

    After some failures, requests fail at once. When the pause (seconds) is over, one request is let
    through: its success closes the circuit, its failure opens it for another pause. Thread-safe.
    """

    def __init__(
        self,
        failures: int = 5,
        pause: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._lock = Lock()
        self._failed = 0
        self._try_at = 0.0

    def enter(self) -> None:
        """Raise StoreUnavailable while the circuit is open."""
        with self._lock:
            if self._failed < self._limit:
                return
            now = self._clock()
            if now < self._try_at:
                raise StoreUnavailable
            self._try_at = now + self._pause  # this caller makes the trial request

    def leave(self, *, answered: bool) -> None:
        """Record the result of a request that was let in."""
        with self._lock:
            self._failed = 0 if answered else self._failed + 1
            self._try_at = self._clock() + self._pause


class Transport:
    """Send requests to one server: with timeouts, without redirects, and with safe retries."""

    def __init__(
        self,
        address: str,
        timeout: urllib3.Timeout = TIMEOUT,
        breaker: Breaker | None = None,
    ) -> None:
        self._address = address.rstrip("/")
        self._breaker = breaker or Breaker()
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=CONNECTIONS, timeout=timeout, retries=False
        )

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> Answer:
        """Send a request, and repeat it where that is safe. Raises StoreUnavailable."""
        answer = self._once(method, path, headers, body)
        again = answer is None or answer.status in PASSING
        if (again and method == "GET") or (answer and answer.status in NOT_CARRIED_OUT):
            time.sleep(random.uniform(0.05, 0.15))  # noqa: S311 (jitter, not a secret)
            answer = self._once(method, path, headers, body)
        if answer is None:
            raise StoreUnavailable
        return answer

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: object
    ) -> Answer | None:
        """Return the response; None if the connection broke. Raises StoreUnavailable on timeout."""
        encoded = None if body is None else json.dumps(body).encode()
        url = f"{self._address}/v1/{path}"
        self._breaker.enter()
        answered = False
        try:
            response = self._pool.request(
                method, url, body=encoded, headers=dict(headers), redirect=False
            )
            answered = True
        except urllib3.exceptions.TimeoutError as error:
            log.warning("secret_store_timeout", method=method)
            raise StoreUnavailable from error
        except urllib3.exceptions.HTTPError as error:
            log.warning("secret_store_unreachable", method=method, error=type(error).__name__)
            return None
        finally:
            self._breaker.leave(answered=answered)
        return Answer(response.status, _object(response.data))


class Login(Protocol):
    """A source of the token."""

    def token(self) -> str:
        """Return a token that is valid as far as we know."""
        ...

    def replace(self, refused: str) -> bool:
        """Forget a token that was refused. Return whether `token` can now return another one."""
        ...

    def refused(self) -> SecretDenied:
        """Return the error of a token that may not even ask for its permissions."""
        ...


class StaticToken:
    """A token from the configuration. Only an operator can replace it when it expires."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        """Return the configured token."""
        return self._token

    def replace(self, refused: str) -> bool:
        """Return False: there is no other token."""
        return False

    def refused(self) -> SecretDenied:
        """Return that the token is at its end."""
        return SecretDenied(
            "The secret store refuses the portal's token: it has expired, was revoked, or may not "
            "update sys/capabilities-self. Set a new token and restart."
        )


class AppRole:
    """Log in with role id and secret id, and again before the token ends or once it is refused.

    Thread-safe: threads that meet an expired token at the same time cause one login.
    """

    def __init__(
        self,
        transport: Transport,
        headers: Mapping[str, str],
        role_id: str,
        secret_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._headers = headers
        self._credentials = {"role_id": role_id, "secret_id": secret_id}
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._good_until = 0.0
        self._refused_until = 0.0

    def token(self) -> str:
        """Return the current token, or a new one from a login. Raises any error of the store."""
        with self._lock:
            if not self._token or self._clock() >= self._good_until:
                self._log_in()
            return self._token

    def replace(self, refused: str) -> bool:
        """Drop the token unless another thread has already dropped it."""
        with self._lock:
            if self._token == refused:
                self._token = ""
        return True

    def refused(self) -> SecretDenied:
        """Return that the new token lacks the permission."""
        return SecretDenied(
            "The policy of the portal's role lacks update on sys/capabilities-self, or all of its "
            "policies are gone. Give it one of portal/secretstore/policies."
        )

    def _log_in(self) -> None:
        if self._clock() < self._refused_until:
            raise _credentials_refused()
        answer = self._transport.send(
            "POST", "auth/approle/login", self._headers, self._credentials
        )
        # A wrong secret id is a 400, not a 403: either way the portal's own credentials are wrong.
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
            log.error("secret_store_login_refused", status=answer.status)
            self._refused_until = self._clock() + LOGIN_PAUSE
            raise _credentials_refused()
        _raise_for(answer, "login")
        try:
            granted = answer.body["auth"]
            self._token = str(granted["client_token"])
            life = float(granted["lease_duration"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreUnavailable from error
        # A life of 0 is a token that does not expire.
        self._good_until = self._clock() + life * LOGIN_AGAIN_AT if life else float("inf")


class VaultStore:
    """Implement `SecretStore` over the KV v2 HTTP API. Threads share one instance."""

    writes_in_transaction = False

    def __init__(
        self,
        transport: Transport,
        login: Login,
        side: Side = Side.WEB,
        *,
        mount: str = "secret",
        namespace: str = "",
    ) -> None:
        self._transport = transport
        self._login = login
        self._side = side
        self._mount = mount.strip("/")
        self._headers = _base_headers(namespace)
        self._recent = RecentHealth(self.health)

    @classmethod
    def from_config(cls, config: Config, side: Side) -> "VaultStore":
        """Build the store from the configuration. It connects at the first call.

        Raises ConfigError if the configuration has no role for this side.
        """
        transport = Transport(config.vault_addr or "")
        namespace = config.vault_namespace or ""
        given = config.vault_login(side.value)
        login: Login = StaticToken(given.token)
        if given.role_id:
            login = AppRole(transport, _base_headers(namespace), given.role_id, given.secret_id)
        return cls(transport, login, side, mount=config.vault_mount, namespace=namespace)

    def put(self, ref: SecretRef, data: Mapping[str, str], *, cas: int | None) -> Version:
        """See `SecretStore.put`."""
        check(data)
        body: dict[str, Any] = {"data": dict(data)}
        if cas is not None:
            body["options"] = {"cas": cas}
        answer = self._call("POST", "data", ref, body)
        if answer.status == HTTPStatus.BAD_REQUEST:
            current = current_version(self, ref)
            if cas is not None:
                raise _conflict_or_unavailable(current, cas)
            # The mount requires a cas: use the version that is there now.
            return self.put(ref, data, cas=current)
        _raise_for(answer, "put")
        return _version(answer.data.get("version"), answer.data)

    def patch(self, ref: SecretRef, changes: Mapping[str, str | None], *, cas: int) -> Version:
        """See `SecretStore.patch`. The portal does not read the fields that stay unchanged."""
        check_changes(changes)
        body = {"data": dict(changes), "options": {"cas": cas}}
        answer = self._call("PATCH", "data", ref, body)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise _conflict_or_unavailable(current_version(self, ref), cas)
        if answer.status == HTTPStatus.NOT_FOUND:
            # Unlike a read, a patch gets no information about a deleted version.
            raise _why_not_found(self.head(ref))
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            raise PatchUnsupported
        _raise_for(answer, "patch")
        return _version(answer.data.get("version"), answer.data)

    def get(self, ref: SecretRef, *, version: int | None = None, reason: str) -> Secret:
        """See `SecretStore.get`. A value that is not text, from another client, comes as JSON."""
        if version is not None and version < 1:
            raise SecretNotFound  # 0 would mean "the latest" to the server
        query = "" if version is None else f"?version={version}"
        answer = self._call("GET", "data", ref, query=query)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise _not_found(answer)
        _raise_for(answer, "get")
        values, metadata = answer.data.get("data"), answer.data.get("metadata")
        if not isinstance(values, dict) or not isinstance(metadata, dict):
            raise StoreUnavailable
        found = _version(metadata.get("version"), metadata)
        log.info("secret_read", ref=ref.key, version=found.number, reason=reason)
        texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in values.items()}
        return Secret(texts, found.number, found.created_at)

    def get_many(
        self, refs: Sequence[SecretRef], *, reason: str
    ) -> dict[SecretRef, Secret | PortalError]:
        """See `SecretStore.get_many`. The server knows no request for several."""
        found: dict[SecretRef, Secret | PortalError] = {}
        for ref in refs:
            try:
                found[ref] = self.get(ref, reason=reason)
            except SecretNotFound as missing_one:
                found[ref] = missing_one
        return found

    def put_many(self, data: Mapping[SecretRef, Mapping[str, str]]) -> dict[SecretRef, int]:
        """See `SecretStore.put_many`. The server knows no request for several."""
        return {ref: self.put(ref, values, cas=None).number for ref, values in data.items()}

    def head(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.head`."""
        answer = self._call("GET", "metadata", ref)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise SecretNotFound
        _raise_for(answer, "head")
        versions = answer.data.get("versions")
        if not isinstance(versions, dict):
            raise StoreUnavailable
        known = sorted((_version(n, v) for n, v in versions.items()), key=lambda v: v.number)
        return SecretMeta(ref, int(answer.data.get("current_version") or 0), tuple(known))

    def delete(self, ref: SecretRef) -> None:
        """See `SecretStore.delete`."""
        try:
            live = [v.number for v in self.head(ref).versions if v.is_live]
        except SecretNotFound:
            return
        if live:
            _raise_for(self._call("POST", "delete", ref, {"versions": live}), "delete")

    def undelete(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.undelete`. The server returns 204 whatever it did: read the result."""
        meta = self.head(ref)
        if meta.is_live:
            return meta
        body = {"versions": [meta.current_version]}
        _raise_for(self._call("POST", "undelete", ref, body), "undelete")
        return self.head(ref)

    def purge(self, ref: SecretRef) -> None:
        """See `SecretStore.purge`."""
        answer = self._call("DELETE", "metadata", ref)
        if answer.status != HTTPStatus.NOT_FOUND:
            _raise_for(answer, "purge")

    def kinds(self, tenant_id: str) -> list[str]:
        """See `SecretStore.kinds`."""
        return [key[:-1] for key in self._list(dashed(tenant_id)) if KIND.fullmatch(key)]

    def owners(self, tenant_id: str, kind: str) -> list[str]:
        """See `SecretStore.owners`. Ids contain no dash, so they can be read back from the path."""
        keys = self._list(f"{dashed(tenant_id)}/{kind}")
        return [key[:-1].replace("-", "_") for key in keys if key.endswith("/")]

    def slots(self, tenant_id: str, kind: str, owner_id: str) -> list[str]:
        """See `SecretStore.slots`."""
        keys = self._list(f"{dashed(tenant_id)}/{kind}/{dashed(owner_id)}")
        return [key for key in keys if not key.endswith("/")]

    def _list(self, below: str) -> list[str]:
        answer = self._send("GET", f"{self._mount}/metadata/{below}?list=true")
        if answer.status == HTTPStatus.NOT_FOUND:
            return []
        _raise_for(answer, "list")
        keys = answer.data.get("keys")
        if not isinstance(keys, list):
            raise StoreUnavailable
        return [str(key) for key in keys]

    def health(self) -> StoreHealth:
        """See `SecretStore.health`. Check seal, credentials, mount and permissions."""
        try:
            # Only the root namespace has a health endpoint, and it needs no token.
            seal = self._transport.send("GET", "sys/health", {})
            if seal.status not in STANDBY:
                return _ill(seal)
            granted = self._granted()
            mount = self._send("GET", f"sys/internal/ui/mounts/{self._mount}")
            if mount.status != HTTPStatus.FORBIDDEN:  # that is how an unknown mount is refused
                _raise_for(mount, "health")
        except StoreSealed:
            return SEALED
        except StoreUnavailable:
            return StoreHealth(
                StoreState.UNAVAILABLE,
                "The secret store does not answer. Check PORTAL_VAULT_ADDR and the server.",
            )
        except SecretDenied as error:
            return StoreHealth(StoreState.DENIED, error.detail)
        return _lacking(missing(self._side, granted, self._mount)) or _open(
            mount, granted, self._side
        )

    def recent_health(self) -> StoreHealth:
        """See `SecretStore.recent_health`."""
        return self._recent.get()

    def _granted(self) -> dict[str, frozenset[str]]:
        """Return the capabilities that the portal has on the paths that it needs."""
        paths = {path: f"{self._mount}/{example(path)}" for path in NEEDS[self._side]}
        body = {"paths": list(paths.values())}
        answer = self._send("POST", "sys/capabilities-self", body)
        if answer.status == HTTPStatus.FORBIDDEN:
            raise self._login.refused()
        _raise_for(answer, "health")
        if not all(isinstance(answer.data.get(full), list) for full in paths.values()):
            raise StoreUnavailable
        return {path: frozenset(answer.data[full]) for path, full in paths.items()}

    def _call(
        self, method: str, area: str, ref: SecretRef, body: object = None, query: str = ""
    ) -> Answer:
        return self._send(method, f"{self._mount}/{area}/{ref.key}{query}", body)

    def _send(self, method: str, path: str, body: object = None) -> Answer:
        """Send with a token; if it is refused, send once more with a new one.

        An expired token and a missing permission give the same 403, so only the second one counts.
        """
        headers = dict(self._headers)
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        token = self._login.token()
        answer = self._transport.send(method, path, {**headers, "X-Vault-Token": token}, body)
        if answer.status == HTTPStatus.FORBIDDEN and self._login.replace(token):
            token = self._login.token()
            answer = self._transport.send(method, path, {**headers, "X-Vault-Token": token}, body)
        return answer


def _credentials_refused() -> SecretDenied:
    return SecretDenied(
        "The secret store does not accept the portal's own credentials. "
        "An operator must check its role id and secret id."
    )


def _base_headers(namespace: str) -> dict[str, str]:
    headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
    return {**headers, "X-Vault-Namespace": namespace} if namespace else headers


def _object(raw: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(raw)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _raise_for(answer: Answer, operation: str) -> None:
    """Raise our error for a status that the operation did not expect."""
    if answer.status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
        return
    log.warning("secret_store_refused", operation=operation, status=answer.status)
    if answer.is_sealed:
        raise StoreSealed
    if answer.status == HTTPStatus.FORBIDDEN:
        raise SecretDenied
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise StoreUnavailable("The secret store is busy. Try again in a moment.", retry_after=2)
    raise StoreUnavailable


def _ill(seal: Answer) -> StoreHealth:
    """Return the state that an unhealthy response of sys/health means."""
    if seal.is_sealed:
        return SEALED
    if seal.status == HTTPStatus.NOT_IMPLEMENTED:
        return StoreHealth(StoreState.SEALED, "The secret store is not initialised. Set it up.")
    return StoreHealth(
        StoreState.UNAVAILABLE,
        f"The secret store reports an error of its own (HTTP {seal.status}).",
    )


def _lacking(permissions: Sequence[str]) -> StoreHealth | None:
    if not permissions:
        return None
    sentence = f"The policy of the portal's role lacks {'; '.join(permissions)}. Add it."
    return StoreHealth(StoreState.LACKING, sentence)


def _open(mount: Answer, granted: Mapping[str, frozenset[str]], side: Side) -> StoreHealth:
    """Return the state of a store in which the portal has every permission."""
    options = mount.data.get("options")
    if not isinstance(options, dict) or options.get("version") != "2":
        return StoreHealth(
            StoreState.DENIED, "PORTAL_VAULT_MOUNT does not name a KV version 2 secrets engine."
        )
    sentence = "The secret store is open and accepts the portal."
    if side is not Side.WEB:
        return StoreHealth(StoreState.OK, sentence)
    is_walled = not granted[CREDENTIALS] & {"read", "root"}
    return StoreHealth(StoreState.OK, sentence, WALL if is_walled else NO_WALL, is_walled)


def _conflict_or_unavailable(current: int, cas: int) -> SecretConflict | StoreUnavailable:
    """Return a conflict if the version numbers differ: the text of a 400 is not a contract."""
    return StoreUnavailable() if current == cas else SecretConflict(current)


def _why_not_found(meta: SecretMeta) -> SecretNotFound:
    """Return whether the current version of a secret with metadata was deleted or destroyed."""
    current = [v for v in meta.versions if v.number == meta.current_version]
    destroyed = any(v.destroyed for v in current)
    return SecretNotFound(deleted=bool(current) and not destroyed, destroyed=destroyed)


def _not_found(answer: Answer) -> SecretNotFound:
    """Return why a secret was not found: only the 404 for a deleted version has metadata."""
    metadata = answer.data.get("metadata")
    if not isinstance(metadata, dict):
        return SecretNotFound()
    destroyed = bool(metadata.get("destroyed"))
    return SecretNotFound(deleted=not destroyed, destroyed=destroyed)


def _version(number: object, facts: Mapping[str, Any]) -> Version:
    """Return one version from metadata. Raises StoreUnavailable if it is not one of a KV v2."""
    try:
        deleted_at = _time(facts["deletion_time"]) if facts.get("deletion_time") else None
        # With delete_version_after, the time is set at once and is in the future.
        if deleted_at is not None and deleted_at > datetime.now(UTC):
            deleted_at = None
        return Version(
            number=int(str(number)),
            created_at=_time(facts["created_time"]),
            deleted_at=deleted_at,
            destroyed=bool(facts.get("destroyed")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreUnavailable from error


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
