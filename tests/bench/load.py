"""The load generator: a separate process that sends requests over kept-alive connections.

python -m tests.bench.load      one task as a line of JSON in, one result as a line out
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any

SECONDS_PER_REQUEST = 30
LENGTH = b"content-length:"


@dataclass(frozen=True)
class Ask:
    """One GET request, or with a JSON body one POST request."""

    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def encode(self) -> bytes:
        """Return the HTTP/1.1 request; its host is the portal's name."""
        headers = {"Host": "portal.example", "Accept": "*/*", **self.headers}
        if self.body:
            length = str(len(self.body.encode()))
            headers |= {"Content-Type": "application/json", "Content-Length": length}
        verb = "POST" if self.body else "GET"
        lines = [f"{verb} {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def answer_end(data: bytes | bytearray) -> int | None:
    """Return the end of the response at the start of `data`; None while it is incomplete."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    place = bytes(data[:head]).lower().find(LENGTH)
    if place < 0:
        raise ValueError("an answer without Content-Length")
    length = int(bytes(data[place + len(LENGTH) : head]).split(b"\r\n", 1)[0])
    end = head + 4 + length
    return end if len(data) >= end else None


# ---------------------------------------------------------------- many at once


class Connection(asyncio.Protocol):
    """A connection that sends the next request after each response, until the time is over."""

    def __init__(
        self, requests: Iterator[bytes], until: float, done: asyncio.Future[None], keeps: bool
    ) -> None:
        self.requests, self.until, self.done, self.keeps = requests, until, done, keeps
        self.times: list[float] = []
        self.answers: list[bytearray] = []
        self.failures = 0
        self.refusal = ""
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.ask()

    def ask(self) -> None:
        self.received.clear()
        self.asked = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.received += data
        if answer_end(self.received) is None:
            return
        now = time.perf_counter()
        self.times.append(now - self.asked)
        if not self.received.startswith(b"HTTP/1.1 2"):
            self.failures += 1
            self.refusal = self.received.decode(errors="replace")
        elif self.keeps:
            self.answers.append(self.received.partition(b"\r\n\r\n")[2])
        if now < self.until:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def burst(
    asks: list[Ask], connections: int, seconds: float, keeps: bool = False
) -> dict[str, Any]:
    """Send as many requests as the server can answer on these connections in these seconds.

    If there are several requests, all connections together take them in turn. With `keeps`, the
    result has the bodies of the answers that accepted a request.
    """
    requests = cycle([ask.encode() for ask in asks])
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    open_ones = []
    for _ in range(connections):
        done = loop.create_future()
        one = Connection(requests, began + seconds, done, keeps)
        await loop.create_connection(lambda one=one: one, "127.0.0.1", asks[0].port)
        open_ones.append(one)
    await asyncio.wait_for(
        asyncio.gather(*(one.done for one in open_ones)), seconds + SECONDS_PER_REQUEST
    )
    taken = time.perf_counter() - began
    times = sorted(moment for one in open_ones for moment in one.times)
    return {
        "requests": len(times),
        "failures": sum(one.failures for one in open_ones),
        "refusal": next((one.refusal for one in open_ones if one.refusal), ""),
        "answers": [body.decode() for one in open_ones for body in one.answers],
        "per_second": len(times) / taken,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
    }


# ---------------------------------------------------------------- by the clock


async def schedule(asks: list[Ask], rate: float, seconds: float, first: int) -> dict[str, Any]:
    """Send the requests in turn at a steady rate, whether or not earlier ones have been answered.

    NUMBER and AT in the body become the request's number, from `first` on, and the time at which it
    is due, in seconds since 1970. Each response is timed from that moment, so a server that falls
    behind cannot hide it. `refused` are the numbers of the requests that failed.
    """
    loop = asyncio.get_running_loop()
    begin, begin_at = loop.time() + 0.2, time.time() + 0.2
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    times: list[float] = []
    refused: list[int] = []

    async def send(number: int) -> None:
        ask, due = asks[number % len(asks)], number / rate
        await asyncio.sleep(begin + due - loop.time())
        connection = free.pop() if free else await asyncio.open_connection("127.0.0.1", ask.port)
        reader, writer = connection
        body = ask.body.replace("NUMBER", str(first + number)).replace(
            "AT", f"{begin_at + due:.6f}"
        )
        writer.write(replace(ask, body=body).encode())
        received = bytearray()
        while answer_end(received) is None:
            piece = await reader.read(1 << 16)
            if not piece:
                raise ConnectionError("the server closed the connection")
            received += piece
        times.append(loop.time() - begin - due)
        if not received.startswith(b"HTTP/1.1 2"):
            refused.append(first + number)
        free.append(connection)

    async with asyncio.timeout(seconds + SECONDS_PER_REQUEST):
        await asyncio.gather(*(send(number) for number in range(int(rate * seconds))))
    for _, writer in free:
        writer.close()
    return {"refused": refused, "times": sorted(times)}


# ---------------------------------------------------------------- one after the other


def turns(asks: list[Ask], rounds: int, seconds: float) -> dict[str, Any]:
    """Send each request in turn, each on its own connection, and return the milliseconds.

    Stop after `rounds` rounds or `seconds` seconds. `failures` of them were refused.
    """
    until = time.perf_counter() + seconds
    sockets = [socket.create_connection(("127.0.0.1", ask.port)) for ask in asks]
    times: list[list[float]] = [[] for _ in asks]
    refused: list[bytearray] = []
    for _ in range(rounds):
        for connection, ask, taken in zip(sockets, asks, times, strict=True):
            began = time.perf_counter()
            connection.sendall(ask.encode())
            received = _read(connection)
            taken.append((time.perf_counter() - began) * 1000)
            if not received.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
                refused.append(received)
        if time.perf_counter() > until:
            break
    for connection in sockets:
        connection.close()
    return {
        "times_ms": times,
        "failures": len(refused),
        "refusal": refused[0].decode(errors="replace") if refused else "",
    }


def once(ask: Ask) -> dict[str, Any]:
    """Send one request and return its response."""
    with socket.create_connection(("127.0.0.1", ask.port), SECONDS_PER_REQUEST) as connection:
        connection.sendall(ask.encode())
        received = _read(connection)
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    return {"status": int(head.split()[1]), "head": head.decode("latin-1"), "body": body.decode()}


def _read(connection: socket.socket) -> bytearray:
    received = bytearray()
    while answer_end(received) is None:
        piece = connection.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection")
        received += piece
    return received


# ---------------------------------------------------------------- the process


def run(task: dict[str, Any]) -> dict[str, Any]:
    asks, options = [Ask(**ask) for ask in task["asks"]], task["options"]
    match task["kind"]:
        case "burst":
            return asyncio.run(burst(asks, **options))
        case "schedule":
            return asyncio.run(schedule(asks, **options))
        case "turns":
            return turns(asks, **options)
        case _:
            return once(asks[0])


def as_task(result: Path, kind: str, *asks: Ask, **options: Any) -> str:
    """Return the line that gives the process this task. It writes the result to the file."""
    every = [asdict(ask) for ask in asks]
    return json.dumps({"result": str(result), "kind": kind, "asks": every, "options": options})


if __name__ == "__main__":
    import uvloop

    uvloop.install()
    for line in sys.stdin:
        task = json.loads(line)
        # The answers of a burst make a result of many megabytes, too much for a line of a pipe.
        Path(task.pop("result")).write_text(json.dumps(run(task)))
        print("done", flush=True)
