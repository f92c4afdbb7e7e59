"""The examples of the specification, word for word: in Node.js, in a browser, and type-checked."""

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cast import Api
from tests.sdk.javascript.programs import Chromium, Node

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SPECIFICATION = Path(__file__).parent / "specification.txt"
EXAMPLE = re.compile(r"^await client\.integration\.(\w+)\.(\w+)\((?:\{.*?^\})?\)", re.M | re.S)
EXAMPLES = {
    f"{found[1]}.{found[2]}": found[0] for found in EXAMPLE.finditer(SPECIFICATION.read_text())
}
RESOURCES = ["applications", "connectors", "apiKeys", "webhooks"]
PROGRAM = "const client = new Client(access); return [\n" + ",\n".join(EXAMPLES.values()) + "]"
STRICT = ("--noEmit", "--strict", "--checkJs", "--target", "es2022", "--module", "nodenext")


def check(answers: list[Any], ada: Api) -> None:
    for name, answer in zip(EXAMPLES, answers, strict=True):
        resource, verb = name.split(".")
        path = "/api-keys" if resource == "apiKeys" else f"/{resource}"
        if verb == "list":
            assert answer == {"items": [], "next_cursor": None}
        else:
            assert answer["id"] == ada.get(f"{path}/{answer['id']}").json["id"]
            assert answer["id"] != "rec_01HXEXAMPLE", "ids are the server's"


def test_the_examples_are_list_and_create_of_each_resource() -> None:
    assert list(EXAMPLES) == [f"{each}.{verb}" for each in RESOURCES for verb in ("list", "create")]


def test_the_examples_run_in_node(node: Node, access: dict[str, str], ada: Api) -> None:
    check(node.run(PROGRAM, access=access), ada)


def test_the_examples_run_in_a_browser(
    browser: "Browser", access: dict[str, str], ada: Api
) -> None:
    check(Chromium(browser, access["baseUrl"]).run(PROGRAM, access=access), ada)


def compiled(
    npm: Path, packages: Path, tmp_path: Path, code: str, name: str = "program.ts", *more: str
) -> subprocess.CompletedProcess:
    """Check the types of a program, as strictly as TypeScript can."""
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / name).write_text(code)
    command = [str(npm / "node_modules/.bin/tsc"), *STRICT, name, *more]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)


TYPED = f"""
import {{ Client }} from "@cpod/integration";
const client = new Client({{ baseUrl: "https://portal.example", token: "a token" }});
export const answers = [{", ".join(EXAMPLES.values())}] as const;
"""


def test_the_examples_have_the_types_of_a_strict_program(
    npm: Path, packages: Path, tmp_path: Path
) -> None:
    done = compiled(npm, packages, tmp_path, TYPED)
    assert done.returncode == 0, done.stdout


MISTAKES = [
    'client.integration.applications.create({ slugg: "crm" })',
    "client.integration.applications.list({ limit: true })",
    'client.integration.applications.delete("app_1")',
    'client.integration.webhooks.pause("whk_1", {}, { validate: true })',
    'client.integration.webhooks.pause("whk_1", { timeout: 5 })',
    "client.integration.webhooks.get()",
    "const key: string = (await client.integration.apiKeys.create({})).key",
    "const raw = (await client.integration.apiKeys.createMany({ items: [] })).results[0]"
    ".item?.key?.length",
    "const names: string[] = (await client.integration.webhooks.list()).items",
]


SECRETS = """
const { apiKeys, connectors, webhooks } = client.integration;
const key = (await apiKeys.createMany({ items: [{ name: "One" }] })).results[0].item?.key;
const hook = (await webhooks.createMany({ items: [] })).results[0].item?.signing_secret;
const lease = await connectors.takeLease("con_1");
const path = (await apiKeys.create({ name: "One" })).vault_path;
export const texts: (string | null | undefined)[] = [
  key?.reveal(), hook?.reveal(), lease.access_token?.reveal(), path,
  lease.credentials?.password.reveal(),
];
"""


def test_secrets_have_a_type_of_their_own(npm: Path, packages: Path, tmp_path: Path) -> None:
    done = compiled(npm, packages, tmp_path, TYPED + SECRETS)
    assert done.returncode == 0, done.stdout


def test_mistakes_are_seen_before_the_program_runs(
    npm: Path, packages: Path, tmp_path: Path
) -> None:
    lines = "".join(f"// @ts-expect-error\n{mistake};\n" for mistake in MISTAKES)
    done = compiled(npm, packages, tmp_path, TYPED + lines)
    assert done.returncode == 0, done.stdout
