"""Measure how long a sender waits until its webhook is verified, published and committed."""

import hmac
import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

from tests.bench.figures import Figure

SECRET = "a secret of the bench's sender"
SENDERS, EACH, WARM = 4, 200, 20
BOUND_MS = 100
HOST = {"Host": "portal.example"}
BODY = json.dumps({"ref": "refs/heads/main", "text": "x" * 1000}).encode()


def measure(port: int, key: str) -> list[Figure]:
    """Measure four concurrent senders, each on its own connection and with new deliveries."""
    hook = _make(port, key)
    with ThreadPoolExecutor(SENDERS) as threads:
        began = time.monotonic()
        times = [
            ms for one in threads.map(lambda n: _send(port, hook, n), range(SENDERS)) for ms in one
        ]
        took = time.monotonic() - began
    cuts = quantiles(times, n=100)
    p50, p95, p99 = cuts[49], cuts[94], cuts[98]
    notes = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {SENDERS * (EACH + WARM) / took:.0f}/s"
    name = "an inbound webhook is kept, p95"
    return [Figure(name, p95, BOUND_MS, "less", "ms", notes, {"times_ms": times})]


def _make(port: int, key: str) -> str:
    body = {"direction": "inbound", "inbound_scheme": "github", "inbound_secret": SECRET}
    headers = {**HOST, "Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/api/v1/integration/webhooks", json.dumps(body), headers)
    answer: dict[str, Any] = json.load(connection.getresponse())
    if "id" not in answer:
        raise SystemExit(f"the bench's key makes no webhook: {answer}")
    return str(answer["id"])


def _send(port: int, hook: str, sender: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    signature = "sha256=" + hmac.digest(SECRET.encode(), BODY, "sha256").hex()
    times = []
    for number in range(WARM + EACH):
        headers = {
            **HOST,
            "X-Hub-Signature-256": signature,
            "X-GitHub-Delivery": f"{sender}-{number}",
            "X-GitHub-Event": "push",
            "Content-Type": "application/json",
        }
        began = time.perf_counter()
        connection.request("POST", f"/in/{hook}", BODY, headers)
        answer = connection.getresponse()
        text = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"/in: {answer.status} {text[:300]!r}")
    return times[WARM:]
