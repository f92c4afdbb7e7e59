"""Send every HTTP request to an address that a tenant typed.

Each request has one `Outcome`, whatever the other side does: no redirect is followed, no proxy of
the environment is used, nothing is decompressed, and no response, however long or slow, exceeds its
deadline.
"""

import asyncio
import functools
import ssl
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Condition
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from portal.core.errors import RateLimited
from portal.core.threads import slot
from portal.database import dry_run
from portal.outbound.address_guard import (
    DNS_SECONDS,
    GuardedResolver,
    Lookup,
    asker,
    guarded_socket,
    system_lookup,
)
from portal.outbound.attempt import Attempt, current
from portal.outbound.client_certificates import present
from portal.outbound.dialling import Dialled, Undialled, connected
from portal.outbound.exchange import Destination, ask, destination, let_go, written
from portal.outbound.failures import kind_of
from portal.outbound.networks import Network
from portal.outbound.outcome import READ_BYTES, Kind, Outcome, Request
from portal.outbound.outcome_texts import explain
from portal.outbound.request_headers import unsendable
from portal.outbound.urls import Target, UnacceptableUrl, read_place, read_url

CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 15.0
KNOWN_URLS = 4096
# Callers of one process that wait for another system. Each has a thread of the web server for as
# long as that takes, but not one of its slots.
WAITING_AT_ONCE = 16
OF_ONE_TENANT = 2  # of these, so that a tenant with a slow address keeps no other one waiting
RETRY_SECONDS = 5

_SENT_ERRORS = (
    *(aiohttp.ClientError, HttpProcessingError, aiohttp.EofStream),
    *(OSError, ValueError, TypeError, RuntimeError),
)


class OutboundClient:
    """An HTTP client to keep open. It pools connections and limits concurrent requests.

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
        self._dns_seconds = dns_seconds
        self._patience = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._destination = functools.lru_cache(KNOWN_URLS)(self._make_destination)
        self._connector: aiohttp.TCPConnector | None = None

    async def __aenter__(self) -> Self:
        self._connector = self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. Requests that are still running become `cancelled`."""
        connector, self._connector = self._connector, None
        if connector:
            await connector.close()

    async def send(self, request: Request) -> Outcome:
        """Send one request. Waiting for a free slot does not count towards its timeout.

        The only exceptions are the caller's own cancellation, and CannotValidate in a dry run.
        """
        dry_run.forbid()
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

    async def dial(self, host: str, port: int, ports: Collection[int] = ()) -> Dialled:
        """Return a socket that is connected to a host, for a protocol other than HTTP.

        The name and the address are guarded as those of a request are. `ports` are open besides
        those that are open to HTTP. Raises Undialled, and CannotValidate in a dry run.
        """
        dry_run.forbid()
        attempt = Attempt(Request("DIAL", ""))
        token = current.set(attempt)
        try:
            name = read_place(host, port, self._allow, ports)
            async with self._slots:
                resolver = GuardedResolver(self._allow, self._lookup, self._dns_seconds)
                found = await resolver.resolve(name, port)
                patience = self._patience.sock_connect
                made = await connected(found, guarded_socket(self._allow), patience)
        except UnacceptableUrl as refusal:
            raise Undialled(_refused(refusal)) from None
        except OSError as error:
            kind = kind_of(error, attempt.stage, closed=False)
            unresolved = attempt.stage == "dns" and kind != "forbidden_address"
            raise Undialled(attempt.outcome("dns" if unresolved else kind, error)) from None
        finally:
            current.reset(token)
        timings = attempt.outcome("delivered").timings
        return Dialled(made, name, str(made.getpeername()[0]), timings)

    def trust(self, certificate: str = "", key: str = "") -> ssl.SSLContext:
        """Return a new TLS context with this client's authorities, which presents a certificate if
        one is given. Raises RefusedKey for a key that is not taken, and ValueError if certificate
        and key are no pair."""
        if self._trust is default_trust():
            trust = make_trust()
        else:
            trust = make_trust(b"".join(self._trust.get_ca_certs(binary_form=True)))
        if certificate:
            present(trust, certificate, key)
        return trust

    async def _attempt(self, request: Request, target: Target, fresh: bool = False) -> Outcome:
        attempt = Attempt(request)
        token = current.set(attempt)
        try:
            return attempt.outcome(await self._exchange(attempt, target, fresh))
        except _SENT_ERRORS as error:
            kind = kind_of(error, attempt.stage, closed=self._connector is None)
            return attempt.outcome(kind, error)
        finally:
            current.reset(token)

    async def _exchange(self, attempt: Attempt, target: Target, fresh: bool) -> Kind:
        """Send the request and read its response, each within its time limit.

        `fresh` does not use a connection that was kept open.
        """
        if self._connector is None:
            raise RuntimeError("the client is closed")
        request = attempt.request
        trust = request.trust
        to = destination(target, trust) if trust else self._destination(target, fresh)
        message = written(request, to, close=fresh or not self._keep_alive)
        async with asyncio.timeout(request.timeout) as deadline:
            connection = await self._connector.connect(to.key, [], self._patience)
            body = None
            try:
                attempt.sent_over(connection.transport)
                if attempt.reused and connection.protocol and connection.protocol.should_close:
                    # It sent data before the request, which would be read as the response.
                    raise aiohttp.ServerDisconnectedError
                is_head = request.method.upper() == "HEAD"
                answer, body = await ask(connection, message, is_head=is_head)
                attempt.answered(answer.code, answer.raw_headers)
                if not body.at_eof():
                    loop = asyncio.get_running_loop()
                    deadline.reschedule(loop.time() + request.read_timeout)
                    await _read(body, attempt)
            finally:
                let_go(connection, body)
        return _verdict(attempt)

    def _make_destination(self, target: Target, fresh: bool) -> Destination:
        # The pool also distinguishes connections by their TLS context. A connection with the
        # default context is not found if that context is named explicitly.
        return destination(target, self._trust if fresh else True)

    def _open(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            resolver=GuardedResolver(self._allow, self._lookup, self._dns_seconds),
            socket_factory=guarded_socket(self._allow),
            ssl=self._trust,
            limit=0,  # the semaphore limits, before the timeout starts
            use_dns_cache=False,  # its lookups are shared by tenants, and so are their failures
            force_close=not self._keep_alive,
            keepalive_timeout=KEEP_ALIVE_SECONDS if self._keep_alive else None,
        )


