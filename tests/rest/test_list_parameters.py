"""Test that each list takes the parameters that the document names, and no other."""

from typing import Any

import pytest
from flask import Flask

from portal.records.listing import CONTROLS
from portal.rest.openapi import PREFIX
from tests.cast import Api
from tests.resources import RESOURCES, minimal

UNKNOWN = "There is no parameter of this name."
INBOUND = ("received",)  # lists below an inbound webhook


@pytest.fixture
def lists(app: Flask, ada: Api) -> dict[str, set[str]]:
    """Return the address of each list, and the parameters that the document names for it."""
    ids = {f"/{one.name}/": ada.create(one.name, **minimal(one))["id"] for one in RESOURCES}
    inbound = ada.create("webhooks", name="In", direction="inbound")["id"]
    all_webhooks = {"resource": "webhooks", "verb": "delete", "filter": {}}
    ids["/bulk-jobs/"] = (ada.post("/bulk-jobs", all_webhooks).json or {})["id"]
    paths: dict[str, Any] = app.test_client().get(f"{PREFIX}/openapi.json").json["paths"]
    found = {}
    for path, operations in paths.items():
        named = {
            parameter["name"]
            for parameter in operations.get("get", {}).get("parameters", ())
            if parameter["in"] == "query"
        }
        if "cursor" not in named or path.count("{") > 1:
            continue
        own = next((id for prefix, id in ids.items() if path.startswith(prefix)), "")
        id = inbound if path.endswith(INBOUND) else own
        found[path.replace("{id}", id).replace("{weakness}", "idle")] = named
    return found


def test_a_list_refuses_by_name_what_the_document_does_not_name(
    lists: dict[str, set[str]], ada: Api
) -> None:
    assert len(lists) > 8
    for path, named in lists.items():
        for name in CONTROLS - named | {"colour"}:
            answer = ada.get(f"{path}?{name}=1")
            assert answer.status_code == 400, (path, name, answer.text)
            (error,) = (answer.json or {})["errors"]
            assert error["field"] == name, path
            assert error["message"].startswith(UNKNOWN), path


def test_a_list_knows_what_the_document_names(lists: dict[str, set[str]], ada: Api) -> None:
    for path, named in lists.items():
        for name in named:
            answer = ada.get(f"{path}?{name}=1")
            assert UNKNOWN not in answer.text, (path, name)
            assert answer.status_code in (200, 400, 422), (path, name, answer.status_code)


def test_a_parameter_that_is_given_twice_is_refused_by_its_name(
    lists: dict[str, set[str]], ada: Api
) -> None:
    paths = {**lists, "/search": {"q"}, f"/webhooks/{ada.create('webhooks')['id']}": set()}
    for path, named in paths.items():
        for name in named or {"include_deleted"}:
            answer = ada.get(f"{path}?{name}=true&{name}=false")
            assert answer.status_code == 400, (path, name)
            assert (answer.json or {})["detail"] == f"{name}: Give this parameter once.", path


@pytest.mark.parametrize(
    "limit", ["0", "201", "02000", "+5", "five", "0001" + "0" * 25, "0" * 5000],
    ids=lambda text: text[:6],
)  # fmt: skip
def test_a_limit_is_refused_by_its_name_also_after_a_sequence_number(ada: Api, limit: str) -> None:
    path = f"/webhooks/{ada.create('webhooks')['id']}/deliveries"
    for question in ("?", "?after=0&"):
        answer = ada.get(f"{path}{question}limit={limit}")
        assert answer.status_code == 400, (question, answer.text)
        assert (answer.json or {})["detail"] == "limit: Give a whole number from 1 to 200."


def test_a_list_of_what_can_be_deleted_says_so(app: Flask) -> None:
    paths = (app.test_client().get(f"{PREFIX}/openapi.json").json or {})["paths"]
    for resource in RESOURCES:
        parameters = paths[f"/{resource.name}"]["get"]["parameters"]
        assert "include_deleted" in {one["name"] for one in parameters} or not resource.delete


def test_a_filter_counts_the_values_that_were_sent_also_those_sent_twice(ada: Api) -> None:
    assert ada.get("/applications?id=" + ",".join(["a"] * 200)).status_code == 200
    refused = ada.get("/applications?id=" + ",".join(["a"] * 201))
    assert (refused.status_code, (refused.json or {})["detail"]) == (
        400,
        "id: Give at most 200 values.",
    )


def test_the_document_names_the_views_of_a_list(app: Flask) -> None:
    paths = (app.test_client().get(f"{PREFIX}/openapi.json").json or {})["paths"]
    (show,) = [one for one in paths["/connectors"]["get"]["parameters"] if one["name"] == "show"]
    assert show["schema"] == {"type": "string", "enum": ["need_a_person"]}
