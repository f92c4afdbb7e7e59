"""Cache signing secrets in the memory of a worker, for seconds, by the current one's fingerprint.

A rotation changes the fingerprint, so the next delivery uses the new secret. While the secret store
is unavailable, the cached secrets sign for up to STALE_SECONDS.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.core.errors import PortalError
from portal.database.session import transaction
from portal.delivery.queue.queue import DeliverySettings
from portal.secretstore import SecretNotFound, SecretRef
from portal.webhooks import keyring

FRESH_SECONDS = 15.0
STALE_SECONDS = 600.0
WAIT_FOR_STORE = timedelta(seconds=30)
WAIT_FOR_DATABASE = timedelta(seconds=1)
"""Short: the delivery can only be retried once the database is back and has recorded this
attempt."""


class KeysUnavailable(Exception):
    """No secret to sign with is available now; the delivery is retried after `wait`."""

    def __init__(self, reason: str, wait: timedelta = WAIT_FOR_STORE) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(slots=True)
class _Kept:
    keys: keyring.SigningKeys
    read_at: float


class Keys:
    """A cache that reads the secrets of webhooks in a thread, each once for many deliveries."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._kept: dict[tuple[str, str, str | None], _Kept] = {}
        self._reading: dict[tuple[str, str, str | None], asyncio.Task[keyring.SigningKeys]] = {}

    async def of(self, tenant_id: str, settings: DeliverySettings) -> list[str]:
        """Return the secrets that sign at this moment, the one in use first. Raises
        KeysUnavailable."""
        place = (tenant_id, settings.id, settings.secret_fingerprint)
        kept, now = self._kept.get(place), time.monotonic()
        if kept is None or now - kept.read_at > FRESH_SECONDS:
            kept = await self._again(place, kept, now)
        return kept.keys.signing(settings.taken_at)

    async def _again(
        self, place: tuple[str, str, str | None], kept: _Kept | None, now: float
    ) -> _Kept:
        if (task := self._reading.get(place)) is None:
            task = asyncio.create_task(asyncio.to_thread(self._read, *place))
            self._reading[place] = task
            task.add_done_callback(lambda _: self._reading.pop(place, None))
        try:
            keys = await asyncio.shield(task)
        except SecretNotFound:
            raise KeysUnavailable("The signing secret is gone. Rotate it.") from None
        except (PortalError, DBAPIError, PoolTimeout) as error:
            if kept is not None and now - kept.read_at < STALE_SECONDS:
                return kept
            raise _unavailable(error) from error
        self._forget_old(now)
        self._kept[place] = _Kept(keys, now)
        return self._kept[place]

    def _read(self, tenant_id: str, webhook_id: str, mark: str | None) -> keyring.SigningKeys:
        ref = SecretRef(tenant_id, "webhooks", webhook_id, "signing")
        with self._app.app_context(), transaction(tenant_id):
            return keyring.keys_of(keyring.read(ref, "sign deliveries"), mark)

    def _forget_old(self, now: float) -> None:
        old = [k for k, kept in self._kept.items() if now - kept.read_at > STALE_SECONDS]
        for place in old:
            del self._kept[place]


def _unavailable(error: Exception) -> KeysUnavailable:
    if isinstance(error, PortalError):
        return KeysUnavailable(error.detail)
    return KeysUnavailable("The database did not answer.", WAIT_FOR_DATABASE)
