"""Credentials are written, merged and removed, and never shown again."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from portal import secretstore
from portal.core.config import libpq_url
from portal.secretstore import SecretRef, SecretStore
from tests.cast import ADA, Api
from tests.connectors.conftest import Reveal, ref_of
from tests.databases import Database
from tests.secretstore.openbao import OpenBao
from tests.stores import Behind

SECRET = "correct horse battery staple"
BASIC = {"provider": "splunk", "auth_type": "basic"}
EVERY_TABLE = """SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"""


def make(api: Api, **credentials: str) -> str:
    made = api.create("connectors", **BASIC, credentials=credentials)
    return str(made["id"])


def patch(api: Api, connector_id: str, **credentials: str | None) -> Any:
    return api.patch(f"/connectors/{connector_id}", {"credentials": credentials})


def everything_stored(database: Database) -> str:
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        tables = [name for (name,) in connection.execute(EVERY_TABLE)]
        return "".join(
            str(row) for table in tables for row in connection.execute(f"SELECT t FROM {table} t")
        )


def test_a_secret_is_in_the_store_and_nowhere_else(
    either_store: str,
    ada: Api,
    reveal: Reveal,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    body = {**BASIC, "credentials": {"username": "svc-cpod", "password": SECRET}}
    created = ada.post("/connectors", body, headers={"Idempotency-Key": "once"})
    path = f"/connectors/{(created.json or {})['id']}"
    changed = ada.patch(path, {"credentials": {"password": SECRET + "!"}})
    answers = [created, changed, ada.get(path), ada.get("/connectors"), ada.get(f"{path}/history")]
    assert (created.json or {})["credential_fields"] == ["password", "username"]
    assert reveal(path.rpartition("/")[2]) == {"username": "svc-cpod", "password": SECRET + "!"}
    said = capfd.readouterr()
    assert path in said.out
    for place in [*(a.text for a in answers), everything_stored(database), caplog.text, *said]:
        assert SECRET not in place
    assert "credentials" not in (changed.json or {})


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_stores_the_credentials_of_each(
    either_store: str, ada: Api, reveal: Reveal, atomic: bool
) -> None:
    held: list[dict[str, str]] = [{"username": "one", "password": SECRET}, {}, {"username": "two"}]
    items = [{**BASIC, "credentials": credentials} for credentials in held]
    answer = ada.post("/connectors/batch", {"items": items, "atomic": atomic}).json or {}
    made = [result["item"] for result in answer["results"]]
    assert [reveal(one["id"]) or {} for one in made] == held
    assert [one["credential_fields"] for one in made] == [sorted(one) for one in held]
    assert (ada.patch(f"/connectors/{made[0]['id']}", {"credentials": {"password": "new"}})).json
    assert reveal(made[0]["id"]) == {"username": "one", "password": "new"}


def test_credentials_are_merged(either_store: str, ada: Api, reveal: Reveal) -> None:
    connector_id = make(ada, username="svc-cpod", password="one")
    path = f"/connectors/{connector_id}"
    ada.patch(path, {"name": "Renamed"})
    assert reveal(connector_id) == {"username": "svc-cpod", "password": "one"}, "absent keeps"
    patch(ada, connector_id, password="two")
    assert reveal(connector_id) == {"username": "svc-cpod", "password": "two"}, "text replaces"
    shown = patch(ada, connector_id, username=None).json
    assert reveal(connector_id) == {"password": "two"}, "null removes"
    assert shown["credential_fields"] == ["password"]
    assert patch(ada, connector_id, username=None).json["version"] == shown["version"]
    assert patch(ada, connector_id, password=None).json["credential_fields"] == []
    assert reveal(connector_id) is None
    assert patch(ada, connector_id, password="three").status_code == 200
    assert reveal(connector_id) == {"password": "three"}


def test_the_row_knows_who_set_them_and_when_and_goes_back_to_pending(ada: Api) -> None:
    made = ada.create("connectors", **BASIC)
    assert made["credential_last_rotated_at"] is None
    changed = patch(ada, made["id"], password="one").json
    assert changed["credential_last_rotated_at"] == changed["updated_at"]
    renamed = ada.patch(f"/connectors/{made['id']}", {"name": "Renamed"}).json or {}
    assert renamed["credential_last_rotated_at"] == changed["credential_last_rotated_at"]
    entries = (ada.get(f"/connectors/{made['id']}/history").json or {})["items"]
    assert entries[1]["changes"]["credential_fields"] == [[], ["password"]]
    assert entries[1]["changes"]["credential_set_by_name"] == [None, "Ada Almeida"]


def test_all_credentials_can_be_removed_at_once(
    either_store: str, ada: Api, vic: Api, reveal: Reveal
) -> None:
    connector_id = make(ada, username="svc-cpod", password="one")
    path = f"/connectors/{connector_id}/credentials"
    assert vic.delete(path).status_code == 403
    assert reveal(connector_id) is not None
    assert (ada.delete(path).json or {})["credential_fields"] == []
    assert reveal(connector_id) is None
    assert ada.delete(path).status_code == 200
    assert patch(ada, connector_id, password="two").status_code == 200
    assert reveal(connector_id) == {"password": "two"}


def test_they_go_and_come_back_with_the_connector(
    either_store: str, ada: Api, reveal: Reveal
) -> None:
    connector_id = make(ada, password="one")
    path = f"/connectors/{connector_id}"
    assert ada.delete(path).status_code == 204
    assert reveal(connector_id) is None
    assert ada.post(f"{path}/restore").status_code == 200
    assert reveal(connector_id) == {"password": "one"}
    assert patch(ada, connector_id, username="svc").status_code == 200
    assert reveal(connector_id) == {"username": "svc", "password": "one"}


def test_what_an_operator_destroyed_is_not_shown_as_set(
    either_store: str, ada: Api, behind: Behind
) -> None:
    connector_id = make(ada, password="one")
    ada.delete(f"/connectors/{connector_id}")
    behind(lambda store: store.purge(ref_of(connector_id)))
    restored = ada.post(f"/connectors/{connector_id}/restore").json or {}
    assert restored["credential_fields"] == []


def test_a_destroyed_version_is_not_shown_as_set(ada: Api, in_vault: OpenBao) -> None:
    connector_id = make(ada, password="one")
    ada.delete(f"/connectors/{connector_id}")
    in_vault.call("PUT", f"secret/destroy/{ref_of(connector_id).key}", {"versions": [1]})
    restored = ada.post(f"/connectors/{connector_id}/restore").json or {}
    assert restored["credential_fields"] == []
    assert patch(ada, connector_id, password="two").status_code == 200


def test_two_editors_at_once_lose_nothing(
    either_store: str, api: Callable[[str], Api], reveal: Reveal
) -> None:
    connector_id = make(api(ADA), username="svc", password="one")
    callers = [api(ADA) for _ in range(8)]
    changes = [{"username": "svc-2"}, {"password": "two"}] * 4
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(lambda c, p: patch(c, connector_id, **p).status_code, callers, changes)
        )
    assert done == [200] * 8
    assert reveal(connector_id) == {"username": "svc-2", "password": "two"}


def test_of_two_editors_who_saw_the_same_version_one_is_told(
    either_store: str, api: Callable[[str], Api], reveal: Reveal
) -> None:
    connector_id = make(api(ADA), password="one")
    callers = [api(ADA) for _ in range(4)]

    def save(number: int) -> int:
        body = {"version": 1, "credentials": {"password": f"by {number}"}}
        return callers[number].patch(f"/connectors/{connector_id}", body).status_code

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(save, range(4)))
    assert sorted(done) == [200, 409, 409, 409]
    assert reveal(connector_id) == {"password": f"by {done.index(200)}"}


LOST: dict[str, Callable[[SecretStore, SecretRef], object]] = {
    "lost": lambda store, ref: store.purge(ref),
    "deleted": lambda store, ref: store.delete(ref),
    "newer": lambda store, ref: store.put(ref, {"password": "by hand"}, cas=1),
}
"""Ways in which the secret store comes to another state than the connector knows."""


@pytest.fixture(params=LOST)
def astray(
    request: pytest.FixtureRequest, either_store: str, ada: Api, behind: Behind
) -> tuple[str, str]:
    """Return a connector whose stored credentials changed behind its back, and how they did."""
    connector_id = make(ada, username="svc", password="one")
    behind(lambda store: LOST[request.param](store, ref_of(connector_id)))
    return connector_id, request.param


def test_a_part_is_not_merged_into_an_unknown_state(
    astray: tuple[str, str], ada: Api, reveal: Reveal
) -> None:
    connector_id, way = astray
    before = reveal(connector_id)
    refused = patch(ada, connector_id, password="two")
    assert refused.status_code == 409
    assert "all fields" in refused.json["detail"]
    assert "remove" in refused.json["detail"]
    assert ("version 2" in refused.json["detail"]) == (way == "newer")
    assert reveal(connector_id) == before


def test_all_fields_together_overwrite_whatever_is_there(
    astray: tuple[str, str], ada: Api, reveal: Reveal
) -> None:
    connector_id, _ = astray
    saved = patch(ada, connector_id, username="svc", password="two")
    assert saved.status_code == 200, saved.text
    assert reveal(connector_id) == {"username": "svc", "password": "two"}
    assert patch(ada, connector_id, password="three").status_code == 200
    assert reveal(connector_id) == {"username": "svc", "password": "three"}


def test_removing_leaves_no_fields_whatever_is_there(
    astray: tuple[str, str], ada: Api, reveal: Reveal, database: Database
) -> None:
    connector_id, way = astray
    removed = ada.delete(f"/connectors/{connector_id}/credentials")
    assert removed.status_code == 200
    assert (removed.json or {})["credential_fields"] == []
    assert reveal(connector_id) is None
    if way == "lost":
        known = f"SELECT credential_version FROM connector WHERE id = '{connector_id}'"
        assert database.sql(known) == 0
    assert patch(ada, connector_id, password="two").status_code == 200
    assert patch(ada, connector_id, username="svc").status_code == 200
    assert reveal(connector_id) == {"username": "svc", "password": "two"}


def test_removing_every_field_by_name_does_the_same(
    astray: tuple[str, str], ada: Api, reveal: Reveal
) -> None:
    connector_id, _ = astray
    removed = patch(ada, connector_id, username=None, password=None)
    assert removed.status_code == 200, removed.text
    assert reveal(connector_id) is None
    assert patch(ada, connector_id, password="two").status_code == 200


def test_all_fields_of_another_sign_in_replace_an_unknown_state(
    astray: tuple[str, str], ada: Api, reveal: Reveal
) -> None:
    connector_id, _ = astray
    body = {"auth_type": "bearer", "credentials": {"token": "tok"}}
    changed = ada.patch(f"/connectors/{connector_id}", body)
    assert changed.status_code == 200, changed.text
    assert (changed.json or {})["credential_fields"] == ["token"]
    assert reveal(connector_id) == {"token": "tok"}


def test_a_locked_store_changes_nothing_and_stops_nothing_else(
    ada: Api, sealed: Callable[[], None]
) -> None:
    connector_id = make(ada, password="one")
    path = f"/connectors/{connector_id}"
    before = ada.get(path).json
    sealed()
    for refused in (
        ada.post("/connectors", {**BASIC, "credentials": {"password": "two"}}),
        patch(ada, connector_id, password="two"),
        ada.delete(f"{path}/credentials"),
        ada.delete(path),
    ):
        assert refused.status_code == 503
        assert (refused.json or {})["code"] == "secret_store_sealed"
        assert refused.headers["Retry-After"]
    assert ada.get(path).json == before
    assert len((ada.get("/connectors").json or {})["items"]) == 1
    assert ada.patch(path, {"name": "Renamed"}).status_code == 200
    assert ada.post("/connectors", BASIC).status_code == 201


def test_what_the_database_refuses_leaves_no_secret(
    either_store: str, ada: Api, reveal: Reveal
) -> None:
    connector_id = make(ada, password="one")
    body = {"webhook_endpoint_id": "whk_nowhere", "credentials": {"password": "two"}}
    refused = ada.patch(f"/connectors/{connector_id}", body)
    assert refused.status_code == 422
    assert (refused.json or {})["errors"][0]["field"] == "webhook_endpoint_id"
    assert reveal(connector_id) == {"password": "one"}


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        ({"password": ""}, "credentials.password"),
        ({"password": 1}, "credentials.password"),
        ({"password": {"a": "b"}}, "credentials.password"),
        ({"token": "x"}, "credentials.token"),
        ({"../x": "x"}, "credentials.../x.[key]"),
        (["password"], "credentials"),
        ("password", "credentials"),
        ({"password": "x" * 40_000}, "credentials.password"),
    ],
)
def test_bad_credentials_are_named_and_not_repeated(ada: Api, credentials: Any, field: str) -> None:
    refused = ada.post("/connectors", {**BASIC, "credentials": credentials})
    assert refused.status_code == 422, refused.text
    assert [error["field"] for error in (refused.json or {})["errors"]] == [field]
    assert (ada.get("/connectors").json or {})["items"] == []


def test_a_password_is_kept_to_the_letter(ada: Api, reveal: Reveal) -> None:
    connector_id = make(ada, password="  blank at both ends ")
    assert reveal(connector_id) == {"password": "  blank at both ends "}


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ({"name": "Renamed"}, []),
        ({"credentials": {"password": SECRET}}, ["head", "patch"]),
        ({"credentials": {"username": "svc", "password": SECRET}}, ["head", "put"]),
    ],
)
def test_a_save_asks_the_store_twice_at_most(
    ada: Api, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], calls: list[str]
) -> None:
    connector_id = make(ada, username="svc", password="one")
    asked: list[str] = []
    store = secretstore.store()

    class Listening:
        def __getattr__(self, name: str) -> Any:
            found = getattr(store, name)
            if name in ("put", "patch", "get", "head", "delete", "undelete"):
                asked.append(name)
            return found

    monkeypatch.setattr(secretstore, "_configured", Listening())
    assert ada.patch(f"/connectors/{connector_id}", given).status_code == 200
    assert asked == calls
    asked.clear()
    make(ada, username="svc", password="one")
    assert asked == ["put"]
