"""Test the client against servers that do everything wrong: each case has one outcome, in time."""

import asyncio
import contextlib
import gc
import gzip
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import uvloop

from portal.outbound import OutboundClient, Outcome, Request, asker, make_trust, send_now
from portal.outbound.networks import LOOPBACK
from tests.outbound.sink import Behaviour, Certificates, answers, read_request, sink

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
METADATA = "169.254.169.254"


def send(
    behave: Behaviour, tls=None, host="127.0.0.1", request=None, run=asyncio.run, **options
) -> Outcome:
    """Return the outcome of one POST to a sink that behaves so. It may take tenths of a second."""

    async def main() -> Outcome:
        async with sink(behave, tls) as port:
            scheme = "https" if tls else "http"
            sent = {"timeout": 5.0, "read_timeout": 5.0, "body": b"{}", **(request or {})}
            async with OutboundClient(LOOPBACK, **options) as client:
                return await client.send(Request("POST", f"{scheme}://{host}:{port}/in", **sent))

    return run(main())


def test_a_delivery_tells_everything_about_itself():
    outcome = send(answers(OK + b"X-Seen: yes\r\nContent-Length: 5\r\n\r\nthank"))
    assert (outcome.kind, outcome.succeeded, outcome.status) == ("delivered", True, 200)
    assert outcome.body == b"thank"
    assert not outcome.body_truncated
    assert outcome.header("x-seen") == "yes"
    assert outcome.address == "127.0.0.1"
    assert outcome.explanation == "The receiver answered 200."
    times = outcome.timings
    parts = [times.dns_ms, times.connect_ms, times.wait_ms, times.read_ms]
    assert all(part is not None for part in parts)
    assert times.tls_ms is None
    assert sum(parts) <= times.total_ms + 0.1


