"""The only way out: every HTTP request to an address that a tenant typed is sent from here.

One request, one `Outcome`, whatever the other side does: no redirect is followed, no proxy of the
environment used, nothing decompressed, and no answer, however long or slow, outlives its deadline.
"""

import asyncio
import functools
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.connector import Connection

from portal.networks import Network
from portal.outbound.attempt import Attempt, current
from portal.outbound.failures import kind_of
from portal.outbound.guard import (
    DNS_SECONDS,
    GuardedResolver,
    Lookup,
    guarded_socket,
    system_lookup,
)
from portal.outbound.headers import CLOSE, IDENTITY, unsendable
from portal.outbound.outcome import READ_BYTES, Kind, Outcome, Request
from portal.outbound.urls import Target, UnacceptableUrl, read_url
from portal.outbound.words import explain

CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 15.0
DNS_CACHE_SECONDS = 60
KNOWN_URLS = 4096
MAX_HEADERS = 100
MAX_HEADER_BYTES = 8190

_SENT_ERRORS = (aiohttp.ClientError, OSError, ValueError, TypeError, RuntimeError)


class OutboundClient:
    """A client to keep open: pools connections, limits how many requests run at once.

    `allow` is the operator's list of networks that the guard lets through. `lookup` and `trust`
    (certificate authorities) are for tests and private installs.

        async with OutboundClient(allow=config.outbound_allow) as client:
            outcome = await client.send(Request("POST", url, headers, body))
    """

    def __init__(
        self,
        allow: Sequence[Network] = (),
        *,
        concurrency: int = 100,
        keep_alive: bool = True,
        lookup: Lookup = system_lookup,
        trust: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        dns_seconds: float = DNS_SECONDS,
    ) -> None:
        self._allow = tuple(allow)
        self._target = functools.lru_cache(KNOWN_URLS)(lambda url: read_url(url, self._allow))
        self._slots = asyncio.Semaphore(concurrency)
        self._keep_alive = keep_alive
        self._lookup = lookup
        self._trust = trust or default_trust()
        self._connect_seconds = connect_seconds
        self._dns_seconds = dns_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes every connection; requests still on their way become `cancelled`."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def send(self, request: Request) -> Outcome:
        """Sends one request. Waiting for a free slot does not count against its timeout.

        The only exception is the caller's own cancellation.
        """
        try:
            target = self._target(request.url)
        except UnacceptableUrl as refusal:
            return _refused(refusal)
        if unsendable(request.method, request.headers):
            return _unsent("invalid_request")
        async with self._slots:
            outcome = await self._attempt(request, target)
            if _was_stale(outcome) and not request.once:
                outcome = await self._attempt(request, target, fresh=True)
            return outcome

    async def _attempt(self, request: Request, target: Target, fresh: bool = False) -> Outcome:
        attempt = Attempt(request)
        token = current.set(attempt)
        try:
            return attempt.outcome(await self._exchange(attempt, target, fresh))
        except _SENT_ERRORS as error:
            kind = kind_of(error, attempt.stage, closed=self._session is None)
            return attempt.outcome(kind, error)
        finally:
            current.reset(token)

    async def _exchange(self, attempt: Attempt, target: Target, fresh: bool) -> Kind:
        """The request and its answer, each within its time; `fresh` takes no kept connection."""
        if self._session is None:
            raise RuntimeError("the client is closed")
        request, loop = attempt.request, asyncio.get_running_loop()
        async with asyncio.timeout(request.timeout) as deadline:
            response = await self._session.request(
                request.method,
                target.url,
                data=request.body or None,
                headers={**request.headers, **IDENTITY, **(CLOSE if fresh else {})},
                # The pool tells connections apart by this argument too: naming the context that
                # is the default anyway finds none that was kept.
                ssl=self._trust if fresh else True,
                allow_redirects=False,
            )
            try:
                attempt.reached("read")
                attempt.status = response.status
                attempt.raw_headers = response.raw_headers
                deadline.reschedule(loop.time() + request.read_timeout)
                await _read(response, attempt)
            finally:
                # Back to the pool if the answer ended, closed if there is more to come.
                response.release() if response.content.is_eof() else response.close()
        return _verdict(attempt)

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=GuardedResolver(self._allow, self._lookup, self._dns_seconds),
                socket_factory=guarded_socket(self._allow),
                ssl=self._trust,
                limit=0,  # the semaphore limits, before the clock starts
                ttl_dns_cache=DNS_CACHE_SECONDS,
                force_close=not self._keep_alive,
                keepalive_timeout=KEEP_ALIVE_SECONDS if self._keep_alive else None,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            response_class=_Response,
            trust_env=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )


def send_now(request: Request, allow: Sequence[Network] = (), **options: Any) -> Outcome:
    """Sends one request from synchronous code, in a loop and on a connection of its own.

    `options` are those of `OutboundClient`.
    """

    async def once() -> Outcome:
        async with OutboundClient(allow, keep_alive=False, **options) as client:
            return await client.send(request)

    # A thread of its own, because the caller's may have a loop already (a browser test's does).
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="send-now") as thread:
        return thread.submit(lambda: asyncio.run(once())).result()


class TimedTrust(ssl.SSLContext):
    """A TLS context that notes when a handshake begins, which the HTTP library does not tell."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        if attempt := current.get():
            attempt.reached("tls")
        return super().wrap_bio(*args, **options)


def make_trust(authorities: str | None = None) -> ssl.SSLContext:
    """Verifies against the machine's authorities, or only those of a PEM text."""
    trust = TimedTrust(ssl.PROTOCOL_TLS_CLIENT)
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    trust.set_alpn_protocols(["http/1.1"])
    if authorities is None:
        trust.load_default_certs()
    else:
        trust.load_verify_locations(cadata=authorities)
    return trust


@functools.cache
def default_trust() -> ssl.SSLContext:
    """Loaded once: reading the machine's authorities costs tens of milliseconds."""
    return make_trust()


class _Response(aiohttp.ClientResponse):
    """Notes the connection while it is still attached; a short answer detaches it at once."""

    async def start(self, connection: Connection) -> "aiohttp.ClientResponse":
        if attempt := current.get():
            attempt.sent_over(connection.transport)
        return await super().start(connection)


async def _read(response: aiohttp.ClientResponse, attempt: Attempt) -> None:
    """Reads the body up to the limit, keeps its beginning; the rest stays unread."""
    keep, seen = attempt.request.keep, 0
    async for chunk in response.content.iter_any():
        seen += len(chunk)
        attempt.body += chunk[: keep - len(attempt.body)]
        attempt.truncated = seen > keep
        if seen > max(READ_BYTES, keep):
            return


def _was_stale(outcome: Outcome) -> bool:
    return outcome.reused_connection and outcome.kind == "reset" and outcome.status is None


def _verdict(attempt: Attempt) -> Kind:
    status = attempt.status or 0
    if attempt.truncated and attempt.request.whole:
        return "too_large"
    if 200 <= status < 300:
        return "delivered"
    if 300 <= status < 400 and any(name.lower() == b"location" for name, _ in attempt.raw_headers):
        return "redirect"
    return "http_error"


def _refused(refusal: UnacceptableUrl) -> Outcome:
    if refusal.forbidden:
        return _unsent("forbidden_address")
    return Outcome("invalid_request", refusal.problem)


def _unsent(kind: Kind) -> Outcome:
    return Outcome(kind, *explain(kind))
