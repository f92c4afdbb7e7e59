"""Send HTTP requests to the configured identity provider, and to no other host.

The address comes from the operator's configuration, not from a tenant, so it may be an internal one
and the guard of `portal.outbound` does not apply. The client follows no redirects and uses no
proxy. The whole exchange has a deadline and the response a size limit, so a slow or oversized
response costs one request, not a process.
"""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Protocol

import aiohttp
from yarl import URL

from portal.core.threads import slot
from portal.outbound import unguarded_resolver

DEADLINE = 5.0  # seconds, for the name, connecting, sending and reading together
MAX_BYTES = 512 * 1024
WAITING_AT_ONCE = 16  # callers of one process, each with a thread but not a slot of the web server
PATIENCE = 0.5  # seconds to wait for one of these places
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}

_places = BoundedSemaphore(WAITING_AT_ONCE)


class ProviderUnavailable(Exception):
    """The provider did not respond, responded too late, or sent an invalid response."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the provider; `media_type` is in lower case."""

    status: int
    media_type: str
    content: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body. Raises ProviderUnavailable if the body is not one."""
        try:
            value = json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise ProviderUnavailable(f"not JSON (status {self.status})") from error
        if not isinstance(value, dict):
            raise ProviderUnavailable(f"not a JSON object (status {self.status})")
        return value


class Exchange(Protocol):
    """The signature of `exchange`, so that a test can replace the network."""

    def __call__(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer: ...


def exchange(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and return the response. The caller's slot is given up meanwhile.

    Raises ProviderUnavailable after DEADLINE, on failure, and if WAITING_AT_ONCE others wait.
    """
    if not _places.acquire(timeout=PATIENCE):
        raise ProviderUnavailable(f"{WAITING_AT_ONCE} requests wait for it already")
    try:
        sent = _send(method, url, form, {**HEADERS, **(headers or {})})
        # A separate thread, because the caller's may already have a loop (as in a browser test).
        with slot.given_up(), ThreadPoolExecutor(1, thread_name_prefix="provider") as thread:
            return thread.submit(asyncio.run, sent).result()
    finally:
        _places.release()


async def _send(
    method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
) -> Answer:
    # Do not keep the connection: exchanges are rare, and a connection that the provider has closed
    # meanwhile would make a sign-in fail.
    connector = aiohttp.TCPConnector(resolver=unguarded_resolver(), force_close=True)
    try:
        async with (
            asyncio.timeout(DEADLINE),
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as web,
            web.request(method, URL(url, encoded=True), data=form, headers=headers,
                        allow_redirects=False) as response,
        ):  # fmt: skip
            content = await _read(response.content)
    except TimeoutError as error:
        raise ProviderUnavailable(f"no whole response within {DEADLINE:g} seconds") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ProviderUnavailable(f"{type(error).__name__}: {error}") from error
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(response.status, media_type, content)


async def _read(body: aiohttp.StreamReader) -> bytes:
    content = bytearray()
    async for piece in body.iter_any():
        content += piece
        if len(content) > MAX_BYTES:
            raise ProviderUnavailable(f"more than {MAX_BYTES} bytes")
    return bytes(content)
