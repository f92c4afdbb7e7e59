"""Test receivers that do everything wrong, with the whole engine: outcome, wait and state of
each."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.delivery import engine
from portal.outbound import OutboundClient, Outcome, Request, make_trust
from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import delivering, publish, rfp, until
from tests.outbound.sink import Behaviour, Certificates, answers
from tests.outbound.test_client import METADATA, _nothing, _reset
from tests.webhooks.conftest import Make
from tests.webhooks.kit import EMPTY, OK, rows, sinks

PATIENCE = 1.0


class Hasty(OutboundClient):
    """The engine's client, but with a short timeout for a silent or endless receiver."""

    async def send(self, request: Request) -> Outcome:
        return await super().send(replace(request, timeout=PATIENCE, read_timeout=PATIENCE))


def status(code: int, *more: str) -> Behaviour:
    lines = (f"HTTP/1.1 {code} So", "Content-Length: 0", *more)
    return answers(("\r\n".join(lines) + "\r\n\r\n").encode())


def throttled(retry_after: str) -> Behaviour:
    return status(429, f"Retry-After: {retry_after}")


BOMB = gzip.compress(b"\0" * 10_000_000)
PACKED = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode() + BOMB
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HOSTILE = {
    "resets": (_reset, "reset"),
    "hangs up": (answers(), "reset"),
    "is silent": (_nothing, "timeout"),
    "drips headers": (answers(OK + b"X", *[b"x"] * 200, wait=0.02), "timeout"),
    "drips a body": (answers(OK + b"\r\n", *[b"x"] * 200, wait=0.02), "timeout"),
    "breaks chunking": (answers(CHUNKED + b"zz\r\nhello\r\n"), "protocol_error"),
    "breaks off": (answers(OK + b"Content-Length: 50\r\n\r\nabc"), "protocol_error"),
    "is no web server": (answers(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol_error"),
    "has endless headers": (answers(OK + b"X-A: 1\r\n" * 200), "too_large"),
    "has an endless body": (answers(OK + b"\r\n" + b"x" * 65536, forever=True), "delivered"),
    "has 100 MB": (
        answers(OK + b"Content-Length: 104857600\r\n\r\n", *[b"x" * 65536] * 1600),
        "delivered",
    ),
    "is a gzip bomb": (answers(PACKED), "delivered"),
    "says NUL": (answers(OK + b"Content-Length: 3\r\n\r\n\xff\x00a"), "delivered"),
}


def after_one_attempt(
    app: Flask, ada: Api, make: Make, database: Database, ports: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Publish one event to a webhook for each address; return address → result of the first
    attempt."""
    webhooks = {url: make(url)["id"] for url in ports}
    publish(ada, rfp(1))
    with delivering(app):
        until(
            lambda: not rows(database, "SELECT 1 FROM delivery WHERE outcome IS NULL LIMIT 1"), 20
        )
    found = rows(
        database,
        """
        SELECT d.webhook_id, d.state, d.outcome, d.status, d.attempts,
            extract(epoch FROM d.due_at - a.completed_at)::float8 AS wait,
            extract(epoch FROM e.not_before - a.completed_at)::float8 AS slow,
            w.consecutive_failures AS failures, w.pause_reason, a.explanation, a.remedy,
            length(a.response_body) AS kept, a.response_truncated AS cut
        FROM delivery d JOIN webhook w ON w.id = d.webhook_id
        JOIN endpoint e ON e.webhook_id = w.id
        JOIN delivery_attempt a ON a.delivery_id = d.id
        """,
    )
    by_id = {row["webhook_id"]: row for row in found}
    assert len(found) == len(webhooks), "one attempt each"
    return {url: by_id[webhook_id] for url, webhook_id in webhooks.items()}


def test_a_hostile_receiver_is_a_failure_that_is_tried_again(
    app: Flask,
    ada: Api,
    make: Make,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "OutboundClient", Hasty)
    with sinks(*(behave for behave, _ in HOSTILE.values())) as ports:
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        found = after_one_attempt(app, ada, make, database, urls)
    for (case, (_, kind)), url in zip(HOSTILE.items(), urls, strict=True):
        row = found[url]
        assert row["outcome"] == kind, case
        assert row["explanation"], case
        assert row["attempts"] == 1, case
        if kind == "delivered":
            assert (row["state"], row["failures"]) == ("delivered", 0), case
            assert row["kept"] <= 16 * 1024, case
            continue
        assert (row["state"], row["failures"]) == ("retrying", 1), case
        assert row["remedy"], case
        longest = 61 if kind == "timeout" else 6.1
        shortest = 59 if kind == "timeout" else 3.9
        assert shortest < row["wait"] < longest, (case, row["wait"])


def test_every_status_has_its_consequence(
    app: Flask, ada: Api, make: Make, database: Database
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=240), usegmt=True)
    usual = (3.9, 6.1)
    cases: dict[str, tuple[Behaviour, tuple[str, str, int], tuple[float, float] | None, Any]] = {
        "200": (answers(EMPTY), ("delivered", "delivered", 0), None, None),
        "204": (answers(b"HTTP/1.1 204 None\r\n\r\n"), ("delivered", "delivered", 0), None, None),
        "302": (
            status(302, f"Location: http://{METADATA}/"),
            ("retrying", "redirect", 1),
            usual,
            None,
        ),
        **{
            str(code): (status(code), ("retrying", "http_error", 1), usual, None)
            for code in (400, 401, 404, 410, 500)
        },
        "429 seconds": (throttled("120"), ("retrying", "http_error", 0), (119, 121), (119, 121)),
        "429 date": (throttled(date), ("retrying", "http_error", 0), (215, 241), (215, 241)),
        "429 garbage": (throttled("soon"), ("retrying", "http_error", 0), usual, (0.9, 1.1)),
        "429 1e12": (throttled("1e12"), ("retrying", "http_error", 0), usual, (0.9, 1.1)),
        "429 for ages": (throttled("9" * 12), ("retrying", "http_error", 0), usual, (0.9, 1.1)),
        "503": (status(503), ("retrying", "http_error", 0), usual, (0.9, 1.1)),
    }
    with sinks(*(case[0] for case in cases.values())) as ports:
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        found = after_one_attempt(app, ada, make, database, urls)
    for (case, (_, wanted, wait, slow)), url in zip(cases.items(), urls, strict=True):
        row = found[url]
        assert (row["state"], row["outcome"], row["failures"]) == wanted, case
        assert row["status"] == int(case[:3]), case
        assert row["pause_reason"] == ("gone" if case == "410" else None), case
        if wait:
            assert wait[0] < row["wait"] < wait[1], (case, row["wait"])
        assert (row["slow"] is None) == (slow is None), case
        if slow:
            assert slow[0] < row["slow"] < slow[1], (case, row["slow"])


def test_a_bad_certificate_is_a_failure_and_a_good_one_is_not(
    app: Flask,
    ada: Api,
    make: Make,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Certificates(tmp_path)
    trust = make_trust(made.authority)
    monkeypatch.setattr(
        engine, "OutboundClient", lambda *args, **more: Hasty(*args, trust=trust, **more)
    )
    cases: dict[str, dict[str, Any]] = {
        "good": {},
        "has expired": {"days": -1},
        "self-signed": {"self_signed": True},
        "not for this IP address": {"name": "127.0.0.2"},
    }
    with sinks(*((answers(EMPTY), made.server(**how)) for how in cases.values())) as ports:
        urls = [f"https://127.0.0.1:{port}/" for port in ports]
        found = after_one_attempt(app, ada, make, database, urls)
    good, *bad = [found[url] for url in urls]
    assert (good["state"], good["outcome"]) == ("delivered", "delivered")
    for words, row in zip(list(cases)[1:], bad, strict=True):
        assert (row["state"], row["outcome"], row["failures"]) == ("retrying", "tls", 1), words
        assert words in row["explanation"]


def test_a_name_that_changes_its_mind_reaches_nobody(
    app: Flask,
    ada: Api,
    make: Make,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Resolve a name to a public address for the check and to loopback for the connection: the
    address of the socket decides."""
    reached: list[str] = []

    async def takes_notice(reader: Any, writer: Any) -> None:
        reached.append("somebody")
        writer.write(EMPTY)

    asked: list[str] = []

    async def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    def client(_allow: Any, **more: Any) -> OutboundClient:
        return OutboundClient((), lookup=lookup, **more)

    monkeypatch.setattr(engine, "OutboundClient", client)
    with sinks(takes_notice) as ports:
        url = f"http://flips.example.com:{ports[0]}/"
        # Replace the resolver, as if its check had seen a public address a moment before.
        found = after_one_attempt(app, ada, make, database, [url])
        monkeypatch.setattr(
            "portal.outbound.address_guard.GuardedResolver.resolve", _checked_a_moment_too_early
        )
        publish(ada, rfp(2))
        with delivering(app):
            until(
                lambda: len(rows(database, "SELECT 1 FROM delivery WHERE outcome IS NOT NULL")) == 2
            )
    assert asked
    assert found[url]["outcome"] == "forbidden_address"
    outcomes = rows(
        database, "SELECT outcome, row_to_json(a)::text AS told FROM delivery_attempt a"
    )
    assert {row["outcome"] for row in outcomes} == {"forbidden_address"}
    assert not any("127.0.0.1" in json.dumps(row["told"]) for row in outcomes)
    assert reached == []


async def _checked_a_moment_too_early(
    _self: Any, host: str, port: int = 0, family: Any = None
) -> list[dict[str, Any]]:
    """Return the answer of a resolver whose own check saw another address."""
    one = {"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}
    return [one]