def test_the_request_is_what_was_asked_and_nothing_more():
    seen = []

    async def behave(reader, writer):
        seen.append(await read_request(reader))
        writer.write(EMPTY)

    send(behave, request={"headers": {"User-Agent": "cPod-Webhooks/1.0"}, "body": b'{"a":1}'})
    head, body = seen[0]
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /in HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in lines[1:] if line}
    assert names == {"host", "user-agent", "accept-encoding", "content-length"}
    assert "Accept-Encoding: identity" in lines
    assert body == b'{"a":1}'


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_a_refusal_is_a_failure_with_advice(status):
    outcome = send(answers(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()))
    assert (outcome.kind, outcome.status) == ("http_error", status)
    assert str(status) in outcome.explanation
    assert outcome.remedy


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("86401", timedelta(days=1)),
        ("1000000000000", None),
        ("-5", None),
        ("soon", None),
        ("9" * 5000, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_believed_within_reason(asked, wait):
    head = f"HTTP/1.1 429 Slow\r\nRetry-After: {asked}\r\nContent-Length: 0\r\n\r\n"
    assert send(answers(head.encode())).retry_after == wait


def test_retry_after_as_a_date_is_meant_by_the_receivers_clock():
    dates = "Date: Wed, 21 Oct 2015 07:26:00 GMT\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
    head = f"HTTP/1.1 503 Later\r\n{dates}Content-Length: 0\r\n\r\n"
    assert send(answers(head.encode())).retry_after == timedelta(minutes=2)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_metadata_is_not_followed(status):
    head = f"HTTP/1.1 {status} Go\r\nLocation: http://{METADATA}/\r\nContent-Length: 0\r\n\r\n"
    outcome = send(answers(head.encode()))
    assert (outcome.kind, outcome.status) == ("redirect", status)
    assert outcome.header("location") == f"http://{METADATA}/"
    assert METADATA not in outcome.explanation + outcome.remedy


async def _nothing(reader, writer):
    await read_request(reader)
    await asyncio.sleep(30)


async def _reset(reader, writer):
    await reader.read(1)
    own = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


HOSTILE = {
    "resets": (_reset, "reset"),
    "hangs up": (answers(), "reset"),
    "hangs up within the headers": (answers(OK + b"X-A: 1\r\n"), "reset"),
    "says nothing": (_nothing, "timeout"),
    "drips headers": (answers(OK + b"X", *[b"x"] * 500, wait=0.02), "timeout"),
    "drips a body": (answers(OK + b"\r\n", *[b"x"] * 500, wait=0.02), "timeout"),
    "drips chunks": (
        answers(OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 500, wait=0.02),
        "timeout",
    ),
    "repeats 100 Continue": (answers(b"HTTP/1.1 100 Continue\r\n\r\n", forever=True), "timeout"),
    "repeats 103": (answers(b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n", forever=True), "timeout"),
    "never ends its headers": (answers(OK + b"X-A: 1\r\n" * 200), "too_large"),
    "sends a huge header": (answers(OK + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n"), "too_large"),
    "sends a huge header name": (answers(OK + b"a" * 100_000 + b": 1\r\n\r\n"), "too_large"),
    "sends a huge reason": (answers(b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n"), "too_large"),
    "is no web server": (answers(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol_error"),
    "speaks HTTP/2": (answers(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), "protocol_error"),
    "sends a bad status": (answers(b"HTTP/1.1 2x0 OK\r\n\r\n"), "protocol_error"),
    "sends two lengths": (
        answers(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        "protocol_error",
    ),
    "sends a negative length": (answers(OK + b"Content-Length: -1\r\n\r\n"), "protocol_error"),
    "breaks chunking": (
        answers(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
        "protocol_error",
    ),
    "breaks off a chunk": (
        answers(OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello"),
        "protocol_error",
    ),
    "sends more than promised": (answers(OK + b"Content-Length: 3\r\n\r\nabcd"), "protocol_error"),
    "sends less than promised": (answers(OK + b"Content-Length: 50\r\n\r\nabc"), "protocol_error"),
}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_receiver_is_a_failure_in_time(case, run):
    # Set a limit, because these receivers never give way: a call that ignores it waits for ever, or
    # until the slow response ends, and then reports another kind of failure.
    behave, kind = HOSTILE[case]
    patience = 0.15 if kind == "timeout" else 5.0
    outcome = send(behave, request={"timeout": patience, "read_timeout": patience}, run=run)
    assert outcome.kind == kind
    assert outcome.explanation
    assert outcome.remedy


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BIG = {
    "100 MB": answers(OK + b"Content-Length: 104857600\r\n\r\n", *[b"x" * 65536] * 1600),
    "an endless body": answers(OK + b"\r\n" + b"x" * 65536, forever=True),
    "endless chunks": answers(CHUNKED, *[b"9\r\n123456789\r\n" * 999] * 1000),
}
MOST_TAKEN = 2 << 20  # bytes: what is read, and what the buffers of both sides take meanwhile


@pytest.mark.parametrize("case", BIG)
def test_a_big_answer_is_cut(case):
    taken = []
    outcome = send(counted(BIG[case], taken))
    assert outcome.kind == "delivered"
    assert len(outcome.body) == 16 * 1024
    assert outcome.body_truncated
    assert sum(taken) < MOST_TAKEN


def counted(behave: Behaviour, taken: list[int]) -> Behaviour:
    """Behave so over a socket whose buffers are small, and note how many bytes were taken."""

    async def behave_and_count(reader, writer):
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel has a least size
        write = writer.write

        def note(piece: bytes) -> None:
            taken.append(len(piece))
            write(piece)

        writer.write = note
        await behave(reader, writer)

    return behave_and_count


def test_who_needs_the_whole_body_is_told_that_it_is_too_large():
    head = OK + b"Content-Length: 30\r\n\r\n" + b"x" * 30
    assert send(answers(head), request={"keep": 29, "whole": True}).kind == "too_large"
    assert send(answers(head), request={"keep": 30, "whole": True}).kind == "delivered"


def test_a_gzip_bomb_stays_packed():
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    outcome = send(answers(head + bomb))
    assert outcome.kind == "delivered"
    assert outcome.body == bomb[: 16 * 1024]


def test_an_answer_to_a_body_that_nobody_reads_counts():
    async def behave(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    assert send(behave, request={"body": b"x" * 1000}).status == 413


def test_odd_bytes_in_an_answer_become_readable_text():
    outcome = send(answers(OK + b"X-Odd: \xff\xfe\r\nContent-Length: 3\r\n\r\n\xff\x00a"))
    assert outcome.header("x-odd") == "��"
    assert outcome.text == "��a"
    outcome.text.encode()


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        outcome = send_now(Request("POST", url), LOOPBACK)
    assert outcome.kind == "refused"
    assert "refused" in outcome.explanation


def test_a_machine_that_takes_no_connection():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        where = full.getsockname()
        with socket.socket() as first, socket.socket() as second:
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(where)
            url = f"http://127.0.0.1:{where[1]}/"
            outcome = send_now(Request("POST", url, timeout=0.1), LOOPBACK)
    assert outcome.kind == "timeout"
    assert "did not take the connection" in outcome.explanation


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "http://127.0.0.1:9999/", {"X-A": "a\r\nX-B: b"}),
        Request("POST", "http://127.0.0.1:9999/", {"X A": "a"}),
        Request("POST", "http://127.0.0.1:9999/", {"X-A": "a\udc80"}),
        Request("POST", "http://127.0.0.1:9999/", {"Host": "internal"}),
        Request("POST", "http://127.0.0.1:9999/", {"Transfer-Encoding": "chunked"}),
        Request("PO ST", "http://127.0.0.1:9999/"),
        Request("POST", "gopher://127.0.0.1:9999/"),
        Request("POST", "http://127.0.0.1:99999/"),
        Request("POST", "http://127.0.0.1:9999/\r\nX: y"),
    ],
)
def test_a_request_that_cannot_be_written_is_not_sent(request_):
    assert send_now(request_, LOOPBACK).kind == "invalid_request"


# --- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_tls_is_verified_and_described(certificates, run):
    trust = make_trust(certificates.authority)
    outcome = send(answers(EMPTY), certificates.server(days=20), trust=trust, run=run)
    assert outcome.kind == "delivered"
    assert outcome.tls_version == "TLSv1.3"
    assert outcome.certificate_days == 20
    assert outcome.timings.tls_ms > 0


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"days": -1}, "has expired"),
        ({"self_signed": True}, "self-signed"),
        ({"name": "127.0.0.2"}, "not for this IP address"),
        ({"name": "other.example"}, "not for this IP address"),
    ],
)
def test_a_bad_certificate_is_named(certificates, how, words):
    outcome = send(
        answers(EMPTY), certificates.server(**how), trust=make_trust(certificates.authority)
    )
    assert outcome.kind == "tls"
    assert words in outcome.explanation
    assert outcome.remedy


def test_an_unknown_authority_is_not_trusted(certificates):
    outcome = send(answers(EMPTY), certificates.server())
    assert outcome.kind == "tls"


def test_tls_is_asked_for_the_name_and_dialled_at_the_vetted_address(certificates):
    names = []
    tls = certificates.server("hooks.acme.example")
    tls.sni_callback = lambda _, name, __: names.append(name)
    outcome = send(
        answers(EMPTY),
        tls,
        host="hooks.acme.example",
        trust=make_trust(certificates.authority),
        lookup=_finds("127.0.0.1"),
    )
    assert (outcome.kind, outcome.address) == ("delivered", "127.0.0.1")
    assert names == ["hooks.acme.example"]


def test_the_wrong_host_name_is_named(certificates):
    outcome = send(
        answers(EMPTY),
        certificates.server("other.example"),
        host="hooks.acme.example",
        trust=make_trust(certificates.authority),
        lookup=_finds("127.0.0.1"),
    )
    assert outcome.kind == "tls"
    assert "another host name" in outcome.explanation


def test_a_plain_server_is_no_tls_server(certificates):
    async def behave(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK) as client:
            return await client.send(Request("POST", f"https://127.0.0.1:{port}/"))

    outcome = asyncio.run(main())
    assert outcome.kind == "tls"
    assert "TLS" in outcome.explanation


def test_a_handshake_that_never_ends():
    async def behave(reader, writer):
        await asyncio.sleep(30)

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK) as client:
            return await client.send(Request("POST", f"https://127.0.0.1:{port}/", timeout=0.1))

    outcome = asyncio.run(main())
    assert outcome.kind == "timeout"
    assert "TLS handshake" in outcome.explanation


# --- names


def _finds(*addresses):
    async def lookup(host, port):
        return addresses

    return lookup


def test_the_machines_own_resolver_is_asked():
    outcome = send(answers(EMPTY), host="localhost")
    assert (outcome.kind, outcome.address) == ("delivered", "127.0.0.1")
    assert outcome.timings.dns_ms is not None


def test_a_name_that_nobody_knows():
    async def lookup(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    outcome = send_now(Request("POST", "http://nobody.example/"), lookup=lookup)
    assert outcome.kind == "dns"
    assert "could not be found" in outcome.explanation
    assert send_now(Request("POST", "http://empty.example/"), lookup=_finds()).kind == "dns"


def test_a_name_server_that_does_not_answer():
    async def lookup(host, port):
        await asyncio.sleep(30)

    outcome = send_now(Request("POST", "http://slow.example/"), lookup=lookup, dns_seconds=0.05)
    assert outcome.kind == "dns"
    assert "in time" in outcome.explanation


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("::1",), ("8.8.8.8", "10.0.0.1"), ("2600::1", "::ffff:7f00:1")],
)
def test_one_forbidden_answer_forbids_the_name_and_nothing_is_told(addresses):
    outcome = send_now(Request("POST", "http://x.example/"), lookup=_finds(*addresses))
    assert outcome.kind == "forbidden_address"
    assert not any(address in repr(outcome) for address in addresses)
    assert outcome.address is None


def test_the_dial_is_judged_again(monkeypatch):
    """Let the resolver accept everything: the guard at the socket must still refuse."""
    monkeypatch.setattr("portal.outbound.address_guard.GuardedResolver.resolve", _unguarded)
    outcome = send_now(Request("POST", "http://x.example/"))
    assert outcome.kind == "forbidden_address"


async def _unguarded(self, host, port=0, family=0):
    return [
        {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET,
         "proto": 0, "flags": 0}
    ]  # fmt: skip


def test_a_name_that_flips_is_asked_once_and_dialled_where_it_was_vetted():
    asked = []

    async def lookup(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else [METADATA]

    outcome = send(answers(EMPTY), host="flip.example", lookup=lookup)
    assert (outcome.kind, outcome.address) == ("delivered", "127.0.0.1")
    assert asked == ["flip.example"]


def test_an_own_public_address_is_forbidden(monkeypatch):
    """Let the rules accept everything: the machine must still recognise its own address."""
    monkeypatch.setattr("portal.outbound.address_guard.forbidden", lambda *_: None)
    assert send_now(Request("POST", "http://127.0.0.1:9999/")).kind == "forbidden_address"


def test_the_second_address_is_tried_when_the_first_is_dead():
    outcome = send(answers(EMPTY), host="two.example", lookup=_finds("127.0.0.2", "127.0.0.1"))
    assert outcome.kind == "delivered"


# --- a client kept open


def test_a_request_of_its_own_leaves_no_connection_open(certificates):
    """Close it at once.

    This must not depend on the receiver's answer to TLS's closing message, nor on the garbage
    collector.
    """
    trust = make_trust(certificates.authority)
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as thread:
        request = Request("GET", f"https://127.0.0.1:{listening.getsockname()[1]}/")
        gc.disable()
        try:
            sent = thread.submit(send_now, request, LOOPBACK, trust=trust)
            plain, _ = listening.accept()
            with plain.dup() as wire, certificates.server().wrap_socket(plain, True) as receiver:
                receiver.recv(65536)
                receiver.sendall(EMPTY)
                assert sent.result().kind == "delivered"
                wire.settimeout(10)
                with contextlib.suppress(ConnectionResetError):
                    while wire.recv(65536):  # the closing message; then the end of the connection
                        pass
        finally:
            gc.enable()


def test_a_kept_connection_is_used_again():
    async def behave(reader, writer):
        while True:
            await read_request(reader)
            writer.write(EMPTY)

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK) as client:
            request = Request("POST", f"http://127.0.0.1:{port}/", body=b"{}")
            return [await client.send(request) for _ in range(2)]

    first, second = asyncio.run(main())
    assert (first.reused_connection, second.reused_connection) == (False, True)
    assert second.timings.connect_ms is None
    assert second.kind == "delivered"


@pytest.mark.parametrize(("once", "kind"), [(False, "delivered"), (True, "reset")])
def test_a_kept_connection_that_died_meanwhile_is_replaced_at_once(once, kind):
    seen = []

    async def behave(reader, writer):
        first = len(seen) < 3  # three connections are kept; each is closed at its next request
        await read_request(reader)
        seen.append("request")
        if first:
            await together.wait()
        writer.write(EMPTY)
        await reader.read(1)

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK) as client:
            request = Request("POST", f"http://127.0.0.1:{port}/", body=b"{}", once=once)
            sending = [asyncio.create_task(client.send(request)) for _ in range(3)]
            while len(seen) < 3:
                await asyncio.sleep(0)
            together.set()
            await asyncio.gather(*sending)
            return await client.send(request)

    together = asyncio.Event()
    outcome = asyncio.run(main())
    assert (outcome.kind, outcome.reused_connection) == (kind, once)
    assert len(seen) == (3 if once else 4)


def test_what_a_kept_connection_says_unasked_is_no_answer():
    idle, spoken = asyncio.Event(), asyncio.Event()

    async def behave(reader, writer):
        await read_request(reader)
        writer.write(EMPTY)
        if not spoken.is_set():
            await idle.wait()
            writer.write(b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            spoken.set()
        await reader.read(1)

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK) as client:
            request = Request("POST", f"http://127.0.0.1:{port}/", body=b"{}")
            first = await client.send(request)
            idle.set()
            await spoken.wait()
            for _ in range(3):  # turns of the event loop, in which the data is read
                await asyncio.sleep(0)
            return first, await client.send(request)

    first, second = asyncio.run(main())
    assert (first.status, second.status) == (200, 200)
    assert not second.reused_connection


def test_no_more_than_the_limit_at_once_and_waiting_costs_no_time():
    now = most = 0

    async def behave(reader, writer):
        nonlocal now, most
        await read_request(reader)
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        writer.write(EMPTY)

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK, concurrency=2) as client:
            request = Request("POST", f"http://127.0.0.1:{port}/")
            began = time.perf_counter()
            outcomes = await asyncio.gather(*(client.send(request) for _ in range(8)))
            return outcomes, time.perf_counter() - began

    outcomes, seconds = asyncio.run(main())
    assert {outcome.kind for outcome in outcomes} == {"delivered"}
    assert most == 2
    # Eight requests in four rounds: the time of a request does not include the other three.
    longest = max(outcome.timings.total_ms for outcome in outcomes)
    assert longest <= (seconds - 3 * 0.02) * 1000


def test_closing_the_client_cancels_what_is_on_its_way():
    arrived = asyncio.Event()

    async def behave(reader, writer):
        await read_request(reader)
        arrived.set()
        await asyncio.sleep(30)

    async def main():
        async with sink(behave) as port, OutboundClient(LOOPBACK) as client:
            sending = asyncio.create_task(client.send(Request("POST", f"http://127.0.0.1:{port}/")))
            await arrived.wait()
            await client.close()
            return await sending, await client.send(Request("POST", f"http://127.0.0.1:{port}/"))

    assert [outcome.kind for outcome in asyncio.run(main())] == ["cancelled", "cancelled"]


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert send(answers(EMPTY)).kind == "delivered"


def test_names_that_nobody_resolves_keep_no_other_tenant_waiting(monkeypatch: pytest.MonkeyPatch):
    released, resolve = threading.Event(), socket.getaddrinfo

    def system(host: str, *more: object, **options: object) -> object:
        if host.endswith(".slow.example"):
            released.wait(30)
        return resolve("127.0.0.1", *more, **options)

    async def sent(tenant: str, url: str) -> Outcome:
        asker.set(tenant)
        return await client.send(Request("POST", url, body=b"{}", timeout=5.0))

    async def main() -> tuple[list[Outcome], Outcome]:
        nonlocal client
        async with (
            sink(answers(EMPTY)) as port,
            OutboundClient(LOOPBACK, concurrency=500) as client,
        ):
            names = [f"http://h{n}.slow.example:{port}/" for n in range(300)]
            slow = [asyncio.create_task(sent("tnt_slow", url)) for url in names]
            await asyncio.sleep(0.5)
            # Its share is used up, so it waits; who asks for the same name does not.
            slow.append(asyncio.create_task(sent("tnt_slow", f"http://quick.example:{port}/")))
            await asyncio.sleep(0.1)
            quick = await sent("tnt_quick", f"http://quick.example:{port}/")
            return await asyncio.gather(*slow), quick

    client: OutboundClient
    monkeypatch.setattr(socket, "getaddrinfo", system)
    try:
        slow, quick = asyncio.run(main())
    finally:
        released.set()
    assert {outcome.kind for outcome in slow} == {"dns"}
    assert quick.kind == "delivered"
