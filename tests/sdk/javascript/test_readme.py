"""Every example of the README is a program with types, and runs against a real portal."""

import time
from pathlib import Path

from portal.webhooks.signing import standard_webhooks
from tests.cast import Api
from tests.sdk.javascript.programs import NAME, SDK, Node, blocks
from tests.sdk.javascript.test_specification import compiled

SNIPPETS = blocks(SDK / "README.md", "js")
STORY = "\n".join(SNIPPETS)
IMPORTS, PROGRAM = STORY.split(f'from "{NAME}";', 1)


def test_the_examples_have_types(npm: Path, packages: Path, tmp_path: Path) -> None:
    (tmp_path / "node.d.ts").write_text("declare const process: { env: Record<string, string> };")
    done = compiled(npm, packages, tmp_path, STORY, "program.js", "node.d.ts")
    assert done.returncode == 0, done.stdout


def test_the_examples_run(node: Node, access: dict[str, str], ada: Api) -> None:
    seen = node.run(
        f"""
        Object.assign(process.env, {{ PORTAL_URL: access.baseUrl, PORTAL_TOKEN: access.token }});
        const said = [];
        const console = {{ log: (...words) => said.push(words) }};
        {PROGRAM}
        return {{ said, app, secret: secrets[0].reveal(), issued: issued.key.reveal() }};
        """,
        access=access,
    )
    record = ada.get(f"/applications/{seen['app']['id']}").json
    assert (record["description"], record["kind"]) == ("Customers and sales", "app")
    assert [412, "precondition_failed"] in seen["said"]
    assert ["****"] in seen["said"]
    assert seen["issued"] not in str(seen["said"])


def test_the_receiver_tells_a_genuine_webhook_from_a_forged_one(node: Node) -> None:
    secret, body = standard_webhooks.new_secret(), b'{"type":"rfp.created"}'
    headers = standard_webhooks.headers(secret, "evt_1", body, int(time.time()))
    receiver = PROGRAM[PROGRAM.index("/** @param {Request}") :]
    statuses = node.run(
        f"""
        const secrets = [new Secret(secret)];
        const console = {{ log: () => {{}} }};
        {receiver}
        const url = "https://receiver.example";
        const post = (body) => receive(new Request(url, {{ method: "POST", headers, body }}));
        return [(await post(body)).status, (await post(body + " ")).status];
        """,
        secret=secret,
        headers=headers,
        body=body.decode(),
    )
    assert statuses == [204, 401]
