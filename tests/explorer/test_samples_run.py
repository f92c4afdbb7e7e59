"""Run the code that the explorer shows, as it is shown, with a real token."""

import inspect
from typing import Any

import pytest
from cpod_integration import Client
from flask import Flask

from portal.explorer import code_samples
from portal.explorer.catalogue import DRY_RUN, Catalogue, Described
from portal.explorer.drafts import ABSENT, Call
from tests.cast import Api
from tests.explorer.shell import LANGUAGES, Shell

NAME = "it's “$(id)” `id` \\ é😀"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_runs_as_shown(shell: Shell, ada: Api, language: str) -> None:
    made = ada.create("webhooks", name="Before")

    def run(verb: str, *, dry: bool = False, **typed: str) -> str:
        given = {name.replace("__", "."): value for name, value in typed.items()}
        return shell.run(language, f"integration.{verb}", given, dry)

    def webhook() -> Any:
        return ada.get(f"/webhooks/{made['id']}?include_deleted=true").json

    listed = run("webhooks.list", query__direction="outbound", query__limit="5")
    assert made["id"] in listed
    run("applications.create", body__display_name=NAME)
    assert [one["display_name"] for one in ada.get("/applications").json["items"]] == [NAME]
    run("webhooks.update", path__id=made["id"], body__name=NAME, body__headers='{"X-Team": "a"}')
    assert (webhook()["name"], webhook()["headers"]) == (NAME, {"X-Team": "a"})
    run("webhooks.pause", path__id=made["id"], dry=True)
    assert webhook()["paused_at"] is None
    run("webhooks.pause", path__id=made["id"])
    assert webhook()["paused_at"]
    held = {"header__If-Match": f'"{webhook()["version"]}"'}
    run("webhooks.delete", path__id=made["id"], **held)
    assert webhook()["is_deleted"]


def test_the_clients_take_every_argument_of_the_code(
    app: Flask, shell: Shell, catalogue: Catalogue
) -> None:
    calls = []
    for name in catalogue.operations:
        described = catalogue.find(name)
        assert described is not None
        if described.operation.media_types:  # a file, which the clients do not read
            continue
        call, body = full_call(described)
        spoken = code_samples.python_call(described.operation, call, body)
        eval(spoken, {"client": Bound(Client(base_url="http://localhost", token="a"))})  # noqa: S307 - our code
        calls.append(code_samples.javascript_call(described.operation, call, body))
    tried = "".join(f"await tried(async () => {one});" for one in calls)
    done = shell.ran("JavaScript", TRIED + tried)
    assert (done.returncode, done.stdout) == (0, f"{len(calls)} calls"), done.stderr


TRIED = """
import { Client } from "@cpod/integration";
let calls = 0;
globalThis.fetch = async () => { throw new Error("no network"); };
const client = new Client({ baseUrl: "http://localhost", token: "a", timeout: 1 });
const tried = (call) => call().catch((error) => {
  if (error instanceof TypeError) throw error;
  calls += 1;
});
process.on("exit", () => process.stdout.write(`${calls} calls`));
"""


class Bound:
    """A client whose methods only check that they take their arguments."""

    def __init__(self, real: object) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return inspect.signature(found).bind if inspect.ismethod(found) else Bound(found)


def full_call(described: Described) -> tuple[Call, Any]:
    """Return a call with every id, parameter, header and field."""
    values = {"boolean": True, "integer": 7, "number": 7}
    given = {
        place: {one.name: values.get(one.kind, "a") for one in described.of(place)}
        for place in ("path", "query", "header", "body")
    }
    headers = {**given["header"], **({DRY_RUN: "validate-only"} if described.has_dry_run else {})}
    body = given["body"] if described.takes_body else ABSENT
    return Call(tuple(given["path"].values()), "", given["query"], headers, body, {}), body
