"""Define the RSGI application of one web process, which receives and answers requests.

Requests are answered in four places: on the loop itself (liveness, static files, the OpenAPI
document, key checks that memory answers or that PostgreSQL counts, single events), in the threads
for keys that are not in memory, in the thread for readiness, and in the threads for all else.
"""

import asyncio
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from portal.core.errors import BadRequest, FieldError, PortalError, Unavailable, UnknownOutcome
from portal.database.actor import Origin
from portal.events.publishing import door as publishing
from portal.front import wsgi
from portal.front.answers import listening, streaming
from portal.front.answers.large_answers import LARGE, LargeAnswers
from portal.front.bodies import Bodies
from portal.front.cpu_affinity import OneCpu
from portal.front.fair_queue import Line
from portal.front.threads import Busy, Threads
from portal.front.wsgi import Answer
from portal.identity.openid import http_client as provider
from portal.keys.limits.counting import MAY_BE_COUNTED
from portal.keys.verification import door
from portal.keys.verification.own_rest import actor_of
from portal.keys.verification.unknown_keys import name_of
from portal.keys.verification.use_counts import usage
from portal.outbound import client as outbound
from portal.outbound.networks import parse
from portal.rest import api
from portal.rest.document.serving import PATH as DOCUMENT
from portal.web.drawing.assets import PREFIX as STATIC
from portal.web.proxies import client_of, host_of, is_trusted, nearest_entries

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIEnvironment

    from flask import Flask

    from portal.core.compression import Kept
    from portal.core.config import Config
    from portal.core.config_values import Network
    from portal.keys.verification.verifier import KeyVerifier
    from portal.web.drawing.assets import Files

T = TypeVar("T")

SLOTS = 8  # calls that run at a time: more than one, because they wait for PostgreSQL
FOR_OTHERS = 2  # slots kept for other addresses if one address uses all that it may
OF_ONE_ADDRESS = SLOTS - FOR_OTHERS
OF_ONE_LINE = OF_ONE_ADDRESS - FOR_OTHERS  # so as many are kept for other callers of its address
# Calls that gave up their slots while they wait for a tenant's system or the identity provider.
WAITING_CALLS = outbound.WAITING_AT_ONCE + provider.WAITING_AT_ONCE
KEY_THREADS = 4  # only for requests about keys
READY = "/readyz"  # has a thread of its own: a process whose other threads all wait is ready
PLACES = 256  # requests that may wait for each kind of thread
# Delay the refusal of a caller with too many requests, because many callers retry at once. A flood
# then costs a few refusals per second for each connection, not all that a thread can give.
TOO_MANY, PAUSE_SECONDS = 429, 0.5
FOR_KEYS = frozenset({door.VERIFY, door.INTROSPECT, "/oauth/token"})
DOORS = frozenset({door.VERIFY, door.INTROSPECT, publishing.PUBLISH})
IDEMPOTENCY = "Idempotency-Key"
# Headers that say what to do, or who asks. granian leaves out one with other bytes than ASCII, and
# without it more would be done, or for somebody else.
OBEYED = (
    "If-Match",
    "Prefer",
    IDEMPOTENCY,
    "Content-Type",
    "Content-Encoding",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
)
KEYS_OF_A_TENANT = len("sk-acme-")  # the tenant's code is part of each of its keys
PLAIN = [
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
]

log = structlog.stdlib.get_logger(__name__)


