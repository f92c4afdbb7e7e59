"""A server that fails in every way: a write is done once, and what may be repeated is repeated."""

import contextlib

import pytest

from tests.sdk.javascript.listening import (
    Answer,
    Listening,
    Received,
    listening,
    reset,
    reset_at_once,
    sends,
    truncated,
    unfinished,
)
from tests.sdk.javascript.programs import Node

NO_WAIT = {"Retry_After": "0"}
FAULTS: dict[str, Answer] = {
    "reset before the request was read": reset_at_once,
    "reset after the request": reset,
    "truncated": truncated,
    "unfinished JSON": unfinished,
    "another type": sends(body="<h1>It works!</h1>", kind="text/html"),
    "429": sends(429, {"code": "rate_limited"}, **NO_WAIT),
    "502": sends(502, "<h1>Bad gateway</h1>", "text/html", **NO_WAIT),
    "503": sends(503, {"code": "unavailable"}, **NO_WAIT),
    "unknown outcome": sends(503, {"code": "unknown_outcome"}, **NO_WAIT),
    "504": sends(504, "<h1>Timeout</h1>", "text/html", **NO_WAIT),
    "500": sends(500, {"code": "internal"}, **NO_WAIT),
}
ANY = {*FAULTS} - {"500"}
CALLS = {
    "create": ("webhooks.create({ name: 'Mine' })", ANY),
    "get": ("webhooks.get('whk_1')", ANY),
    "delete": ("webhooks.delete('whk_1')", {"429", "503"}),
    "put": ("eventSettings.update({})", {"429", "503"}),
    "patch": ("webhooks.update('whk_1', {})", {"429"}),
    "post without a key": ("apiKeys.recordUsage('key_1', { tokens: 7 })", {"429"}),
}
"""Each call, and the faults after which it is sent again."""
LOST = "reset before the request was read"
"""After this the fetch of Node.js 20 sometimes waits for ever; the client ends it in time."""
PROGRAM = """
    const results = {};
    await Promise.all(Object.entries(places).map(async ([name, baseUrl]) => {
      const { integration } = new Client({ baseUrl, token: "t", timeout: 15_000 });
      const { webhooks, apiKeys, eventSettings } = integration;
      const calls = { CALLS };
      try {
        results[name] = { id: (await calls[name.split(": ")[1]]()).id };
      } catch (error) {
        results[name] = { error: error.name };
      }
    }));
    return results;
""".replace("CALLS", ", ".join(f'"{name}": () => {call}' for name, (call, _) in CALLS.items()))


def writes(there: Listening) -> set[object]:
    """Return what a portal would do: one write for each key, or for each request without one."""
    return {
        request.headers.get("idempotency-key", number)
        for number, request in enumerate(there.requests)
        if request.method != "GET"
    }


def test_a_write_is_done_once_whatever_happens_to_its_answer(node: Node) -> None:
    """Make every kind of call to every kind of failing server, which recovers afterwards."""
    with contextlib.ExitStack() as stack:
        servers = {
            f"{fault}: {call}": stack.enter_context(listening(FAULTS[fault], sends()))
            for fault in FAULTS
            for call in CALLS
        }
        places = {name: there.address for name, there in servers.items()}
        ended = node.run(PROGRAM, places=places)
    for name, there in servers.items():
        fault, call = name.split(": ")
        is_repeated = fault in CALLS[call][1]
        allowed = [{"id"} if is_repeated else {"error"}]
        if fault == LOST and node.version == 20:
            allowed.append({"error"})
        assert ended[name].keys() in allowed, name
        assert same(there.requests), name
        if not is_repeated:
            assert len(there.requests) <= 1, name
        if fault not in ("429", "503"):  # the portal says with these that it did nothing
            assert len(writes(there)) <= 1, name


def same(requests: list[Received]) -> bool:
    """Tell whether all requests are one and the same."""
    return all(
        (each.method, each.path, each.body, each.headers.get("idempotency-key"))
        == (first.method, first.path, first.body, first.headers.get("idempotency-key"))
        for each in requests
        for first in requests[:1]
    )


