"""Test that secrets without a record are found, deleted restorably, and never too early."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from portal.database.base import new_id
from portal.secretstore import SecretRef, sweeper
from portal.secretstore.sweeper import GRACE, sweep
from tests.secretstore.conftest import World
from tests.secretstore.openbao import OpenBao

DATA = {"password": "x"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the database's clock to a time when no write can still be uncommitted."""
    then = datetime.now(UTC) + GRACE + timedelta(minutes=5)
    monkeypatch.setattr(sweeper, "database_now", lambda: then)


def put(world: World, ref: SecretRef) -> SecretRef:
    with world.work(ref.tenant_id):
        world.store.put(ref, DATA, cas=0)
    return ref


def of(ref: SecretRef, **other: str) -> SecretRef:
    parts = {"kind": ref.kind, "owner_id": ref.owner_id, "slot": ref.slot} | other
    return SecretRef(ref.tenant_id, **parts)


def nobody(ids: Collection[str]) -> set[str]:
    return set()


def test_owners_and_slots_are_listed(world: World, ref: SecretRef) -> None:
    put(world, ref)
    put(world, of(ref, slot="oauth"))
    other = put(world, of(ref, owner_id=new_id("cnn")))
    put(world, of(ref, kind="webhooks"))
    put(world, SecretRef(new_id("tnt"), ref.kind, new_id("cnn"), ref.slot))
    with world.work(ref.tenant_id):
        world.store.delete(other)
        owners = world.store.owners(ref.tenant_id, "connectors")
        assert sorted(owners) == sorted([ref.owner_id, other.owner_id])
        slots = world.store.slots(ref.tenant_id, "connectors", ref.owner_id)
        assert sorted(slots) == ["credentials", "oauth"]
        assert sorted(world.store.kinds(ref.tenant_id)) == ["connectors", "webhooks"]
        assert world.store.kinds(new_id("tnt")) == []
        assert world.store.owners(ref.tenant_id, "nothing") == []
        assert world.store.slots(ref.tenant_id, "connectors", new_id("cnn")) == []


@pytest.mark.usefixtures("later")
def test_a_secret_without_a_record_is_deleted(world: World, ref: SecretRef) -> None:
    put(world, ref)
    kept = put(world, of(ref, owner_id=new_id("cnn")))
    unasked = put(world, of(ref, kind="webhooks"))
    with world.work(ref.tenant_id):
        swept = sweep(world.store, ref.tenant_id, "connectors", lambda ids: {kept.owner_id})
        assert swept == [ref]
        assert not world.store.head(ref).is_live
        assert world.store.head(kept).is_live
        assert world.store.head(unasked).is_live
        assert sweep(world.store, ref.tenant_id, "connectors", lambda ids: {kept.owner_id}) == []
        assert world.store.undelete(ref).is_live


@pytest.mark.usefixtures("later")
def test_what_others_keep_there_is_left_alone(openbao: OpenBao, ref: SecretRef) -> None:
    folder = f"secret/data/{ref.key.split('/')[0]}/connectors"
    strange = [
        f"{folder}/notes of an operator",
        f"{folder}/team-a/b",
        f"{ref.path('secret')}/deep/er",
    ]
    for path in strange:
        openbao.call("POST", path.replace(" ", "%20"), {"data": DATA})
    assert sweep(openbao.store(), ref.tenant_id, "connectors", nobody) == []
    for path in strange:
        assert openbao.call("GET", path.replace(" ", "%20"))["data"]["data"] == DATA


def test_a_young_secret_may_still_get_its_record(
    world: World, ref: SecretRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, ref)
    now = datetime.now(UTC) + GRACE - timedelta(minutes=5)
    monkeypatch.setattr(sweeper, "database_now", lambda: now)
    with world.work(ref.tenant_id):
        assert sweep(world.store, ref.tenant_id, "connectors", nobody) == []
        assert world.store.head(ref).is_live


def test_a_tenant_without_secrets_costs_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "database_now", lambda: datetime.now(UTC))
    tenant_id = new_id("tnt")
    with world.work(tenant_id):
        assert sweep(world.store, tenant_id, "connectors", nobody) == []
