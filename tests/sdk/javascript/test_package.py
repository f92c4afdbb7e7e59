"""The package as it is shipped: generated files, size, and every operation of the registry."""

import gzip
import json
import re

from portal_devtools.javascript_sdk.generation import FOLDER, generated

from portal.features import FEATURES
from tests.keeper import free_port
from tests.sdk.javascript.listening import listening
from tests.sdk.javascript.programs import SDK, Node, shipped

# A file is sent in parts, which the clients do not read.
OPERATIONS = [one for feature in FEATURES for one in feature.rest() if not one.media_types]


def test_generating_again_gives_the_committed_files() -> None:
    made = generated()
    assert {name: (FOLDER / name).read_text() for name in made} == made, "run `make sdk`"


def test_it_is_small_and_needs_nothing() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in shipped()}
    assert sum(sizes.values()) <= 9 * 1024, sizes
    manifest = json.loads((SDK / "package.json").read_text())
    assert not [name for name in manifest if "ependencies" in name or name == "scripts"]
    imports = {
        name
        for path in shipped()
        for name in re.findall(r'(?:from|import)\s*"(.+?)"', path.read_text())
    }
    assert all(name.startswith("./") for name in imports)


def test_every_operation_of_the_registry_can_be_called(node: Node) -> None:
    """Call each, and compare the request that arrives with the operation's declaration."""
    with listening() as there:
        calls = [(one.id.split(".")[1:], one.path.count("{")) for one in OPERATIONS]
        node.run(
            """
            const client = new Client({ baseUrl, token: "t" });
            for (const [[resource, verb], ids] of calls) {
              await client.integration[resource][verb](...["id 1", "id/2"].slice(0, ids));
            }
            const known = Object.entries(client.integration)
              .flatMap(([resource, verbs]) => Object.keys(verbs).map((verb) => [resource, verb]));
            if (known.length !== calls.length) throw new Error(JSON.stringify(known));
            """,
            calls=calls,
            baseUrl=f"{there.address}/below/",
        )
    wanted = [(one.method, "/below/api/v1/integration" + filled(one.path)) for one in OPERATIONS]
    assert [(each.method, each.path) for each in there.requests] == wanted


def filled(path: str) -> str:
    for encoded in ("id%201", "id%2F2"):
        path = re.sub(r"\{\w+\}", encoded, path, count=1)
    return path


def test_it_runs_from_its_folder_without_a_build(node: Node) -> None:
    code = "const { Client: Same } = await import(place); return typeof Same;"
    assert node.run(code, place=(SDK / "index.js").as_uri()) == "function"


def test_a_wrong_address_is_told_at_once(node: Node) -> None:
    refused = node.run(
        """
        const client = new Client({ baseUrl, token: "t", timeout: 300 });
        return await failure(() => client.integration.webhooks.list());
        """,
        baseUrl=f"http://127.0.0.1:{free_port()}",
    )
    assert refused["kind"] == "ConnectionError"
