"""Send HTTP requests to the configured identity provider, and to no other host.

The address comes from the operator's configuration, not from a tenant, so it may be an internal one
and the guard of `portal.outbound` does not apply. The client follows no redirects and uses no
proxy. The whole exchange has a deadline and the response a size limit, so a slow or oversized
response costs one request, not a process.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

DEADLINE = 5.0  # seconds, for connecting, sending and reading together
MAX_BYTES = 512 * 1024


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


_pool = urllib3.PoolManager(retries=False, maxsize=4)


def exchange(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and return the response.

    Raises ProviderUnavailable after DEADLINE or on failure.
    """
    ends = time.monotonic() + DEADLINE
    sent = {"Accept": "application/json", **(headers or {})}
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        response = _pool.request(
            method,
            url,
            body=None if form is None else urlencode(form),
            headers=sent,
            redirect=False,
            preload_content=False,
            timeout=urllib3.Timeout(total=DEADLINE),
        )
        try:
            content = _read(response, ends)
        finally:
            # Do not reuse the connection: exchanges are rare, and a connection that the provider
            # has closed meanwhile would make a sign-in fail.
            response.close()
    except (HTTPError, OSError, ValueError) as error:
        raise ProviderUnavailable(f"{type(error).__name__}: {error}") from error
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(response.status, media_type, content)


def _read(response: urllib3.BaseHTTPResponse, ends: float) -> bytes:
    # read1 returns what has arrived, so the deadline is checked after each piece even if the
    # provider sends very slowly.
    content = bytearray()
    while piece := response.read1(65536):
        content += piece
        if len(content) > MAX_BYTES:
            raise ProviderUnavailable(f"more than {MAX_BYTES} bytes")
        if time.monotonic() > ends:
            raise ProviderUnavailable(f"still sending after {DEADLINE:g} seconds")
    return bytes(content)
