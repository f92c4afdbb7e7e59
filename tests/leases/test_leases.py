"""A key of the connector's application gets what its secret is for, and nobody else does."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from portal.core.config import libpq_url
from tests.cast import VIC, Api, Pages
from tests.databases import Database
from tests.keeping import keep_house
from tests.keys.limits.waiting import until
from tests.leases.conftest import Issue, Lease, Make, Work
from tests.leases.kit import SECRET, TokenAddress
from tests.secretstore.openbao import OpenBao

pytestmark = pytest.mark.usefixtures("either_store")
Access = Callable[[str, str], Any]


def test_a_lease_has_the_token_that_a_worker_has_fetched(
    with_token: Make, work: Work, lease: Lease, provider: TokenAddress, runtime: Api
) -> None:
    made = with_token("crm")
    work()
    answer = lease(made["id"])
    assert answer.status_code == 201, answer.text
    given = answer.json
    assert given["access_token"] == "token-1-of-crm"
    assert (given["kind"], given["credentials"]) == ("token", None)
    assert given["connector_id"] == made["id"]
    assert given["credential_version"] == 1
    left = datetime.fromisoformat(given["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert given["lease_seconds"] == 300
    assert answer.headers["Cache-Control"] == "no-store"
    assert SECRET not in answer.text
    for _ in range(3):
        assert lease(made["id"]).json["access_token"] == "token-1-of-crm"
    assert provider.asked == {"crm": 1}, "one token serves all leases"


def test_a_lease_has_the_credentials_where_the_portal_gets_no_token(
    with_password: Make, work: Work, lease: Lease
) -> None:
    made = with_password()
    work()
    given = lease(made["id"]).json
    assert given["credentials"] == {"username": "svc", "password": "one-password"}
    assert (given["kind"], given["access_token"], given["expires_at"]) == (
        "credentials",
        None,
        None,
    )


def test_a_client_secret_is_never_handed_out_where_a_person_signs_in(
    with_password: Make, work: Work, lease: Lease
) -> None:
    made = with_password(
        auth_type="oauth2_code",
        credentials={"client_id": "crm", "client_secret": SECRET},
        config={"baseUrl": "https://api.example.com", "tokenUrl": "https://login.example.com/t"},
    )
    work()
    answer = lease(made["id"])
    assert SECRET not in answer.text
    assert answer.status_code == 201
    assert answer.json["credentials"] == {"client_id": "crm"}


def test_until_the_first_token_is_there_the_caller_is_told_to_wait(
    with_token: Make, work: Work, lease: Lease
) -> None:
    made = with_token()
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "lease_not_ready")
    assert answer.headers["Retry-After"] == "1"
    work()
    assert lease(made["id"]).status_code == 201


@pytest.mark.parametrize("whose", ["nobody's", "a person's"])
def test_a_connector_that_no_key_may_use_has_nothing_in_the_slot(
    whose: str, with_password: Make, work: Work, ada: Api, slots: Callable[[str], list[str]],
    application: dict[str, Any],
) -> None:  # fmt: skip
    made = with_password(**{"application_id": None} if whose == "nobody's" else {"scope": "user"})
    work()
    assert slots(made["id"]) == ["credentials"]
    ada.patch(f"/connectors/{made['id']}", {"application_id": application["id"], "scope": "org"})
    work()
    assert slots(made["id"]) == ["credentials", "lease"]


def test_the_page_shows_who_takes_leases(
    with_token: Make, work: Work, lease: Lease, browse: Callable[..., Pages]
) -> None:
    made = with_token()
    work()
    for _ in range(3):
        lease(made["id"])
    page = browse(VIC).get(f"/connectors/{made['id']}").text
    assert "took its last lease just now" in page
    timeline = browse(VIC).get(f"/connectors/{made['id']}/timeline").text
    assert "Lease taken" in timeline
    assert "Got an access token of version 1 of the credentials." in timeline
    assert "token-1-of" not in page + timeline


def test_who_took_a_lease_is_listed_without_values(
    with_token: Make, work: Work, lease: Lease, vic: Api, runtime: Api, application: dict[str, Any],
    issue: Issue,
) -> None:  # fmt: skip
    made = with_token()
    work()
    given = lease(made["id"]).json
    answer = vic.get(f"/connectors/{made['id']}/leases")
    [shown] = answer.json["items"]
    assert shown["id"] == given["id"].strip()
    assert shown["id"].startswith("lse_")
    assert shown["application_id"] == application["id"]
    assert shown["key_id"].startswith("key_")
    assert shown["credential_version"] == 1
    assert "token-1" not in answer.text
    reader = issue(application, "connectors:read")
    assert reader.get(f"/connectors/{made['id']}/leases").json["items"] == [shown]
    of_another = vic.get(f"/connectors/{made['id']}/leases?key_id=key_0")
    assert of_another.json["items"] == []


def test_people_and_strangers_get_none(
    with_token: Make, work: Work, ada: Api, ed: Api, gus: Api, issue: Issue,
    application: dict[str, Any],
) -> None:  # fmt: skip
    made = with_token()
    work()
    path = f"/connectors/{made['id']}/leases"
    for person in (ada, ed, gus):
        answer = person.post(path, {})
        assert answer.status_code == 403
        assert "Only API keys" in answer.json["detail"]
    of_the_tenant = issue(None).post(path, {})
    assert of_the_tenant.status_code == 403
    assert "application that owns this connector" in of_the_tenant.json["detail"]
    other = ada.create("applications", display_name="Other")
    assert issue(other).post(path, {}).status_code == 404
    answer = issue(application, "connectors:read", "connectors:write").post(path, {})
    assert answer.status_code == 403
    assert "connectors:use" in answer.json["detail"]


def test_the_application_that_made_a_connector_takes_leases_of_it(
    issue: Issue, application: dict[str, Any], work: Work, provider: TokenAddress
) -> None:
    program = issue(application, "connectors:use", "connectors:write", "connectors:read")
    made = program.create(
        "connectors",
        provider="http",
        auth_type="bearer",
        config={"baseUrl": "https://api.example.com"},
        credentials={"token": "tok-of-the-program"},
    )
    work()
    answer = program.post(f"/connectors/{made['id']}/leases", {})
    assert answer.json["credentials"] == {"token": "tok-of-the-program"}


def test_a_disabled_connector_gives_none_at_once_and_its_slot_is_emptied(
    with_token: Make, work: Work, lease: Lease, ada: Api, access: Access, provider: TokenAddress
) -> None:
    made = with_token()
    work()
    ada.patch(f"/connectors/{made['id']}", {"enabled": False})
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (423, "locked")
    work()
    assert access("state", made["id"]) == "off"
    ada.patch(f"/connectors/{made['id']}", {"enabled": True})
    assert lease(made["id"]).status_code == 409
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


@pytest.mark.parametrize("how", ["disable", "delete", "remove", "suspend", "retire"])
def test_the_slot_is_emptied_when_a_connector_is_not_to_be_used(
    how: str, with_token: Make, work: Work, ada: Api, application: dict[str, Any],
    in_slot: Callable[[str], Any],
) -> None:  # fmt: skip
    made = with_token()
    work()
    assert in_slot(made["id"]) == {"access_token": "token-1-of-crm"}
    place = f"/connectors/{made['id']}"
    if how == "disable":
        ada.patch(place, {"enabled": False})
    elif how == "delete":
        assert ada.delete(place).status_code == 204
    elif how == "remove":
        ada.delete(f"{place}/credentials")
    else:
        ada.post(f"/applications/{application['id']}/{how}", {"reason": "A key leaked."})
    work()
    assert in_slot(made["id"]) is None


@pytest.fixture
def moved(ada: Api, issue: Issue, application: dict[str, Any]) -> Callable[[str | None], Any]:
    """Return `moved(id)`: a connector that an application made and an admin gave to another one,
    and a key of the first that may take leases."""

    def make(application_id: str | None) -> tuple[dict[str, Any], Api]:
        maker = issue(application, "connectors:use", "connectors:read", "connectors:write")
        made = maker.create(
            "connectors",
            provider="http",
            auth_type="bearer",
            config={"baseUrl": "https://api.example.com"},
            credentials={"token": "of-the-maker"},
        )
        body = {"application_id": application_id, "credentials": {"token": "of-the-owner"}}
        assert ada.patch(f"/connectors/{made['id']}", body).status_code == 200
        return made, maker

    return make


def test_who_made_a_connector_of_another_application_gets_none_of_its_credentials(
    ada: Api, moved: Callable[..., Any], issue: Issue, work: Work
) -> None:
    other = ada.create("applications", display_name="Other")
    made, maker = moved(other["id"])
    work()
    path = f"/connectors/{made['id']}/leases"
    given = issue(other).post(path, {})
    assert given.json["credentials"] == {"token": "of-the-owner"}
    refused = maker.post(path, {})
    assert refused.status_code == 403, refused.text
    assert "application that owns this connector" in refused.json["detail"]
    assert maker.get(f"/connectors/{made['id']}").status_code == 200, "it still sees it"


def test_who_made_a_connector_gets_none_when_it_has_no_application(
    moved: Callable[..., Any], work: Work, slots: Callable[[str], list[str]]
) -> None:
    made, maker = moved(None)
    work()
    assert maker.post(f"/connectors/{made['id']}/leases", {}).status_code == 403
    assert slots(made["id"]) == ["credentials"]


def test_a_connector_of_a_stopped_application_gives_none(
    ada: Api, application: dict[str, Any], with_password: Make, work: Work, lease: Lease,
    in_slot: Callable[[str], Any],
) -> None:  # fmt: skip
    made = with_password()
    work()
    assert lease(made["id"]).status_code == 201
    ada.post(f"/applications/{application['id']}/suspend", {"reason": "A key leaked."})
    assert lease(made["id"]).status_code == 401
    work()
    assert in_slot(made["id"]) is None
    ada.post(f"/applications/{application['id']}/reopen", {"reason": "All is well."})
    work()
    assert lease(made["id"]).status_code == 201


@contextmanager
def held(database: Database, lease: Lease, connector_id: str) -> Iterator[list[Any]]:
    """Ask for a lease, and hold the request after it has read the secret while the block runs.
    Yield a list that has its answer afterwards."""
    answers: list[Any] = []
    address = libpq_url(database.superuser_url)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(address) as other:
        other.execute("LOCK TABLE connector_lease IN EXCLUSIVE MODE")
        done = pool.submit(lambda: answers.append(lease(connector_id)))
        until(lambda: database.waiting("%connector_lease%") > 0)
        yield answers
        other.rollback()
        done.result()


REASON = {"reason": "stolen"}
STOPS: dict[str, tuple[Callable[[Api, str, str, str], Any], int]] = {
    "revoked": (lambda ada, key, app, made: ada.post(f"/api-keys/{key}/revoke", REASON), 409),
    "blocked": (lambda ada, key, app, made: ada.post(f"/api-keys/{key}/block", REASON), 409),
    "suspended": (
        lambda ada, key, app, made: ada.post(f"/applications/{app}/suspend", REASON),
        409,
    ),
    "disabled": (
        lambda ada, key, app, made: ada.patch(f"/connectors/{made}", {"enabled": False}),
        423,
    ),
}


@pytest.mark.parametrize(("stop", "status"), STOPS.values(), ids=STOPS)
def test_a_lease_that_is_asked_for_while_its_key_or_connector_is_stopped_gives_nothing(
    stop: Callable[[Api, str, str, str], Any], status: int, ada: Api, database: Database,
    application: dict[str, Any], runtime: Api, with_password: Make, work: Work, lease: Lease,
) -> None:  # fmt: skip
    made = with_password()
    work()
    key_id = ada.get("/api-keys").json["items"][0]["id"]
    with held(database, lease, made["id"]) as answers:
        stopped = stop(ada, key_id, application["id"], made["id"])
        assert stopped.status_code == 200, stopped.text
    assert answers[0].status_code == status, answers[0].text
    assert "one-password" not in answers[0].text
    assert database.sql("SELECT count(*) FROM connector_lease") == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE connector SET enabled = false", 423),
        ("UPDATE connector SET credential_version = 2", 409),
        ("UPDATE connector SET application_id = NULL", 404),
    ],
)
def test_what_a_process_of_the_release_before_changes_counts_at_once(
    change: str, status: int, with_password: Make, work: Work, lease: Lease, database: Database
) -> None:
    made = with_password()
    work()
    assert lease(made["id"]).status_code == 201
    database.sql(change)
    assert lease(made["id"]).status_code == status


def test_a_restored_connector_gets_a_new_token(
    with_token: Make, work: Work, lease: Lease, ada: Api
) -> None:
    made = with_token()
    work()
    ada.delete(f"/connectors/{made['id']}")
    assert lease(made["id"]).status_code == 404
    work()
    ada.post(f"/connectors/{made['id']}/restore")
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


def test_changed_credentials_end_the_old_token(
    with_token: Make, work: Work, lease: Lease, ada: Api, provider: TokenAddress
) -> None:
    made = with_token()
    work()
    ada.patch(f"/connectors/{made['id']}", {"credentials": {"client_secret": "another-secret"}})
    assert lease(made["id"]).status_code == 409, "the old token is of the old credentials"
    work()
    given = lease(made["id"]).json
    assert (given["access_token"], given["credential_version"]) == ("token-2-of-crm", 2)
    assert provider.secrets == [SECRET, "another-secret"]


def test_a_new_name_changes_nothing(
    with_token: Make, work: Work, lease: Lease, ada: Api, provider: TokenAddress
) -> None:
    made = with_token()
    work()
    ada.patch(f"/connectors/{made['id']}", {"name": "Renamed"})
    assert lease(made["id"]).status_code == 201
    work()
    assert provider.asked == {"crm": 1}


def test_a_connector_that_is_not_set_up_says_what_it_lacks(
    with_token: Make, work: Work, lease: Lease
) -> None:
    made = with_token(credentials={"client_id": "crm"})
    work()
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "lease_refused")
    assert "Client secret" in answer.json["detail"]


def test_a_way_to_sign_in_without_a_secret_hands_out_nothing(
    with_token: Make, work: Work, lease: Lease
) -> None:
    made = with_token(auth_type="none", credentials={})
    work()
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "lease_refused")
    assert "nothing that may be handed out" in answer.json["detail"]


def test_what_the_slot_has_lost_is_fetched_again(
    with_token: Make, work: Work, lease: Lease, empty_slot: Callable[[str], None]
) -> None:
    made = with_token()
    work()
    empty_slot(made["id"])
    assert lease(made["id"]).status_code == 409
    work()
    assert lease(made["id"]).json["access_token"] == "token-2-of-crm"


def test_a_connector_that_is_deleted_for_good_leaves_nothing_in_the_slot(
    app: Any, with_token: Make, work: Work, ada: Api, database: Database,
    slots: Callable[[str], list[str]], worker: Callable[[], Any],
) -> None:  # fmt: skip
    made = with_token()
    work()
    assert slots(made["id"]) == ["credentials", "lease"]
    ada.delete(f"/connectors/{made['id']}")
    database.sql("UPDATE connector SET deleted_at = now() - interval '31 days' WHERE is_deleted")
    with worker():
        keep_house(app, database)
    assert slots(made["id"]) == []
    assert database.sql("SELECT count(*) FROM connector_access") == 0


def test_old_leases_are_forgotten(
    app: Any, with_token: Make, work: Work, lease: Lease, database: Database,
    worker: Callable[[], Any],
) -> None:  # fmt: skip
    made = with_token()
    work()
    for _ in range(2):
        lease(made["id"])
    database.sql(
        "UPDATE connector_lease SET created_at = now() - interval '91 days'"
        " WHERE id = (SELECT min(id) FROM connector_lease)"
    )
    with worker():
        keep_house(app, database)
    assert database.sql("SELECT count(*) FROM connector_lease") == 1


def test_values_are_in_no_log_no_history_no_event_and_no_table_of_ours(
    with_token: Make, work: Work, lease: Lease, ada: Api, database: Database,
    capfd: pytest.CaptureFixture[str], runtime: Api,
) -> None:  # fmt: skip
    made = with_token()
    work()
    answer = runtime.post(
        f"/connectors/{made['id']}/leases", {}, headers={"Idempotency-Key": "once"}
    )
    assert answer.json["access_token"] == "token-1-of-crm"
    told = capfd.readouterr()
    seen = [told.out, told.err, ada.get(f"/connectors/{made['id']}/history").text]
    seen += [ada.get("/events").text]
    tables = ("connector_access", "connector_lease", "audit_entry", "event", "idempotency_key")
    seen += [str(database.sql(f"SELECT json_agg(t)::text FROM {table} AS t")) for table in tables]
    for text in seen:
        assert "token-1-of" not in text
        assert SECRET not in text


def test_a_sealed_store_is_a_503(
    with_token: Make, work: Work, lease: Lease, sealed: Callable[[], None]
) -> None:
    made = with_token()
    work()
    sealed()
    answer = lease(made["id"])
    assert (answer.status_code, answer.json["code"]) == (503, "secret_store_sealed")


def test_the_web_role_reads_the_slot_and_cannot_write_it(openbao: OpenBao) -> None:
    from portal.database.base import new_id
    from portal.leases.models import slot_of
    from portal.secretstore import SecretDenied, Side

    ref = slot_of(new_id("tnt"), new_id("cnn"))
    web, worker = openbao.store_of(Side.WEB), openbao.store_of(Side.WORKER)
    worker.put(ref, {"access_token": "tok"}, cas=None)
    assert web.get(ref, reason="test") == {"access_token": "tok"}
    for write in (
        lambda: web.put(ref, {"access_token": "other"}, cas=None),
        lambda: web.delete(ref),
        lambda: worker.get(ref, reason="test"),
    ):
        with pytest.raises(SecretDenied):
            write()
