"""Move all secrets of a tenant from one store to the other, while no process of the portal runs.

A secret keeps the number of its version, because its record knows it. So no record changes, and the
portal can go back to the source. In the target, versions that the source has no more are filled in
and deleted at once. What was killed at any point is finished by running it again.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from portal.core.errors import PortalError
from portal.database.session import transaction
from portal.secretstore import (
    Secret,
    SecretMeta,
    SecretRef,
    SecretStore,
    StoreUnavailable,
    all_refs,
    current_version,
)

MOVING = "moving"
"""The kind of the marks in the target: this secret is deleted, and is restored to be read."""

FILLER = {"gone": "The store that this came from no longer had this version."}


class NotMoved(PortalError):
    """One secret stays where it is; `detail` says why and what to do."""

    status, code, title = 409, "secret_not_moved", "A secret was not moved"


@dataclass(slots=True)
class Report:
    """Count the secrets of each kind by what became of them, and name those that failed."""

    done: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[SecretRef, str]] = field(default_factory=list)


def move(source: SecretStore, target: SecretStore, tenant_id: str, report: Report) -> None:
    """Copy the secrets of a tenant, and compare each with what was read back from the target.

    Raises StoreUnavailable if a store is away; then it can be run again. Call it outside a
    transaction.
    """
    _finish_killed(source, target, tenant_id)
    with transaction(tenant_id):
        refs = [ref for ref in all_refs(source, tenant_id) if ref.kind != MOVING]
    for ref in refs:
        try:
            _move(source, target, ref, report)
        except StoreUnavailable:
            raise
        except PortalError as error:
            report.failed.append((ref, error.detail))


def remove(
    source: SecretStore,
    target: SecretStore,
    tenant_id: str,
    existing: Callable[[str, Collection[str]], Collection[str]],
    report: Report,
) -> None:
    """Delete for good what is left in the source, unless the target lacks the secret of a record.

    `existing` receives a kind and ids, and returns those that have a record.
    """
    with transaction(tenant_id):
        refs = all_refs(source, tenant_id)
    for ref in refs:
        with transaction(tenant_id):
            is_moved = current_version(target, ref) >= source.head(ref).current_version
            if is_moved or not existing(ref.kind, [ref.owner_id]):
                source.purge(ref)
                report.done[ref.kind] += 1
            else:
                message = "The store in use does not have it. Move it first, or enter it again."
                report.failed.append((ref, message))


def _move(source: SecretStore, target: SecretStore, ref: SecretRef, report: Report) -> None:
    with transaction(ref.tenant_id):
        meta = source.head(ref)
        is_new = current_version(target, ref) < meta.current_version
    if any(v.destroyed for v in meta.versions if v.number == meta.current_version):
        report.gone[ref.kind] += 1
        return
    if meta.is_live:
        with transaction(ref.tenant_id):
            _copy(source, target, meta)
    else:
        _copy_deleted(source, target, ref)
    (report.done if is_new else report.before)[ref.kind] += 1


def _copy_deleted(source: SecretStore, target: SecretStore, ref: SecretRef) -> None:
    """Copy a secret that is restored for this time alone. The mark survives a kill."""
    mark = SecretRef(ref.tenant_id, MOVING, ref.owner_id, ref.slot)
    with transaction(ref.tenant_id):
        target.put(mark, {"kind": ref.kind}, cas=None)
    try:
        with transaction(ref.tenant_id):
            meta = source.undelete(ref)
            if current_version(target, ref) == meta.current_version:
                target.undelete(ref)
            _copy(source, target, meta)
    finally:
        _delete_again(source, target, ref, mark)


def _finish_killed(source: SecretStore, target: SecretStore, tenant_id: str) -> None:
    """Delete again what a killed run had restored."""
    with transaction(tenant_id):
        marks = [mark for mark in all_refs(target, tenant_id) if mark.kind == MOVING]
    for mark in marks:
        with transaction(tenant_id):
            kind = target.get(mark, reason="finish a move")["kind"]
        _delete_again(source, target, SecretRef(tenant_id, kind, mark.owner_id, mark.slot), mark)


def _delete_again(
    source: SecretStore, target: SecretStore, ref: SecretRef, mark: SecretRef
) -> None:
    with transaction(ref.tenant_id):
        source.delete(ref)
        target.delete(ref)
    with transaction(ref.tenant_id):
        target.purge(mark)


def _copy(source: SecretStore, target: SecretStore, meta: SecretMeta) -> None:
    """Write the versions that the target lacks, then compare. Raises NotMoved."""
    ref, there = meta.ref, current_version(target, meta.ref)
    if there > meta.current_version:
        raise NotMoved(
            f"The target has version {there} of it, the source only {meta.current_version}. Decide "
            "which is right; to take that of the source, delete it in the target with its metadata."
        )
    last_dead = _last_dead(meta)
    if 0 < there <= last_dead:
        target.delete(ref)
    for number in range(there + 1, meta.current_version + 1):
        values = FILLER if number <= last_dead else _read(source, ref, number)
        target.put(ref, values, cas=number - 1)
        if number == last_dead:
            target.delete(ref)
    _compare(source, target, meta, last_dead)


def _last_dead(meta: SecretMeta) -> int:
    """Return the newest version that cannot be read. The current one can."""
    first_kept = min(version.number for version in meta.versions)
    dead = (version.number for version in meta.versions if not version.is_live)
    return max(first_kept - 1, *dead, 0)


def _compare(source: SecretStore, target: SecretStore, meta: SecretMeta, last_dead: int) -> None:
    found = target.head(meta.ref)
    kept = {v.number for v in found.versions if v.is_live and v.number > last_dead}
    is_whole = found.current_version == meta.current_version and meta.current_version in kept
    if not is_whole or any(
        dict(_read(source, meta.ref, number)) != dict(_read(target, meta.ref, number))
        for number in kept
    ):
        raise NotMoved(
            "The target has something else under the same version. Decide which is right; to take "
            "that of the source, delete it in the target with its metadata, and run this again."
        )


def _read(store: SecretStore, ref: SecretRef, number: int) -> Secret:
    return store.get(ref, version=number, reason="move to another store")
