"""Read and write secrets over the KV v2 HTTP API."""

import json
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

import structlog

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
from portal.secretstore.permissions import NEEDS, example, missing
from portal.secretstore.recent_health import RecentHealth
from portal.secretstore.vault.health import SEALED, SILENT, lacking, opened, unhealthy
from portal.secretstore.vault.login import AppRole, Login, StaticToken
from portal.secretstore.vault.transport import (
    CONNECTIONS,
    Answer,
    Transport,
    base_headers,
    raise_for,
)

log = structlog.get_logger(__name__)

KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,63}/")  # what else is there is not ours
TOGETHER_SECONDS = 4.0
"""The time for several secrets. A transaction that waits for them has IDLE_IN_TRANSACTION_SECONDS
(`portal.core.deadlines`)."""

TOO_SLOW = "The secret store answers too slowly. Everything that needs no secret works on."
T = TypeVar("T")
STANDBY = frozenset({200, 429, 472, 473})
"""Status codes of sys/health for an unsealed node: active, standby, replica."""


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
        self._headers = base_headers(namespace)
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
            login = AppRole(transport, base_headers(namespace), given.role_id, given.secret_id)
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
        raise_for(answer, "put")
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
        raise_for(answer, "patch")
        return _version(answer.data.get("version"), answer.data)

    def get(self, ref: SecretRef, *, version: int | None = None, reason: str) -> Secret:
        """See `SecretStore.get`. A value that is not text, from another client, comes as JSON."""
        if version is not None and version < 1:
            raise SecretNotFound  # 0 would mean "the latest" to the server
        query = "" if version is None else f"?version={version}"
        answer = self._call("GET", "data", ref, query=query)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise _not_found(answer)
        raise_for(answer, "get")
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
        """See `SecretStore.get_many`."""

        def read(ref: SecretRef) -> Secret | PortalError:
            try:
                return self.get(ref, reason=reason)
            except SecretNotFound as missing_one:
                return missing_one

        return _each(refs, read)

    def put_many(self, data: Mapping[SecretRef, Mapping[str, str]]) -> dict[SecretRef, int]:
        """See `SecretStore.put_many`."""
        return _each(data, lambda ref: self.put(ref, data[ref], cas=None).number)

    def head(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.head`."""
        answer = self._call("GET", "metadata", ref)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise SecretNotFound
        raise_for(answer, "head")
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
            raise_for(self._call("POST", "delete", ref, {"versions": live}), "delete")

    def delete_many(self, refs: Collection[SecretRef]) -> None:
        """See `SecretStore.delete_many`."""
        _each(refs, self.delete)

    def undelete(self, ref: SecretRef) -> SecretMeta:
        """See `SecretStore.undelete`. The server returns 204 whatever it did: read the result."""
        meta = self.head(ref)
        if meta.is_live:
            return meta
        body = {"versions": [meta.current_version]}
        raise_for(self._call("POST", "undelete", ref, body), "undelete")
        return self.head(ref)

    def purge(self, ref: SecretRef) -> None:
        """See `SecretStore.purge`."""
        answer = self._call("DELETE", "metadata", ref)
        if answer.status != HTTPStatus.NOT_FOUND:
            raise_for(answer, "purge")

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
        raise_for(answer, "list")
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
                return unhealthy(seal)
            granted = self._granted()
            mount = self._send("GET", f"sys/internal/ui/mounts/{self._mount}")
            if mount.status != HTTPStatus.FORBIDDEN:  # that is how an unknown mount is refused
                raise_for(mount, "health")
        except StoreSealed:
            return SEALED
        except StoreUnavailable:
            return SILENT
        except SecretDenied as error:
            return StoreHealth(StoreState.DENIED, error.detail)
        return lacking(missing(self._side, granted, self._mount)) or opened(
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
        raise_for(answer, "health")
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


def _each(refs: Collection[SecretRef], call: Callable[[SecretRef], T]) -> dict[SecretRef, T]:
    """Return what a call returns for each secret: the server knows no request for several.

    Raises StoreUnavailable if all of them take longer than TOGETHER_SECONDS.
    """
    ends, threads = time.monotonic() + TOGETHER_SECONDS, ThreadPoolExecutor(CONNECTIONS)
    try:
        running = {ref: threads.submit(copy_context().run, call, ref) for ref in refs}
        return {ref: one.result(max(ends - time.monotonic(), 0)) for ref, one in running.items()}
    except TimeoutError:
        raise StoreUnavailable(TOO_SLOW) from None
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


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