class Front:
    """Answer the requests of one web process, on one event loop."""

    def __init__(self, app: "Flask") -> None:
        self._app = app
        self._engine: KeyVerifier = app.extensions["keys"]
        config: Config = app.extensions["portal"]
        self._issuer, self._trusted = config.base_url, config.trusted_proxies
        self._files: Files = app.extensions["portal.files"]
        self._bodies = Bodies()
        self._large_answers = LargeAnswers()
        self._publishing = publishing.Door(app)
        self._described: Callable[[], Kept] = app.extensions["document"]
        self._hosts: set[str] = app.extensions["hosts"]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads and tasks in the process that serves, before its first request."""
        self._loop = loop
        self._threads = Threads(
            loop, "page", SLOTS, PLACES, OF_ONE_LINE, OF_ONE_ADDRESS, spare=WAITING_CALLS
        )
        self._key_threads = Threads(loop, "key", KEY_THREADS, PLACES)
        self._ready_thread = Threads(loop, "ready", 1, PLACES)
        self._all_threads = self._threads, self._key_threads, self._ready_thread
        self._apart = dict.fromkeys(FOR_KEYS, self._key_threads) | {READY: self._ready_thread}
        self._document = self._described()
        one_cpu = OneCpu([thread for some in self._all_threads for thread in some.threads])
        watches = self._bodies.watch(), one_cpu.watch(), listening.limit_waiting()
        self._watching = [loop.create_task(watch) for watch in watches]
        self._engine.begin()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop the threads and tasks after the last request was answered."""
        for task in self._watching:
            task.cancel()
        for some in self._all_threads:
            some.stop()
        self._publishing.stop()
        self._engine.end()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, protocol)
            if answer is not None and len(answer[2]) > LARGE:
                source = self._source(scope)
                await self._large_answers.send(protocol, answer, scope.method, source)
                return
        except PortalError as error:
            answer = self._refusal(scope.path, error)
        except Busy:
            gone = Unavailable("The portal has too much to do right now. Try again in a moment.")
            answer = self._refusal(scope.path, gone)
        except Exception:
            request_id = api.new_request_id()
            log.exception("a request was not answered", request_id=request_id)
            answer = self._refusal(scope.path, api.failed(), request_id)
        if answer is not None:
            protocol.response_bytes(*answer)

    async def _answer(self, scope: Any, protocol: Any) -> Answer | None:
        """Return the response to a request, or None if a thread has sent it."""
        path = scope.path
        if path == "/healthz":
            return 200, PLAIN, b"ok\n"
        headers = scope.headers
        if path == DOCUMENT and scope.method in ("GET", "HEAD"):
            return self._described_to(scope)
        _check_readable(headers)
        if path.startswith(STATIC):
            file = self._files.answer(scope.method, path, scope.query_string, headers)
            if file is not None:
                return file
        length = headers.get("content-length")
        body = b""
        if length not in (None, "0") or headers.get("transfer-encoding") is not None:
            body = await self._bodies.receive(protocol, path, length, self._source(scope))
        answer = await self._on_the_loop(scope, body)
        return answer or await self._from_the_application(scope, protocol, body)

    def _described_to(self, scope: Any) -> Answer:
        """Return the response with the OpenAPI document. Raises RateLimited."""
        answer = self._document.answer(scope.method, scope.headers)
        if len(answer[2]) > LARGE:
            self._large_answers.take(self._source(scope))
        return answer

    async def _on_the_loop(self, scope: Any, body: bytes) -> Answer | None:
        """Answer on the loop. Return None if the application has to answer this request."""
        path, header = scope.path, scope.headers.get
        if scope.method != "POST" or scope.query_string or path not in DOORS:
            return None
        if not self._is_plain(scope):
            return None
        if path == door.VERIFY:
            return await door.verify(self._engine, header, body, partial(self._in_thread, scope))
        if path == door.INTROSPECT:
            return door.introspect(self._engine, self._issuer, header, body)
        if path == publishing.PUBLISH:
            return await self._published(scope, body)
        return None

    async def _in_thread(self, scope: Any, work: "Callable[..., T]", *arguments: object) -> T:
        """Run the end of a call that was counted. Raises UnknownOutcome if no thread is free."""
        try:
            return await self._key_threads.run(self._line(scope), work, *arguments)
        except Busy:
            raise UnknownOutcome(MAY_BE_COUNTED) from None

    def _is_plain(self, scope: Any) -> bool:
        """Tell whether a request is addressed to this portal, has exactly one credential, and asks
        for nothing that only the application does."""
        headers = scope.headers
        if "prefer" in headers or "if-match" in headers:
            return False
        host = headers.get("host") or ""
        if self._trusted and is_trusted(scope.client, self._trusted):
            host = host_of(",".join(headers.get_all("x-forwarded-host"))) or host
        name, _, port = host.rpartition(":")
        named = name if port.isdigit() else host
        return named.lower() in self._hosts and len(headers.get_all("authorization")) == 1

    async def _from_the_application(self, scope: Any, protocol: Any, body: bytes) -> Answer | None:
        environ, line = wsgi.environment(scope, body), self._line(scope)
        if (threads := self._apart.get(scope.path)) is not None:
            return await threads.run(line, wsgi.call, self._app.wsgi_app, environ)
        unsent = await self._threads.run(line, self._sent, environ, protocol)
        if unsent is not None and unsent[0] == TOO_MANY:
            await asyncio.sleep(PAUSE_SECONDS)
        return unsent

    async def _published(self, scope: Any, body: bytes) -> Answer | None:
        """Publish an event for a key. Return None if the application has to answer this request."""
        header = scope.headers.get
        key = door.caller_of(self._engine, header, publishing.SCOPE)
        if key is None and await self._finds_key(scope):
            key = door.caller_of(self._engine, header, publishing.SCOPE)
        if key is None:
            return None
        self._engine.require_current()
        answer = await self._publishing.publish(actor_of(key, Origin()), header, body)
        if answer is not None:
            now = self._engine.clock.now()
            source = self._client(scope)
            usage.note(key.tenant_id, key.id, now, source=source, scope=publishing.SCOPE)
        return answer

    async def _finds_key(self, scope: Any) -> bool:
        """Look the key of a request up, if it is not in memory, and tell whether it now is.

        So the first events of each key, as after a start, do not all take a thread for pages.
        Raises Busy and Unavailable.
        """
        raw, source = door.credential(scope.headers.get), parse(self._client(scope))
        if not self._engine.is_worth_a_look(raw, source):
            return False
        self._engine.require_current()
        return await self._key_threads.run(self._line(scope), self._engine.remember, raw)

    def _sent(self, environ: "WSGIEnvironment", protocol: Any) -> Answer | None:
        """Send the application's response, or return it unsent if it has to be delayed or may be
        taken slowly."""
        begun = wsgi.begin(self._app.wsgi_app, environ)
        if api.STREAMED in environ:
            streaming.send(self._loop, protocol, begun, environ[api.STREAMED])
            return None
        answer = wsgi.whole(begun)
        if answer[0] == TOO_MANY or len(answer[2]) > LARGE:
            return answer
        protocol.response_bytes(*answer)
        return None

    def _refusal(self, path: str, error: PortalError, request_id: str = "") -> Answer:
        """Return the error response to a request that never reaches the application."""
        request_id = request_id or api.new_request_id()
        status, headers, body = api.ready_problem(error, request_id, self._issuer)
        if not api.is_api_path(path):
            own = api.headers_of(error, self._issuer).items()
            named = [(name.lower(), value) for name, value in own]
            headers, body = [*PLAIN, *named], f"{error.detail}\n".encode()
        if status in (400, 408, 413):
            headers = [*headers, ("connection", "close")]  # the rest of the body is not read
        return status, headers, body

    def _source(self, scope: Any) -> str:
        """Return the network that a request comes from, as far as its headers can be trusted."""
        return _network(scope.client, self._forwarded(scope), self._trusted)

    def _client(self, scope: Any) -> str:
        """Return the address that a request comes from, as far as its headers can be trusted."""
        return client_of(scope.client, self._forwarded(scope), self._trusted)

    def _forwarded(self, scope: Any) -> str:
        if not self._trusted:
            return ""
        return nearest_entries(",".join(scope.headers.get_all("x-forwarded-for")))

    def _line(self, scope: Any) -> Line:
        """Return the line that a request waits in, before anything in it is verified.

        There is one line for all keys of a tenant, and one for each token and each browser.
        """
        headers = scope.headers
        sent = headers.get("authorization") or ""
        # As the application reads it: other spellings of a credential must not be other lines.
        token = api.bearer_of(sent)
        if token.startswith("sk-"):
            token = token[:KEYS_OF_A_TENANT]
        return Line(self._source(scope), token or sent or headers.get("cookie") or "")


def _check_readable(headers: Any) -> None:
    """Raise BadRequest for a header with other bytes than ASCII, if the portal goes by it, and for
    two keys of one request. A further line that is not ASCII cannot be seen here."""
    for name in OBEYED:
        if name in headers and headers.get(name) is None:
            raise BadRequest(errors=[FieldError(name, "Use only ASCII characters in this header.")])
    if IDEMPOTENCY in headers and len(headers.get_all(IDEMPOTENCY)) > 1:
        raise BadRequest(errors=[FieldError(IDEMPOTENCY, "Send this header once.")])


@lru_cache(maxsize=4096)
def _network(peer: str, forwarded: str, trusted: "tuple[Network, ...]") -> str:
    client = parse(client_of(peer, forwarded, trusted))
    return peer if client is None else name_of(client)