_waiting = Counter[str]()
_one_ended = Condition()


@contextmanager
def turn(tenant_id: str, patience: float = 0.0) -> Iterator[None]:
    """Let a request of a tenant wait for another system in the block, with few others at a time.

    Raises RateLimited if as many of the tenant, or of all tenants, wait already, and none of them
    ends within `patience` seconds.
    """
    with _one_ended:
        if not _one_ended.wait_for(lambda: _has_room(tenant_id), patience):
            raise RateLimited(_why(tenant_id), retry_after=RETRY_SECONDS)
        _waiting[tenant_id] += 1
    token = asker.set(tenant_id)
    try:
        with slot.given_up():
            yield
    finally:
        asker.reset(token)
        with _one_ended:
            _waiting[tenant_id] -= 1
            if not _waiting[tenant_id]:
                del _waiting[tenant_id]
            _one_ended.notify_all()


def _has_room(tenant_id: str) -> bool:
    return _waiting[tenant_id] < OF_ONE_TENANT and _waiting.total() < WAITING_AT_ONCE


def _why(tenant_id: str) -> str:
    if _waiting[tenant_id] < OF_ONE_TENANT:
        return "Many requests wait for the answer of another system. Try again in a moment."
    return (
        f"{OF_ONE_TENANT} requests of your tenant still wait for the answer of another system. Try"
        " again when one of them has it."
    )


def send_now(request: Request, allow: Sequence[Network] = (), **options: Any) -> Outcome:
    """Send one request from synchronous code, with an event loop and a connection of its own.

    For an address that a tenant typed, take a `turn` around it.
    `options` are those of `OutboundClient`.
    """
    dry_run.forbid()  # here, since the thread below does not know that this is a dry run

    async def once() -> Outcome:
        async with OutboundClient(allow, keep_alive=False, **options) as client:
            return await client.send(request)

    # A separate thread, because the caller's may already have a loop (as in a browser test).
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="send-now") as thread:
        return thread.submit(copy_context().run, asyncio.run, once()).result()


class TimedTrust(ssl.SSLContext):
    """A TLS context that records when a handshake begins: the HTTP library does not report it."""

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        if attempt := current.get():
            attempt.reached("tls")
        return super().wrap_bio(*args, **options)


def make_trust(authorities: str | bytes | None = None) -> ssl.SSLContext:
    """Return a TLS context with the machine's authorities, or only with those of a PEM text (or
    of DER)."""
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
    """Return the default context, loaded once: reading the authorities takes tens of ms."""
    return make_trust()


async def _read(answer: aiohttp.StreamReader, attempt: Attempt) -> None:
    """Read the body up to the limit and keep its beginning. Leave the rest unread."""
    keep, seen = attempt.request.keep, 0
    async for chunk in answer.iter_any():
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
