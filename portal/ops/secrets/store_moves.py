"""`portal secrets`: move all secrets between the embedded store and a Vault, then remove the old.

Moving and removing are two verbs, because they belong to two moments: nothing is removed before the
portal has run with the other store.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from sqlalchemy import select

from portal.core.config import Config
from portal.database.session import session
from portal.features import RESOURCES
from portal.ops.connections import Process, running
from portal.ops.secrets.key_rotation import tenants
from portal.secretstore import SecretStore, Side, StoreUnavailable, build
from portal.secretstore import move as moves
from portal.secretstore.move import Report

OTHER = {"embedded": "vault", "vault": "embedded"}


class MoveError(Exception):
    """Nothing more is moved or removed now; the message says what to do first."""


def move(config: Config, source: str, target: str) -> Report:
    """Copy the secrets of all tenants. Call it outside a transaction.

    Raises MoveError if the source is not the store in use, a process of the portal runs, or a store
    is not open to it.
    """
    if source == target:
        raise MoveError("The secrets are there already: name two stores.")
    if config.secret_store != source:
        raise MoveError(
            f"PORTAL_SECRET_STORE is {config.secret_store}, so the newest secrets are there, and "
            f"nothing was moved. Set it to {source} for this command if that is the store in use."
        )
    _require_stopped("Nothing was moved.")
    stores, report = _open_stores(config, source, target), Report()
    for tenant_id in tenants():
        try:
            moves.move(*stores, tenant_id, report)
        except StoreUnavailable as error:
            raise _interrupted(error, report) from error
    _require_stopped("They may have saved something in the old store: run this again.")
    return report


def remove(config: Config, source: str) -> Report:
    """Delete the secrets of all tenants in the store that is no longer used.

    Raises MoveError if it is the store in use, here or in a process of the portal.
    """
    if config.secret_store == source:
        raise MoveError(f"PORTAL_SECRET_STORE is {source}: these secrets are in use.")
    users = [process for process in running() if process.store != OTHER[source]]
    if users:
        raise MoveError(
            f"{_listed(users)}Restart them with PORTAL_SECRET_STORE={OTHER[source]}. Nothing was "
            "removed."
        )
    stores, report = _open_stores(config, source, OTHER[source]), Report()
    for tenant_id in tenants():
        try:
            moves.remove(*stores, tenant_id, _existing, report)
        except StoreUnavailable as error:
            raise _interrupted(error, report) from error
    return report


def _existing(kind: str, ids: Collection[str]) -> set[str]:
    """Return those ids of a kind that have a record, deleted ones included."""
    for resource in RESOURCES:
        if resource.secrets == kind:
            model = resource.model
            return set(session.scalars(select(model.id).where(model.id.in_(ids))))
    return set(ids)  # a kind that this release does not know is kept


def _open_stores(config: Config, *kinds: str) -> tuple[SecretStore, SecretStore]:
    if not config.vault_addr:
        raise MoveError("PORTAL_VAULT_ADDR is missing: where is the Vault?")
    opened = []
    for kind in kinds:
        store = build(config.model_copy(update={"secret_store": kind}), Side.MOVE)
        if not (health := store.health()).is_ok:
            raise MoveError(f"{kind}: {health.title}. {health.sentence}")
        opened.append(store)
    one, other = opened
    return one, other


def _require_stopped(consequence: str) -> None:
    if users := running():
        raise MoveError(f"{_listed(users)}Stop them. {consequence}")


def _listed(processes: Collection[Process]) -> str:
    lines = {
        f"  - {one.what} at {one.address}, secret store: {one.store or 'not told'}\n"
        for one in processes
    }
    return f"These processes of the portal run:\n{''.join(sorted(lines))}"


def _interrupted(error: StoreUnavailable, report: Report) -> MoveError:
    done = _counts(report.done) or "nothing"
    return MoveError(f"{error.detail} Done so far: {done}. Run this again; it goes on from there.")


# --- in words -------------------------------------------------------------------------------------


def in_words(report: Report, source: str, target: str) -> Iterator[str]:
    """Yield sentences about a move and the next step."""
    moved = _counts(report.done) or "nothing"
    yield f"Moved from {source} to {target} and compared: {moved}."
    if report.before:
        yield f"Already there, and compared: {_counts(report.before)}."
    if report.gone:
        yield f"Destroyed in {source}, so there is nothing to move: {_counts(report.gone)}."
    if report.failed:
        yield f"Not moved: {len(report.failed)}. Do what is said below, then run this again."
    else:
        yield (
            f"Set PORTAL_SECRET_STORE={target} everywhere and start. What is in {source} stays, "
            f"until portal secrets remove --from {source}."
        )


def removed_in_words(report: Report, source: str) -> Iterator[str]:
    """Yield sentences about a removal."""
    yield f"Removed for good from {source}: {_counts(report.done) or 'nothing'}."
    if report.failed:
        yield f"Kept: {len(report.failed)}."


def _counts(counts: Counter[str]) -> str:
    """Return a text such as “3 of connectors, 1 of webhooks”."""
    return ", ".join(f"{number} of {kind}" for kind, number in sorted(counts.items()))
