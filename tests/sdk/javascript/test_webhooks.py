"""Only a genuine webhook is an event; anything else is a VerificationError."""

import json
import time
from typing import TYPE_CHECKING, Any

from portal.webhooks.signing import standard_webhooks
from tests import ROOT
from tests.sdk.javascript.programs import Chromium, Node

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CASES = json.loads((ROOT / "tests/sdk/vectors.json").read_text())["cases"]
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
BODY = '{"type":"rfp.created","data":{"id":"rfp_1"}}'
VERIFY_ALL = """
    return Promise.all(cases.map(async (one) => {
      const raw = one.body ?? Uint8Array.from(atob(one.body_base64), (each) => each.charCodeAt(0));
      try {
        return await verify(one.headers, raw, one.secrets, one);
      } catch (error) {
        if (error instanceof VerificationError) return error.code;
        throw error;
      }
    }));
"""


def check(found: list[Any]) -> None:
    for case, result in zip(CASES, found, strict=True):
        assert result == case.get("event", case.get("refused")), case["name"]


def test_the_vectors_in_node(node: Node) -> None:
    check(node.run(VERIFY_ALL, cases=CASES))


def test_the_vectors_in_a_browser(browser: "Browser", portal: str) -> None:
    check(Chromium(browser, portal).run(VERIFY_ALL, cases=CASES))


def test_what_the_portal_signs_is_verified_as_servers_give_it(node: Node) -> None:
    headers = standard_webhooks.headers(SECRET, "evt_1", BODY.encode(), int(time.time()))
    found = node.run(
        """
        const bytes = new TextEncoder().encode(body);
        const padded = new Uint8Array([0, ...bytes, 0]);
        return [
          await verify(headers, body, secret),
          await verify(new Headers(headers), bytes, new Secret(secret)),
          await verify(new Map(Object.entries(headers)), bytes.buffer, [secret]),
          await verify(Object.entries(headers), padded.subarray(1, -1), secret),
          await verify({ ...headers, accept: ["a"], host: undefined }, Buffer.from(body), secret),
        ];
        """,
        headers=headers,
        body=BODY,
        secret=SECRET,
    )
    assert found == [json.loads(BODY)] * 5


def test_the_official_library_agrees(node: Node) -> None:
    seen = node.run(
        """
        const { Webhook } = await import("standardwebhooks");
        const official = new Webhook(secret);
        const now = new Date();
        const headers = {
          "webhook-id": "evt_1",
          "webhook-timestamp": String(Math.floor(now / 1000)),
          "webhook-signature": official.sign("evt_1", now, body),
        };
        const altered = Object.keys(headers).map((name) =>
          [{ ...headers, [name]: `${headers[name]}0` }, body]);
        const tries = [[headers, body], [headers, `${body} `], ...altered];
        const outcome = async (work) => {
          try { return await work(); } catch (error) { return error.constructor.name.slice(-17); }
        };
        return Promise.all(tries.map(async ([given, raw]) => [
          await outcome(() => verify(given, raw, secret)),
          await outcome(() => official.verify(raw, given)),
        ]));
        """,
        secret=SECRET,
        body=BODY,
    )
    assert seen[0] == [json.loads(BODY)] * 2
    assert seen[1:] == [["VerificationError"] * 2] * 4


def test_any_input_is_an_event_or_a_refusal(node: Node) -> None:
    headers = standard_webhooks.headers(SECRET, "evt_1", BODY.encode(), 1731705121)
    kinds = node.run(
        """
        const throwing = new Proxy({}, { ownKeys() { throw new Error("No"); } });
        const odd = [undefined, null, 0, NaN, "", "x", "\\ud800", [], {}, [[]], Symbol.iterator,
          new Date(NaN), throwing, () => {}, new Uint8Array(3), new Map([[{}, 1]]), 10n];
        const [other, pair] = [`whsec_${"A".repeat(32)}`, `whpk_${"A".repeat(43)}=`];
        const secrets = ["whsec_é", other, pair, secret];
        const kinds = new Set();
        for (const head of [...odd, headers]) {
          for (const raw of [...odd, body]) {
            for (const key of [...odd, ...secrets]) {
              try {
                kinds.add(JSON.stringify(await verify(head, raw, key, { now: 1731705121 })));
              } catch (error) {
                kinds.add(error instanceof VerificationError && !error.stack.includes(secret));
              }
            }
          }
        }
        return [...kinds];
        """,
        headers=headers,
        body=BODY,
        secret=SECRET,
    )
    assert set(kinds) == {True, BODY}
