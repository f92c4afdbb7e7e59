"""Calls of the real portal: pages, held records, errors, secrets, options."""

from collections.abc import Callable
from typing import Any

from tests.cast import Api
from tests.leases.conftest import application, issue, runtime, with_password, work
from tests.sdk.javascript.listening import listening, sends
from tests.sdk.javascript.programs import Node

__all__ = ["application", "issue", "runtime", "with_password", "work"]

CLIENT = "const client = new Client(access); const { applications, apiKeys } = client.integration;"


def test_a_list_gives_a_page_or_every_entry(node: Node, access: dict[str, str], ada: Api) -> None:
    names = [f"Application {number}" for number in range(5)]
    for name in names:
        ada.create("applications", display_name=name)
    seen = node.run(
        CLIENT
        + """
        const list = applications.list({ limit: 2, sort: "display_name" });
        const page = await list;
        const all = [];
        for await (const each of list) all.push(each.display_name);
        const some = [];
        for await (const each of list) if (some.push(each.display_name) === 3) break;
        return { page, all, some };
        """,
        access=access,
    )
    assert [each["display_name"] for each in seen["page"]["items"]] == names[:2]
    assert isinstance(seen["page"]["next_cursor"], str)
    assert seen["all"] == names
    assert seen["some"] == names[:3]


def test_a_list_sends_nothing_before_it_is_read(node: Node) -> None:
    with listening(sends(body={"items": [], "next_cursor": None})) as there:
        node.run(
            """
            const { webhooks } = new Client({ baseUrl, token: "t" }).integration;
            webhooks.list();
            await webhooks.list({ q: "a&b", enabled: true, created_by: undefined });
            """,
            baseUrl=there.address,
        )
    assert [each.path for each in there.requests] == [
        "/api/v1/integration/webhooks?q=a%26b&enabled=true"
    ]


def test_a_held_record_is_changed_only_as_it_was_read(
    node: Node, access: dict[str, str], ada: Api
) -> None:
    seen = node.run(
        CLIENT
        + """
        const created = await applications.create({ display_name: "First" });
        const held = await applications.get(created.id);
        const [listed] = (await applications.list()).items;
        await applications.update(held, { display_name: "Second" });
        return {
          held: await failure(() => applications.update(held, { display_name: "Third" })),
          listed: await failure(() => applications.update(listed, { display_name: "Third" })),
          told: await failure(() => applications.update(held.id, {}, { ifMatch: '"1"' })),
          byId: await applications.update(held.id, { display_name: "Fourth" }),
          keys: Object.keys(held),
        };
        """,
        access=access,
    )
    for refused in (seen["held"], seen["listed"], seen["told"]):
        assert (refused["kind"], refused["status"]) == ("ApiError", 412)
    assert seen["byId"]["display_name"] == "Fourth"
    record = ada.get(f"/applications/{seen['byId']['id']}").json
    assert set(seen["keys"]) == set(record), "nothing is added to a record"


def test_the_tag_that_is_sent_is_the_one_that_was_given(node: Node) -> None:
    with listening(sends(ETag='"3-abc"')) as there:
        node.run(
            """
            const { webhooks } = new Client({ baseUrl, token: "t" }).integration;
            const held = await webhooks.get("whk_1");
            await webhooks.update(held, {});
            await webhooks.update({ ...held }, {});
            await webhooks.update(held.id, {});
            """,
            baseUrl=there.address,
        )
    _, held, copied, by_id = (each.headers.get("if-match") for each in there.requests)
    assert (held, copied, by_id) == ('"3-abc"', '"3"', None)


def test_a_refusal_says_what_is_wrong(node: Node, access: dict[str, str]) -> None:
    seen = node.run(
        CLIENT
        + """
        const first = await applications.create({ slug: "crm" });
        return {
          invalid: await failure(() => applications.create({ slug: "No!", kind: "toaster" })),
          unknown: await failure(() => applications.get("app_0")),
          conflict: await failure(() => applications.update(first.id, { version: 7 })),
          stranger: await failure(() =>
            new Client({ ...access, token: "no-such-token" }).integration.quotas.get()),
        };
        """,
        access=access,
    )
    invalid = seen["invalid"]
    assert (invalid["kind"], invalid["status"], invalid["code"]) == ("ApiError", 422, "invalid")
    assert {each["field"] for each in invalid["fields"]} == {"slug", "kind"}
    assert all(each["message"] for each in invalid["fields"])
    assert seen["unknown"]["code"] == "not_found"
    assert seen["unknown"]["requestId"].startswith("req_")
    assert seen["unknown"]["detail"] in seen["unknown"]["message"]
    assert (seen["conflict"]["status"], seen["conflict"]["current"]["version"]) == (409, 1)
    assert seen["stranger"]["status"] == 401
    assert "no-such-token" not in str(seen["stranger"])


