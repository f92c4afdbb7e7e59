"""Record the progress of one attempt: how far it came, when, and what was observed."""

import ssl
import time
from asyncio import Transport
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

from portal.outbound.outcome import (
    KEEP_BYTES,
    Kind,
    Outcome,
    Request,
    Stage,
    Timings,
    read_retry_after,
    readable,
)
from portal.outbound.outcome_texts import explain, is_unknown_name

_SPENT: dict[Stage, str] = {
    "dns": "dns_ms",
    "connect": "connect_ms",
    "tls": "tls_ms",
    "wait": "wait_ms",
    "read": "read_ms",
}


class Attempt:
    """The record of one attempt, which the guard, the TLS context and the client write."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.stage: Stage = "dns"
        self.began = time.perf_counter()
        self.marks: dict[Stage, float] = {"dns": self.began}
        self.address: str | None = None
        self.reused = False
        self.certificate: dict[str, Any] = {}
        self.tls_version: str | None = None
        self.status: int | None = None
        self.raw_headers: tuple[tuple[bytes, bytes], ...] = ()
        self.body = b""
        self.truncated = False

    def reached(self, stage: Stage) -> None:
        """Record that a stage begins. A stage that begins again (a second dial) keeps its time."""
        self.stage = stage
        self.marks.setdefault(stage, time.perf_counter())

    def dialled(self, address: str) -> None:
        self.address = address
        self.reached("connect")

    def sent_over(self, transport: Transport | None) -> None:
        """Record that the request goes over this connection, new or kept alive."""
        self.reused = "connect" not in self.marks
        if self.reused:
            self.marks.clear()
        self.reached("wait")
        if transport is None:
            return
        if peer := transport.get_extra_info("peername"):
            self.address = str(peer[0])
        if tls := transport.get_extra_info("ssl_object"):
            self.tls_version = tls.version()
            self.certificate = tls.getpeercert() or {}

    def answered(self, status: int, raw_headers: tuple[tuple[bytes, bytes], ...]) -> None:
        """Record that the head of the response has arrived. Its body follows."""
        self.reached("read")
        self.status, self.raw_headers = status, raw_headers

    def outcome(self, kind: Kind, error: BaseException | None = None) -> Outcome:
        """Return what is known so far, as one immutable value."""
        explanation, remedy = explain(kind, self.stage, self.status, error)
        if kind == "forbidden_address":
            return Outcome(kind, explanation, remedy)  # and no stage, no times
        headers = _headers(self.raw_headers)
        return Outcome(
            kind=kind,
            explanation=explanation,
            remedy=remedy,
            status=self.status,
            headers=headers,
            body=self.body,
            body_truncated=self.truncated,
            timings=self._timings(),
            address=self.address,
            reused_connection=self.reused,
            tls_version=self.tls_version,
            certificate_days=self._certificate_days(),
            unknown_name=kind == "dns" and is_unknown_name(error),
            stage=self.stage,
            retry_after=read_retry_after(_find(headers, "retry-after"), _find(headers, "date")),
        )

    def _timings(self) -> Timings:
        """Return how long each stage lasted: until the next one began."""
        end = time.perf_counter()
        begins = [*self.marks.values(), end]
        lasted = [round((until - since) * 1000, 2) for since, until in pairwise(begins)]
        spent = {_SPENT[stage]: ms for stage, ms in zip(self.marks, lasted, strict=True)}
        return Timings(**spent, total_ms=round((end - self.began) * 1000, 2))

    def _certificate_days(self) -> int | None:
        expires = self.certificate.get("notAfter")
        if expires is None:
            return None
        return int((ssl.cert_time_to_seconds(expires) - time.time()) // 86400)


current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
"""The attempt that this task makes, for callbacks of the HTTP library that do not receive it."""


def _headers(raw: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[str, str], ...]:
    """Return the response's headers as clean text, as many as fit into KEEP_BYTES."""
    kept: list[tuple[str, str]] = []
    room = KEEP_BYTES
    for name, value in raw:
        room -= len(name) + len(value)
        if room < 0:
            break
        kept.append((readable(name), readable(value)))
    return tuple(kept)


def _find(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)
