"""Moving all secrets from one store to the other loses none, whenever it is killed."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from portal.database.base import new_id
from portal.secretstore import SecretNotFound, SecretRef, SecretStore, Side
from portal.secretstore.embedded_store import EmbeddedStore
from portal.secretstore.move import Report, move, remove
from tests import ROOT
from tests.databases import Database
from tests.secretstore.conftest import Work
from tests.secretstore.openbao import OpenBao
from tests.thorough import some

CANARY = "canary-of-a-move"
WHY = "test"
KINDS = {
    "connectors": ("cnn", "credentials"),
    "webhooks": ("whk", "signing"),
    "keys": ("key", "key"),
}
Pair = tuple[SecretStore, SecretStore]


@pytest.fixture(params=["embedded to vault", "vault to embedded"])
def pair(request: pytest.FixtureRequest, embedded: EmbeddedStore, openbao: OpenBao) -> Pair:
    """Return source and target; the Vault with the policy that we ship for a move."""
    vault = openbao.store_of(Side.MOVE)
    assert vault.health().is_ok
    return (embedded, vault) if request.param == "embedded to vault" else (vault, embedded)


@pytest.fixture
def moved(frame: object, work: Work, pair: Pair) -> Callable[[str], Report]:
    def run(tenant_id: str) -> Report:
        report = Report()
        with frame.app_context():  # type: ignore[attr-defined]
            move(*pair, tenant_id, report)
        return report

    return run


def refs_of(tenant_id: str) -> list[SecretRef]:
    return [
        SecretRef(tenant_id, kind, new_id(prefix), slot) for kind, (prefix, slot) in KINDS.items()
    ]


def counts(report: Report) -> tuple[int, int, int, int]:
    sums = (report.done.total(), report.before.total(), report.gone.total())
    return (*sums, len(report.failed))


def test_every_kind_is_moved_and_a_second_run_finds_all_there(
    pair: Pair, work: Work, moved: Callable[[str], Report]
) -> None:
    source, target = pair
    tenant_id = new_id("tnt")
    refs = refs_of(tenant_id)
    with work(tenant_id):
        for ref in refs:
            source.put(ref, {"secret": CANARY, "n": "1"}, cas=0)
            for number in range(1, 15):  # more than a store keeps
                source.put(ref, {"secret": CANARY, "n": str(number)}, cas=number)
    with capture_logs() as logs:
        assert counts(moved(tenant_id)) == (3, 0, 0, 0)
        assert counts(moved(tenant_id)) == (0, 3, 0, 0)
    assert CANARY not in repr(logs)
    with work(tenant_id):
        for ref in refs:
            assert target.head(ref).current_version == 15
            assert target.get(ref, reason=WHY) == {"secret": CANARY, "n": "14"}
            assert target.get(ref, version=9, reason=WHY)["n"] == "8"
            assert source.get(ref, reason=WHY) == {"secret": CANARY, "n": "14"}


def test_what_changed_in_the_source_follows(
    pair: Pair, work: Work, moved: Callable[[str], Report]
) -> None:
    source, target = pair
    tenant_id = new_id("tnt")
    ref = refs_of(tenant_id)[0]
    with work(tenant_id):
        source.put(ref, {"n": "1"}, cas=0)
    moved(tenant_id)
    with work(tenant_id):
        source.put(ref, {"n": "2"}, cas=1)
    assert counts(moved(tenant_id)) == (1, 0, 0, 0)
    with work(tenant_id):
        assert target.get(ref, reason=WHY) == {"n": "2"}
        source.delete(ref)
    assert counts(moved(tenant_id)) == (0, 1, 0, 0)
    with work(tenant_id), pytest.raises(SecretNotFound):
        target.get(ref, reason=WHY)


@pytest.mark.parametrize("newer", [True, False])
def test_something_else_in_the_target_is_named_and_left_alone(
    pair: Pair, work: Work, moved: Callable[[str], Report], newer: bool
) -> None:
    source, target = pair
    tenant_id = new_id("tnt")
    ref, other = refs_of(tenant_id)[:2]
    with work(tenant_id):
        source.put(ref, {"n": CANARY}, cas=0)
        source.put(other, {"n": "1"}, cas=0)
        target.put(ref, {"n": "mine"}, cas=0)
        if newer:
            target.put(ref, {"n": "mine"}, cas=1)
    report = moved(tenant_id)
    assert counts(report) == (1, 0, 0, 1)
    [(failed, reason)] = report.failed
    assert failed == ref
    assert ("has version 2 of it" in reason) == newer
    assert CANARY not in reason
    with work(tenant_id):
        assert target.get(ref, reason=WHY) == {"n": "mine"}


def test_what_others_keep_in_a_vault_is_neither_moved_nor_removed(
    frame: object, work: Work, embedded: EmbeddedStore, openbao: OpenBao
) -> None:
    vault, tenant_id = openbao.store_of(Side.MOVE), new_id("tnt")
    ref = refs_of(tenant_id)[0]
    with work(tenant_id):
        vault.put(ref, {"n": "1"}, cas=0)
    foreign = f"secret/data/{ref.key.split('/')[0]}/connectors/team-a/b"
    openbao.call("POST", foreign, {"data": {"a": "b"}})
    with frame.app_context():  # type: ignore[attr-defined]
        move(vault, embedded, tenant_id, Report())
        remove(vault, embedded, tenant_id, lambda kind, ids: set(ids), Report())
    assert openbao.call("GET", foreign)["data"]["data"] == {"a": "b"}
    with work(tenant_id), pytest.raises(SecretNotFound):
        vault.head(ref)


def test_a_removal_keeps_what_a_record_would_lose(
    pair: Pair, frame: object, work: Work, moved: Callable[[str], Report]
) -> None:
    source, target = pair
    tenant_id = new_id("tnt")
    there, late, orphan = refs_of(tenant_id)
    with work(tenant_id):
        source.put(there, {"n": "1"}, cas=0)
    moved(tenant_id)
    with work(tenant_id):
        source.put(late, {"n": "1"}, cas=0)
        source.put(orphan, {"n": "1"}, cas=0)
    report = Report()
    with frame.app_context():  # type: ignore[attr-defined]
        remove(*pair, tenant_id, lambda kind, ids: set(ids) - {orphan.owner_id}, report)
    assert report.done.total() == 2
    assert [ref for ref, _ in report.failed] == [late]
    with work(tenant_id):
        assert source.get(late, reason=WHY) == {"n": "1"}
        assert target.get(there, reason=WHY) == {"n": "1"}
        for gone in (there, orphan):
            with pytest.raises(SecretNotFound):
                source.head(gone)


def test_a_destroyed_secret_is_counted_and_not_made_up(
    frame: object, work: Work, embedded: EmbeddedStore, openbao: OpenBao
) -> None:
    vault, tenant_id = openbao.store_of(Side.MOVE), new_id("tnt")
    ref, report = refs_of(tenant_id)[0], Report()
    vault.put(ref, {"n": "1"}, cas=0)
    openbao.call("PUT", f"secret/destroy/{ref.key}", {"versions": [1]})
    with frame.app_context():  # type: ignore[attr-defined]
        move(vault, embedded, tenant_id, report)
    assert counts(report) == (0, 0, 1, 0)
    with work(tenant_id), pytest.raises(SecretNotFound):
        embedded.head(ref)


@pytest.mark.proof
@pytest.mark.parametrize("source", some(["embedded", "vault"], 2))
def test_killed_at_any_step_it_is_finished_by_running_it_again(
    database: Database, openbao: OpenBao, source: str
) -> None:
    program = [sys.executable, "-m", "tests.secretstore.killed_moves"]
    done = subprocess.run(
        [*program, database.app_url, openbao.address, openbao.token, source],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    killed = int(done.stdout.split("killed at ")[1].split()[0])
    assert killed >= 28, "each step is one change of a store, before or after it"
