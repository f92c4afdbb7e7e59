"""Cache signing secrets in the memory of a worker, for seconds, by the current one's fingerprint.

A rotation changes the fingerprint, so the next delivery uses the new secret. While the secret store
is unavailable, the cached secrets sign for up to STALE_SECONDS.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.core.errors import PortalError
from portal.database.session import transaction
from portal.delivery.queue.queue import DeliverySettings
from portal.secretstore import Secret, SecretDamaged, SecretNotFound, SecretRef
from portal.webhooks import keyring
from portal.webhooks.models import Unsent

Place = tuple[str, str, str | None]
"""Tenant, webhook, and the fingerprint of its secret in use."""

Read = Mapping[Place, keyring.SigningKeys | PortalError]

FRESH_SECONDS = 15.0
STALE_SECONDS = 600.0
AT_ONCE = 20
READERS = 2
THREADS = 8
"""READERS is how many batches of one tenant are read at a time. There are more threads, in which
nothing else runs, so no tenant waits until all secrets of another one are read."""

WAIT_FOR_STORE = timedelta(seconds=30)
WAIT_FOR_DATABASE = timedelta(seconds=1)
"""Short: the delivery can only be retried once the database is back and has recorded this
attempt."""


class KeysUnavailable(Exception):
    """No secret to sign with is available now; the delivery is retried after `wait`."""

    def __init__(
        self,
        reason: str,
        wait: timedelta = WAIT_FOR_STORE,
        word: Unsent = "secret_unavailable",
    ) -> None:
        super().__init__(reason)
        self.wait, self.word = wait, word


@dataclass(slots=True)
class _Kept:
    keys: keyring.SigningKeys
    read_at: float


class Keys:
    """A cache that reads the secrets of webhooks in threads, each once for many deliveries, and
    many of one tenant in one transaction."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._kept: dict[Place, _Kept] = {}
        self._reading: dict[Place, asyncio.Task[Read]] = {}
        self._batches: dict[str, list[Place]] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="secrets")
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(READERS))

    def stop(self) -> None:
        """End the threads; those that read end when they have read."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of(self, tenant_id: str, settings: DeliverySettings) -> list[str]:
        """Return the secrets that sign at this moment, the one in use first. Raises
        KeysUnavailable."""
        place = (tenant_id, settings.id, settings.secret_fingerprint)
        kept, now = self._kept.get(place), time.monotonic()
        if kept is None or now - kept.read_at > FRESH_SECONDS:
            kept = await self._again(place, kept, now)
        return kept.keys.signing(settings.taken_at)

    async def _again(self, place: Place, kept: _Kept | None, now: float) -> _Kept:
        if (task := self._reading.get(place)) is None:
            task = self._ask(place)
        try:
            keys = (await asyncio.shield(task))[place]
            if isinstance(keys, PortalError):
                raise keys
        except (SecretNotFound, SecretDamaged):
            raise KeysUnavailable(
                "The signing secret is gone or damaged. Rotate it.", word="secret_gone"
            ) from None
        except (PortalError, DBAPIError, PoolTimeout) as error:
            if kept is not None and now - kept.read_at < STALE_SECONDS:
                return kept
            raise _unavailable(error) from error
        self._forget_old(now)
        self._kept[place] = _Kept(keys, now)
        return self._kept[place]

    def _ask(self, place: Place) -> "asyncio.Task[Read]":
        """Add a webhook to the next batch of its tenant, and return the task that reads it."""
        places = self._batches.get(place[0])
        if places is None or len(places) >= AT_ONCE:
            places = self._batches[place[0]] = []
            task = asyncio.create_task(self._read_batch(place[0], places))
            task.add_done_callback(lambda _: self._forget_reading(places))
        else:
            task = self._reading[places[0]]
        places.append(place)
        self._reading[place] = task
        return task

    async def _read_batch(self, tenant_id: str, places: list[Place]) -> Read:
        async with self._turns[tenant_id]:
            if self._batches.get(tenant_id) is places:
                del self._batches[tenant_id]
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._read, tenant_id, places)

    def _read(self, tenant_id: str, places: Sequence[Place]) -> Read:
        refs = {place: SecretRef(tenant_id, "webhooks", place[1], "signing") for place in places}
        with self._app.app_context(), transaction(tenant_id):
            found = keyring.read_many(list(refs.values()), "sign deliveries")
            return {place: _keys(found[ref], place) for place, ref in refs.items()}

    def _forget_reading(self, places: Sequence[Place]) -> None:
        for place in places:
            del self._reading[place]

    def _forget_old(self, now: float) -> None:
        old = [k for k, kept in self._kept.items() if now - kept.read_at > STALE_SECONDS]
        for place in old:
            del self._kept[place]


def _keys(found: Secret | PortalError, place: Place) -> keyring.SigningKeys | PortalError:
    return found if isinstance(found, PortalError) else keyring.keys_of(found, *place[1:])


def _unavailable(error: Exception) -> KeysUnavailable:
    if isinstance(error, PortalError):
        return KeysUnavailable(error.detail)
    return KeysUnavailable("The database did not answer.", WAIT_FOR_DATABASE)
