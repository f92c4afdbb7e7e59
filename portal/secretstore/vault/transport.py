"""Send one request to the server of the secret store."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any

import structlog
import urllib3

from portal.secretstore import SecretDenied, StoreSealed, StoreUnavailable

log = structlog.get_logger(__name__)

TIMEOUT = urllib3.Timeout(connect=1.0, read=3.0)
"""Seconds. A healthy store answers in 3 to 6 milliseconds, so a slow one is hanging."""

CONNECTIONS = 8
NOT_CARRIED_OUT = frozenset({412, 429})
"""Refused before execution (a replica behind, a quota): any request may be sent again."""

PASSING = frozenset({500, 502, 504})
"""Errors that often pass at once. Only a read may be sent again."""


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


def base_headers(namespace: str) -> dict[str, str]:
    """Return the headers of every request, without the token."""
    headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
    return {**headers, "X-Vault-Namespace": namespace} if namespace else headers


def raise_for(answer: Answer, operation: str) -> None:
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


def _object(raw: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(raw)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
