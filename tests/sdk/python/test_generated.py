"""Every operation is a method of both clients, and the committed files are current."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from cpod_integration import AsyncClient, Client
from portal_devtools.python_sdk.__main__ import PROJECT, files

from portal.features import FEATURES
from portal.rest.openapi import Operation
from tests import ROOT
from tests.sdk.python.both import KINDS, TOKEN, call
from tests.sdk.python.failing import failing, reply

# A file is sent in parts, which the clients do not read.
OPERATIONS = [one for feature in FEATURES for one in feature.rest() if not one.media_types]
PATHS = (
    "cpod_integration/types.py",
    "cpod_integration/generated/operations.py",
    "cpod_integration/generated/resources.py",
    "cpod_integration/generated/async_resources.py",
    "README.md",
)
ADDRESS = "https://portal.example"


def method(client: Any, operation: Operation) -> Any:
    """Return the method of an operation by the name that the document gives it, in snake_case."""
    domain, resource, verb = (
        re.sub("([A-Z])", r"_\1", part).lower() for part in operation.id.split(".")
    )
    return getattr(getattr(getattr(client, domain), resource), verb)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_operation_is_a_method(operation, client):
    found = method(client(base_url=ADDRESS, token=TOKEN), operation)
    taken = set(inspect.signature(found).parameters)
    queries = {one.name for one in operation.accepts if one.where == "query"}
    assert {name.rstrip("_") for name in taken} >= queries
    assert ("idempotency_key" in taken) == ("Idempotency-Key" in names(operation))
    assert ("if_match" in taken) == ("If-Match" in names(operation))
    assert ("body" in taken) == (operation.command is not None)
    assert (found.__doc__ or "").startswith(operation.summary[:10])


def names(operation: Operation) -> set[str]:
    return {one.name for one in operation.accepts}


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_sends_its_operation(kind):
    def answers(server: Any, connection: Any, received: Any) -> bool:
        server.read(connection, received)
        reply(connection, 200, {"items": [], "next_cursor": None})
        return True

    with failing(*[answers] * len(OPERATIONS)) as server:
        for operation in OPERATIONS:
            ids = [f"{part[1:-1]}_1" for part in operation.path.split("/") if part[:1] == "{"]
            body = [{}] if operation.command else []
            call(kind, server.address, lambda api: sent(api, operation, ids, body))  # noqa: B023
    sent_so = [(one.method, one.target) for one in server.received]
    assert sent_so == [
        (one.method, "/api/v1/integration" + re.sub(r"\{(\w+)\}", r"\1_1", one.path))
        for one in OPERATIONS
    ]


def sent(api: Any, operation: Operation, ids: list[str], body: list[Any]) -> Any:
    return method(Domain(api), operation)(*ids, *body)


class Domain:
    """`client.integration` with its name, as the operation's id has it."""

    def __init__(self, integration: Any) -> None:
        self.integration = integration


@pytest.mark.parametrize("path", PATHS)
def test_what_is_committed_is_what_is_generated(path, generated):
    message = "The operations have changed: run `make sdk` and commit what it wrote."
    assert (PROJECT / path).read_text() == generated[path], message


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return files()


def test_all_that_is_generated_is_looked_at(generated):
    assert set(PATHS) == set(generated)


def test_it_imports_nothing_of_the_portal():
    for path in (ROOT / "sdk/python").rglob("*.py"):
        imported = re.findall(r"(?m)^\s*(?:from|import) ([\w.]+)", path.read_text())
        assert not {name for name in imported if name.split(".")[0].startswith("portal")}, path


def test_a_folder_has_twelve_modules_at_most():
    folders = {path.parent for path in Path(ROOT / "sdk/python").rglob("*.py")}
    assert all(len(list(folder.glob("*.py"))) <= 12 for folder in folders)
