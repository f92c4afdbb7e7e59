"""Test the guarantees of `SecretStore` with both stores on real servers: PostgreSQL and OpenBao.

A method may be called alone, or several in one unit of work. Where it matters, a test uses two.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from structlog.testing import capture_logs

from portal.core.errors import Invalid, PortalError
from portal.database.base import new_id
from portal.secretstore import (
    KEPT_VERSIONS,
    MAX_BYTES,
    MAX_FIELDS,
    SecretConflict,
    SecretNotFound,
    SecretRef,
    SecretStore,
    SecretTooLarge,
    StoreState,
    Version,
)
from tests.secretstore.conftest import World

PASSWORD = "canary-Tr0ub4dor&3"
DATA = {"username": "ada", "password": PASSWORD}
WHY = "contract test"


@pytest.fixture
def store(world: World, ref: SecretRef) -> Iterator[SecretStore]:
    """Yield the store inside one unit of work of the tenant of `ref`."""
    with world.work(ref.tenant_id):
        yield world.store


# --- reading what is not there ----------------------------------------------------------------


def test_a_missing_secret_is_not_found(store: SecretStore, ref: SecretRef) -> None:
    for verb in (
        lambda: store.get(ref, reason=WHY),
        lambda: store.get(ref, version=1, reason=WHY),
        lambda: store.head(ref),
        lambda: store.undelete(ref),
        lambda: store.patch(ref, {"a": "b"}, cas=0),
        lambda: store.patch(ref, {"a": "b"}, cas=1),
    ):
        with pytest.raises(SecretNotFound) as caught:
            verb()
        assert not caught.value.deleted
        assert not caught.value.destroyed


def test_a_missing_version_is_not_found(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    for version in (-1, 0, 2, 999):
        with pytest.raises(SecretNotFound):
            store.get(ref, version=version, reason=WHY)


def test_deleting_nothing_is_nothing(store: SecretStore, ref: SecretRef) -> None:
    store.delete(ref)
    store.purge(ref)
    with pytest.raises(SecretNotFound):
        store.head(ref)


# --- writing ----------------------------------------------------------------------------------


def test_the_first_write_is_version_1(store: SecretStore, ref: SecretRef) -> None:
    written = store.put(ref, DATA, cas=0)
    assert written.number == 1
    assert abs(datetime.now(UTC) - written.created_at) < timedelta(minutes=1)
    secret = store.get(ref, reason=WHY)
    assert secret == DATA
    assert secret.version == 1
    assert abs(secret.created_at - written.created_at) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " padded ",
        "line\nline\r\n",
        'quote " and \\ backslash',
        "Zoë 🔑 \u202e right-to-left",
        "\u0000 \u001f \u007f",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
        "null",
        "x" * (MAX_BYTES - 5),
    ],
    ids=["empty", "padded", "lines", "quotes", "unicode", "controls", "pem", "null", "64 KiB"],
)
def test_a_value_comes_back_as_it_was(store: SecretStore, ref: SecretRef, value: str) -> None:
    store.put(ref, {"value": value}, cas=0)
    assert store.get(ref, reason=WHY)["value"] == value


def test_as_many_fields_as_allowed(store: SecretStore, ref: SecretRef) -> None:
    data = {f"field-{n}": str(n) for n in range(MAX_FIELDS)}
    store.put(ref, data, cas=0)
    assert store.get(ref, reason=WHY) == data


def test_creating_twice_is_a_conflict(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    with pytest.raises(SecretConflict) as caught:
        store.put(ref, {"password": "another"}, cas=0)
    assert caught.value.version == 1
    assert store.get(ref, reason=WHY) == DATA


@pytest.mark.parametrize("cas", [1, 3, 99])
def test_a_stale_write_is_a_conflict(store: SecretStore, ref: SecretRef, cas: int) -> None:
    store.put(ref, {"password": "first"}, cas=0)
    store.put(ref, DATA, cas=1)
    with pytest.raises(SecretConflict) as caught:
        store.put(ref, {"password": "late"}, cas=cas)
    assert caught.value.version == 2
    assert store.get(ref, reason=WHY) == DATA


def test_a_write_on_a_version_that_never_was(store: SecretStore, ref: SecretRef) -> None:
    with pytest.raises(SecretConflict) as caught:
        store.put(ref, DATA, cas=3)
    assert caught.value.version == 0
    with pytest.raises(SecretNotFound):
        store.head(ref)


def test_without_cas_whatever_is_there_is_replaced(store: SecretStore, ref: SecretRef) -> None:
    numbers = [store.put(ref, {"n": str(n)}, cas=None).number for n in range(3)]
    assert numbers == [1, 2, 3]
    assert store.get(ref, reason=WHY) == {"n": "2"}


def test_each_version_stays_readable(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, {"n": "1"}, cas=0)
    store.put(ref, {"n": "2"}, cas=1)
    assert store.get(ref, version=1, reason=WHY) == {"n": "1"}
    assert store.get(ref, version=2, reason=WHY).version == 2


def test_the_newest_versions_are_kept(store: SecretStore, ref: SecretRef) -> None:
    for n in range(KEPT_VERSIONS + 2):
        store.put(ref, {"n": str(n)}, cas=n)
    meta = store.head(ref)
    assert meta.current_version == KEPT_VERSIONS + 2
    assert [v.number for v in meta.versions] == list(range(3, KEPT_VERSIONS + 3))
    assert store.get(ref, version=3, reason=WHY) == {"n": "2"}
    with pytest.raises(SecretNotFound):
        store.get(ref, version=2, reason=WHY)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, Invalid),
        ({"password": PASSWORD, "half": "\ud83d"}, Invalid),
        ({"password": PASSWORD, "../x": "y"}, Invalid),
        ({"password": PASSWORD * 5000}, SecretTooLarge),
        ({f"f{n}": PASSWORD for n in range(MAX_FIELDS + 1)}, SecretTooLarge),
    ],
    ids=["empty", "surrogate", "name", "bytes", "fields"],
)
def test_what_is_refused_leaves_nothing(
    store: SecretStore, ref: SecretRef, data: dict[str, str], error: type[PortalError]
) -> None:
    with pytest.raises(error) as caught:
        store.put(ref, data, cas=0)
    assert PASSWORD not in caught.value.detail + repr(caught.value.errors)
    with pytest.raises(SecretNotFound):
        store.head(ref)


# --- changing some fields ---------------------------------------------------------------------


def test_a_patch_sets_and_removes_and_keeps(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, {"username": "ada", "password": "old", "note": "x"}, cas=0)
    changed = store.patch(ref, {"password": PASSWORD, "note": None, "port": "5432"}, cas=1)
    assert changed.number == 2
    assert store.get(ref, reason=WHY) == DATA | {"port": "5432"}
    assert store.get(ref, version=1, reason=WHY)["password"] == "old"


def test_a_stale_patch_is_a_conflict(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    store.put(ref, DATA, cas=1)
    for cas in (0, 1, 3):
        with pytest.raises(SecretConflict) as caught:
            store.patch(ref, {"password": "late"}, cas=cas)
        assert caught.value.version == 2
    assert store.get(ref, reason=WHY) == DATA


def test_a_patch_is_bounded_too(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    with pytest.raises(SecretTooLarge):
        store.patch(ref, {"note": "x" * MAX_BYTES}, cas=1)
    with pytest.raises(Invalid):
        store.patch(ref, {"note": "\udc00"}, cas=1)
    assert store.head(ref).current_version == 1


# --- deleting, restoring, purging -------------------------------------------------------------


def test_a_deleted_secret_says_so(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    store.put(ref, DATA, cas=1)
    store.delete(ref)
    store.delete(ref)
    for version in (None, 1, 2):
        with pytest.raises(SecretNotFound) as caught:
            store.get(ref, version=version, reason=WHY)
        assert caught.value.deleted
        assert not caught.value.destroyed
    meta = store.head(ref)
    assert meta.current_version == 2
    assert not meta.is_live
    assert all(v.deleted_at for v in meta.versions)


def test_many_are_stored_read_and_deleted_together(store: SecretStore, ref: SecretRef) -> None:
    refs = [replace(ref, owner_id=f"{ref.owner_id}{n}") for n in range(20)]
    assert set(store.put_many({one: {"n": one.owner_id} for one in refs}).values()) == {1}
    missing = replace(ref, owner_id=f"{ref.owner_id}x")
    found = store.get_many([*refs, missing], reason=WHY)
    assert [found[one] for one in refs] == [{"n": one.owner_id} for one in refs]
    assert isinstance(found[missing], SecretNotFound)
    store.delete_many(refs)
    gone = store.get_many(refs, reason=WHY).values()
    assert all(isinstance(one, SecretNotFound) and one.deleted for one in gone)


def test_a_deleted_secret_cannot_be_patched(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    store.delete(ref)
    with pytest.raises(SecretNotFound) as caught:
        store.patch(ref, {"password": "new"}, cas=1)
    assert caught.value.deleted


def test_a_deleted_secret_can_be_restored(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, {"n": "1"}, cas=0)
    store.put(ref, {"n": "2"}, cas=1)
    store.delete(ref)
    meta = store.undelete(ref)
    assert meta.is_live
    assert store.get(ref, reason=WHY) == {"n": "2"}
    assert store.undelete(ref) == meta


def test_restoring_does_not_bring_back_what_was_removed_before(
    store: SecretStore, ref: SecretRef
) -> None:
    store.put(ref, {"n": "removed on purpose"}, cas=0)
    store.delete(ref)
    store.put(ref, {"n": "2"}, cas=1)
    store.delete(ref)
    assert [v.is_live for v in store.undelete(ref).versions] == [False, True]
    with pytest.raises(SecretNotFound) as caught:
        store.get(ref, version=1, reason=WHY)
    assert caught.value.deleted


def test_deleted_versions_still_count(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, {"n": "1"}, cas=0)
    store.delete(ref)
    with pytest.raises(SecretConflict) as caught:
        store.put(ref, {"n": "2"}, cas=0)
    assert caught.value.version == 1
    assert store.put(ref, {"n": "2"}, cas=1).number == 2
    assert store.get(ref, reason=WHY) == {"n": "2"}
    with pytest.raises(SecretNotFound) as gone:
        store.get(ref, version=1, reason=WHY)
    assert gone.value.deleted


def test_what_is_purged_is_gone(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    store.put(ref, DATA, cas=1)
    store.purge(ref)
    store.purge(ref)
    for verb in (store.head, store.undelete, lambda r: store.get(r, reason=WHY)):
        with pytest.raises(SecretNotFound) as caught:
            verb(ref)
        assert not caught.value.deleted
    assert store.put(ref, {"n": "1"}, cas=0).number == 1
    assert store.get(ref, reason=WHY) == {"n": "1"}


def test_head_tells_the_versions_and_no_value(store: SecretStore, ref: SecretRef) -> None:
    store.put(ref, DATA, cas=0)
    store.put(ref, DATA, cas=1)
    meta = store.head(ref)
    assert meta.ref == ref
    assert [(v.number, v.is_live) for v in meta.versions] == [(1, True), (2, True)]
    assert meta.versions[0].created_at <= meta.versions[1].created_at
    assert PASSWORD not in repr(meta)


# --- separation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        lambda ref: SecretRef(ref.tenant_id, ref.kind, ref.owner_id, "oauth"),
        lambda ref: SecretRef(ref.tenant_id, "webhooks", ref.owner_id, ref.slot),
        lambda ref: SecretRef(ref.tenant_id, ref.kind, new_id("cnn"), ref.slot),
    ],
    ids=["slot", "kind", "owner"],
)
def test_secrets_do_not_meet(
    store: SecretStore, ref: SecretRef, other: Callable[[SecretRef], SecretRef]
) -> None:
    neighbour = other(ref)
    store.put(ref, DATA, cas=0)
    store.put(neighbour, {"n": "1"}, cas=0)
    store.purge(neighbour)
    assert store.get(ref, reason=WHY) == DATA


def test_tenants_do_not_meet(world: World, ref: SecretRef) -> None:
    stranger = SecretRef(new_id("tnt"), ref.kind, ref.owner_id, ref.slot)
    with world.work(ref.tenant_id):
        world.store.put(ref, DATA, cas=0)
    with world.work(stranger.tenant_id):
        with pytest.raises(SecretNotFound):
            world.store.get(stranger, reason=WHY)
        world.store.put(stranger, {"n": "1"}, cas=0)
        world.store.purge(stranger)
    with world.work(ref.tenant_id):
        assert world.store.get(ref, reason=WHY) == DATA


# --- many at once -----------------------------------------------------------------------------


def test_of_many_writers_one_wins(world: World, ref: SecretRef) -> None:
    writers = 6
    start = Barrier(writers)

    def write(n: int) -> Version | SecretConflict:
        with world.work(ref.tenant_id):
            start.wait(10)
            try:
                return world.store.put(ref, {"n": str(n)}, cas=0)
            except SecretConflict as conflict:
                return conflict

    with ThreadPoolExecutor(writers) as pool:
        outcomes = list(pool.map(write, range(writers)))
    winners = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Version)]
    assert len(winners) == 1
    with world.work(ref.tenant_id):
        assert world.store.get(ref, reason=WHY) == {"n": str(winners[0])}
        assert world.store.head(ref).current_version == 1


def test_a_secret_survives_its_unit_of_work(world: World, ref: SecretRef) -> None:
    with world.work(ref.tenant_id):
        world.store.put(ref, DATA, cas=0)
    with world.work(ref.tenant_id):
        world.store.patch(ref, {"username": None}, cas=1)
        world.store.delete(ref)
    with world.work(ref.tenant_id):
        world.store.undelete(ref)
        assert world.store.get(ref, reason=WHY) == {"password": PASSWORD}


# --- telling and not telling ------------------------------------------------------------------


def test_health_is_ok(store: SecretStore, ref: SecretRef) -> None:
    health = store.health()
    assert health.state is StoreState.OK, health
    assert health.is_ok
    store.put(ref, DATA, cas=0)
    assert store.health() == health


def test_no_log_and_no_error_tells_a_value(
    store: SecretStore, ref: SecretRef, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    errors: list[PortalError] = []
    with capture_logs() as logs:
        store.put(ref, DATA, cas=0)
        store.patch(ref, {"password": PASSWORD + "!"}, cas=1)
        store.get(ref, reason="to sign in for a test")
        for refused in (
            lambda: store.put(ref, DATA, cas=1),
            lambda: store.patch(ref, DATA, cas=1),
            lambda: store.get(ref, version=7, reason=WHY),
        ):
            with pytest.raises(PortalError) as caught:
                refused()
            errors.append(caught.value)
    told = repr(logs) + caplog.text + repr(errors) + " ".join(e.detail for e in errors)
    assert PASSWORD not in told
    assert ref.key not in " ".join(e.detail for e in errors)
    reads = [entry for entry in logs if entry["event"] == "secret_read"]
    assert [entry["reason"] for entry in reads] == ["to sign in for a test"]
