"""Stored credentials stay at the addresses that they were saved for."""

from typing import Any

import pytest

from tests.cast import Api
from tests.connectors.conftest import Reveal

HERE, THERE = "logs.acme.example", "evil.example"


def splunk(api: Api, auth_type: str, **credentials: str) -> str:
    made = api.create(
        "connectors",
        provider="splunk",
        auth_type=auth_type,
        config={"host": HERE},
        credentials=credentials,
    )
    return f"/connectors/{made['id']}"


def problem(answer: Any) -> tuple[str, str]:
    """Return field and message of the only error of an answer."""
    assert answer.status_code == 422, answer.text
    (error,) = answer.json["errors"]
    return error["field"], error["message"]


def test_a_new_host_asks_for_the_credentials_again(ada: Api, reveal: Reveal) -> None:
    path = splunk(ada, "bearer", token="one")
    field, message = problem(ada.patch(path, {"config": {"host": THERE}}))
    assert field == "config.host"
    assert message == (
        "The stored credentials (token) were saved for https://logs.acme.example."
        " Enter them again to use them with https://evil.example."
    )
    assert (ada.get(path).json or {})["config"] == {"host": HERE}
    moved = ada.patch(path, {"config": {"host": THERE}, "credentials": {"token": "two"}})
    assert moved.status_code == 200, moved.text
    assert reveal(path.rpartition("/")[2]) == {"token": "two"}


def test_another_port_or_scheme_is_another_address(ada: Api) -> None:
    path = splunk(ada, "bearer", token="one")
    assert problem(ada.patch(path, {"config": {"host": f"{HERE}:8089"}}))[0] == "config.host"
    http = ada.create(
        "connectors",
        provider="http",
        auth_type="bearer",
        config={"baseUrl": "https://api.example"},
        credentials={"token": "one"},
    )
    answer = ada.patch(f"/connectors/{http['id']}", {"config": {"baseUrl": "http://api.example"}})
    assert problem(answer)[0] == "config.baseUrl"


def test_a_part_that_is_kept_holds_the_address(ada: Api) -> None:
    path = splunk(ada, "basic", username="svc", password="one")
    body: dict[str, Any] = {"config": {"host": THERE}, "credentials": {"username": "svc"}}
    assert "(password)" in problem(ada.patch(path, body))[1]
    body["credentials"]["password"] = None
    assert ada.patch(path, body).status_code == 200, "what is removed goes nowhere"


def test_the_same_address_in_other_words_keeps_them(ada: Api) -> None:
    path = splunk(ada, "bearer", token="one")
    for config in ({"host": HERE.upper(), "index": "main"}, {"host": f"{HERE}:443"}):
        assert ada.patch(path, {"config": config}).status_code == 200


def test_no_detour_carries_them_to_another_host(ada: Api) -> None:
    path = splunk(ada, "bearer", token="one")
    nowhere = ada.patch(path, {"config": {"host": None}})
    assert (nowhere.status_code, (nowhere.json or {})["config"].get("host")) == (200, None)
    field, message = problem(ada.patch(path, {"config": {"host": THERE}}))
    assert (field, "saved for no address yet" in message) == ("config.host", True)
    path = splunk(ada, "bearer", token="one")
    other_way = {"auth_type": "basic", "credentials": {"username": "svc", "password": "two"}}
    assert ada.patch(path, other_way).status_code == 200
    moved = {**other_way, "config": {"host": THERE}}
    assert "(token)" in problem(ada.patch(path, moved))[1], "the token of the other way is kept"


def test_the_token_address_counts_and_settings_of_other_ways_do_not(ada: Api) -> None:
    config = {"baseUrl": "https://api.example", "tokenUrl": "https://login.example/token"}
    made = ada.create(
        "connectors",
        provider="http",
        auth_type="oauth2_client_credentials",
        config=config,
        credentials={"client_id": "portal", "client_secret": "one"},
    )
    path = f"/connectors/{made['id']}"
    for token_url, status in (
        ("https://login.example/v2/token", 200),
        ("https://evil.example/token", 422),
    ):
        answer = ada.patch(path, {"config": {**config, "tokenUrl": token_url}})
        assert answer.status_code == status, answer.text
    assert problem(answer)[0] == "config.tokenUrl"
    with_key = ada.create(
        "connectors", provider="http", config=config, credentials={"apiKey": "one"}
    )
    other = {**config, "tokenUrl": "https://evil.example/token"}
    assert ada.patch(f"/connectors/{with_key['id']}", {"config": other}).status_code == 200


def test_credentials_that_their_user_sends_stay_where_they_were_saved_for(ada: Api) -> None:
    made = ada.create(
        "connectors",
        provider="custom",
        auth_type="bearer",
        config={"baseUrl": "https://one.example"},
        credentials={"token": "x"},
    )
    path = f"/connectors/{made['id']}"
    config = {"baseUrl": "https://two.example"}
    answer = ada.patch(path, {"config": config})
    assert answer.status_code == 422, answer.text
    assert "https://one.example" in answer.text
    again = ada.patch(path, {"config": config, "credentials": {"token": "y"}})
    assert again.status_code == 200, again.text


@pytest.mark.parametrize("auth_type", ["basic", "bearer"])
def test_without_stored_credentials_any_address_goes(ada: Api, auth_type: str) -> None:
    path = splunk(ada, auth_type)
    assert ada.patch(path, {"config": {"host": THERE}}).status_code == 200