def test_each_call_has_an_idempotency_key_of_its_own(node: Node) -> None:
    with listening() as there:
        node.run(
            """
            const { webhooks } = new Client({ baseUrl, token: "t" }).integration;
            await webhooks.create({}); await webhooks.create({});
            await webhooks.create({}, { idempotencyKey: "mine" });
            """,
            baseUrl=there.address,
        )
    keys = [each.headers["idempotency-key"] for each in there.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_server_that_goes_on_failing_is_left_after_four_attempts(node: Node) -> None:
    with listening(sends(503, {"code": "unavailable", "detail": "Wait."}, **NO_WAIT)) as there:
        refused = node.run(
            """
            const client = new Client({ baseUrl, token: "t" });
            return await failure(() => client.integration.webhooks.get("whk_1"));
            """,
            baseUrl=there.address,
        )
    assert (refused["kind"], refused["code"], refused["retryAfter"]) == (
        "ApiError",
        "unavailable",
        0,
    )
    assert len(there.requests) == 4


@pytest.mark.parametrize("after", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_nobody_waits_longer_than_the_call_may_take(node: Node, after: str) -> None:
    with listening(sends(429, {"code": "rate_limited"}, Retry_After=after)) as there:
        refused = node.run(
            """
            const client = new Client({ baseUrl, token: "t" });
            return await failure(() => client.integration.webhooks.get("whk_1"));
            """,
            baseUrl=there.address,
        )
    assert refused["retryAfter"] >= 3_600_000
    assert len(there.requests) == 1


def test_a_silent_server_is_left_at_the_end_of_the_time(node: Node) -> None:
    with listening() as there:
        there.answers[:] = [there.silent]
        seen = node.run(
            """
            const { webhooks } = new Client({ baseUrl, token: "t", timeout: 150 }).integration;
            const cancelled = new AbortController();
            setTimeout(() => cancelled.abort(new Error("Never mind")), 50);
            const { signal } = cancelled;
            return {
              read: await failure(() => webhooks.get("whk_1")),
              written: await failure(() => webhooks.create({}, { timeout: 60 })),
              cancelled: await failure(() => webhooks.create({}, { signal, timeout: 60_000 })),
            };
            """,
            baseUrl=there.address,
        )
    assert seen["read"]["kind"] == seen["written"]["kind"] == "ConnectionError"
    assert seen["cancelled"]["message"] == "Never mind"
    assert len(writes(there)) <= 2


def test_a_program_that_only_waits_for_its_call_hears_that_the_time_is_over(node: Node) -> None:
    """Let nothing else keep Node.js running, as when its fetch has lost a connection."""
    seen = node.run(
        """
        globalThis.fetch = (_, { signal }) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        const { webhooks } = new Client({ baseUrl, token: "t", timeout: 150 }).integration;
        return await failure(() => webhooks.get("whk_1"));
        """,
        baseUrl="http://127.0.0.1:1",
    )
    assert seen["kind"] == "ConnectionError"


def test_the_token_goes_to_no_other_host(node: Node) -> None:
    with listening() as elsewhere, listening(sends(307, Location=elsewhere.address)) as there:
        refused = node.run(
            """
            const client = new Client({ baseUrl, token: "t", timeout: 1000 });
            return await failure(() => client.integration.webhooks.create({}));
            """,
            baseUrl=there.address,
        )
    assert refused["kind"] == "ConnectionError"
    assert elsewhere.requests == []


def test_the_token_is_asked_for_again_at_each_attempt(node: Node) -> None:
    with listening(FAULTS["503"], sends()) as there:
        node.run(
            """
            let number = 0;
            const client = new Client({ baseUrl, token: async () => `t${++number}` });
            await client.integration.webhooks.get("whk_1");
            """,
            baseUrl=there.address,
        )
    assert [each.headers["authorization"] for each in there.requests] == ["Bearer t1", "Bearer t2"]