def test_a_secret_hides_itself_until_it_is_revealed(node: Node, access: dict[str, str]) -> None:
    seen = node.run(
        CLIENT
        + """
        const { inspect } = await import("node:util");
        const made = await apiKeys.create({ name: "Export", scopes: ["connectors:read"] });
        const raw = made.key.reveal();
        const shown = [
          `${made.key}`, made.key + "", String(made.key), JSON.stringify(made), inspect(made),
          inspect(made, { showHidden: true, depth: 9 }), JSON.stringify({ ...made.key }),
          inspect(structuredClone({ ...made, key: { ...made.key } })), Object.values(made.key),
        ].join();
        const own = new Client({ ...access, token: () => raw });
        return {
          shown: shown.includes(raw.slice(8)),
          stars: `${made.key}`,
          works: (await own.integration.connectors.list()).items,
          known: (await apiKeys.verify({ key: made.key })).code,
          client: inspect(new Client({ ...access, token: raw }), { showHidden: true, depth: 9 })
            .includes(raw),
        };
        """,
        access=access,
    )
    assert not seen["shown"]
    assert not seen["client"]
    assert seen["stars"] == "****"
    assert seen["works"] == []
    assert seen["known"] == "VALID", "the portal gets the secret itself"


def test_the_secrets_of_many_new_records_hide_themselves(
    node: Node, access: dict[str, str]
) -> None:
    seen = node.run(
        CLIENT
        + """
        const { inspect } = await import("node:util");
        const { webhooks } = client.integration;
        const keys = await apiKeys.createMany({ items: [{ name: "One" }, { name: "Two" }] });
        const url = "https://hooks.example.com/cpod";
        const hooks = await webhooks.createMany({ items: [{ name: "Mine", url }] });
        const items = [...keys.results, ...hooks.results].map((result) => result.item);
        const raw = items.map((item) => (item.key ?? item.signing_secret).reveal());
        const shown = JSON.stringify([keys, hooks]) + inspect([keys, hooks], { depth: 9 });
        return { raw, shown: raw.filter((each) => shown.includes(each)), items };
        """,
        access=access,
    )
    assert [each[:3] for each in seen["raw"]] == ["sk-", "sk-", "whs"]
    assert seen["shown"] == []
    first, second, _ = seen["items"]
    assert (first["name"], first["key"], first["key_hash"]) == ("One", "****", "****")
    assert second["name"] == "Two"


def test_a_path_in_the_secret_store_is_no_secret(node: Node) -> None:
    made = {"key": "sk-secret", "vault_path": "secret/data/keys/key_1", "counts": [1, None, True]}
    with listening(sends(body=made), sends(body={"results": [{"item": made}]})) as there:
        seen = node.run(
            """
            const { apiKeys } = new Client({ baseUrl, token: "t" }).integration;
            return [await apiKeys.create({}), (await apiKeys.createMany({})).results[0].item];
            """,
            baseUrl=there.address,
        )
    assert seen == [{**made, "key": "****"}] * 2


def test_the_values_of_a_lease_hide_themselves(
    node: Node, portal: str, with_password: Callable[..., Any], work: Callable[[], None],
    runtime: Api,
) -> None:  # fmt: skip
    made = with_password()
    work()
    seen = node.run(
        """
        const client = new Client({ baseUrl, token });
        const lease = await client.integration.connectors.takeLease(id, {});
        return { lease, password: lease.credentials.password.reveal() };
        """,
        baseUrl=portal,
        token=runtime.token,
        id=made["id"],
    )
    assert seen["lease"]["credentials"] == {"username": "****", "password": "****"}
    assert seen["lease"]["access_token"] is None
    assert seen["password"] == "one-password"


def test_what_cannot_be_meant_is_refused_before_it_is_sent(node: Node) -> None:
    calls = {
        "undefined": "webhooks.get()",
        "empty": "webhooks.get('')",
        "below": "webhooks.get('..')",
        "object": "webhooks.get({})",
        "number": "webhooks.delete(7)",
        "option": "webhooks.pause('whk_1', {}, { validate_only: true })",
        "place": "webhooks.pause('whk_1', { validateOnly: true })",
        "unsafe": "events.list({}, { ifMatch: '\"1\"' })",
        "many": "webhooks.create({}, {}, {})",
        "token": "new Client({ baseUrl, token: 'sk-se\\ncret' }).integration.webhooks.list()",
        "none": "new Client({ baseUrl }).integration.webhooks.list()",
    }
    tried = ", ".join(f"{name}: await failure(() => {call})" for name, call in calls.items())
    with listening() as there:
        seen = node.run(
            "const { webhooks, events } = new Client({ baseUrl, token: 't' }).integration;"
            f"return {{ {tried} }};",
            baseUrl=there.address,
        )
    assert there.requests == []
    assert {each["kind"] for each in seen.values()} == {"TypeError"}
    assert "validate_only" in seen["option"]["message"]
    assert "cret" not in seen["token"]["message"]


def test_a_write_that_is_only_validated_changes_nothing(
    node: Node, access: dict[str, str], ada: Api
) -> None:
    seen = node.run(
        CLIENT
        + """
        const options = { validateOnly: true };
        return {
          good: await apiKeys.create({ name: "Export" }, options),
          bad: await failure(() => apiKeys.create({ name: "" }, options)),
        };
        """,
        access=access,
    )
    assert (seen["good"]["name"], seen["good"]["key"]) == ("Export", None)
    assert [each["field"] for each in seen["bad"]["fields"]] == ["name"]
    assert ada.get("/api-keys").json["items"] == []
