"""Take checks from the queue, open what they need, and record what came of them.

Each function is one step of a worker, in a transaction of its own. No transaction is open while
data is sent over the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from portal.connections.check_results import OWN_FAULTS, Result, move, next_check
from portal.connections.checks.report import Report, Step, Subject
from portal.connections.models import (
    ConnectorCheck,
    ConnectorCheckDay,
    ConnectorCredentials,
    ConnectorStanding,
    portal_itself,
)
from portal.connectors import service as connectors
from portal.connectors.models import Connector
from portal.core.errors import Forbidden, PortalError
from portal.database.actor import Actor
from portal.database.json_values import same
from portal.database.session import database_now, session
from portal.keys.tokens import askers
from portal.records import verbs
from portal.secretstore import Secret, SecretNotFound, store

TAKEN_SECONDS = 60.0
"""A worker has so long for a check; then another one takes it. A check itself ends after 30 s."""
MOST_ATTEMPTS = 3
AT_ONCE = 20  # of one tenant in one worker

STORE_REMEDY = (
    "The connector itself was not checked. The portal tries again in a few minutes; if it stays so,"
    " tell the operator."
)
RESTORE_REMEDY = (
    "The connector was not checked, and its credentials are those from before. Ask for it again in"
    " a few minutes; if it stays so, tell the operator."
)
OPEN_TENANTS = text("SELECT open_checks(:at_most, :busy)")


@dataclass(frozen=True, slots=True)
class Taken:
    """A check in the hands of a worker. `attempt` is its fence: a later one makes it void."""

    tenant_id: str
    check_id: str
    connector_id: str
    attempt: int
    restores_version: int | None
    is_watched: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection as it was read. `subject` is None if `problem` says why nothing is;
    `is_outdated` tells that this says nothing of the connector as it is now. `credential_version`
    is 0 if it has no credentials."""

    subject: Subject | None
    record_version: int
    credential_version: int
    problem: Report | None = None
    is_outdated: bool = False


def tenants_with_open_checks(busy: Sequence[str] = (), at_most: int = 50) -> list[str]:
    """Return the tenants that have a check for a worker to take, other than those."""
    return list(session.scalars(OPEN_TENANTS, {"at_most": at_most, "busy": list(busy)}))


def take(tenant_id: str, at_most: int = AT_ONCE) -> list[Taken]:
    """Take some checks of one tenant, the longest due first."""
    due = (
        select(ConnectorCheck)
        .where(
            ConnectorCheck.tenant_id == tenant_id,
            ConnectorCheck.state.in_(("queued", "running")),
            ConnectorCheck.due_at <= func.now(),
        )
        .order_by(ConnectorCheck.due_at)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    taken = []
    for check in session.scalars(due):
        if check.attempts >= MOST_ATTEMPTS:
            _give_up(check)
            continue
        # In one statement: PostgreSQL looks at the connector again when a row is changed twice, and
        # a save that has locked the connector waits for this check.
        check.state, check.attempts = "running", check.attempts + 1
        check.started_at = check.started_at or func.now()
        check.due_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, TAKEN_SECONDS)
        taken.append(
            Taken(
                tenant_id,
                check.id,
                check.connector_id,
                check.attempts,
                check.restores_version,
                check.reason == "asked",
            )
        )
    session.flush()
    return taken


def _give_up(check: ConnectorCheck) -> None:
    """End a check that no worker ends, and plan the next one."""
    report = _own_fault("The check was begun three times and never ended.")
    # Before the check is changed: a save has the connector first, and then waits for such a check.
    record = _connector(check, lock=True)
    _finish(check, report)
    if record is not None and not record.is_deleted:
        _move(record, check, report)


def open_subject(taken: Taken) -> Opened:
    """Return what is to be checked, with its secret; first put back the version that is asked for.

    A problem of the portal's own is in `problem`, and nothing is sent then.
    """
    record = _connector(taken, lock=taken.restores_version is not None)
    if record is None:
        return Opened(None, 0, 0, _own_fault("The connector was deleted for good."))
    if record.is_stopped:
        return _held(record, f"Nothing was sent: its application is {record.application_status}.")
    try:
        if said := _put_back(taken, record):
            return _held(record, said)
        credentials = _current(record) if record.credential_fields else {}
    except SecretNotFound:
        return _not_opened(record, _lost(taken, record))
    except PortalError as error:
        remedy = RESTORE_REMEDY if _is_restoring(taken) else STORE_REMEDY
        problem = Report("secret_store", error.detail, remedy, (), 0.0)
        return _not_opened(record, problem)
    entry, variant = record.entry, record.variant
    if entry is None or variant is None:
        said = "The connector names no provider and no way to sign in."
        return _not_opened(record, Report("config", said, "Edit it and choose both.", (), 0.0))
    origin = token_origins(record.tenant_id, {record.id: record.credential_version}).get(record.id)
    subject = Subject(entry, variant, dict(record.config), dict(credentials), origin)
    return Opened(subject, record.version, record.used_version)


def note_steps(taken: Taken, steps: list[Step]) -> None:
    """Store the steps so far, for those who watch."""
    session.execute(
        update(ConnectorCheck)
        .where(*_own(taken))
        .values(steps=[asdict(step) for step in steps])
        .execution_options(synchronize_session=False)
    )


def record_report(taken: Taken, opened: Opened, report: Report) -> bool:
    """Store what came of a check, and what it means for the connector.

    Returns False if another worker has taken the check: then nothing is stored. A result of
    settings that were changed since says nothing about the connector and does not move it.
    """
    query = select(ConnectorCheck).where(*_own(taken)).with_for_update()
    check = session.scalar(query.execution_options(populate_existing=True))
    if check is None:
        return False
    record = _connector(taken, lock=True)
    check.record_version = opened.record_version
    check.credential_version = opened.credential_version
    check.is_outdated = opened.is_outdated or record is None or _differs(record, opened)
    _finish(check, report)
    if record is not None and not record.is_deleted:
        _count(check)
        _move(record, check, report)
        if report.token_origin and not check.is_outdated:
            _note_token_origin(record, report.token_origin)
    return True


# ---------------------------------------------------------------- the secret


def _current(record: Connector) -> Secret:
    # A newer version may be of a save that never committed; an older one, of a restored store, may
    # have been replaced because it leaked.
    version = record.credential_version
    return store().get(record.secret_ref, version=version, reason="check a connector")


def _put_back(taken: Taken, record: Connector) -> str | None:
    """Write the older version of the credentials that is asked for, if any, as the newest one, and
    note it in the row; or return why not, because the connector or the asker's rights were changed.

    Like a save, it flushes the row first. Raises any error of the secret store; the row then is as
    it was.
    """
    version = taken.restores_version
    if version is None or not _is_restoring(taken):
        return None
    check = session.get_one(ConnectorCheck, (taken.tenant_id, taken.check_id))
    try:
        actor = _asker(check, record)
    except Forbidden as error:
        return f"Nothing was changed. {error.detail}"
    known = session.get(ConnectorCredentials, (record.tenant_id, record.id, version))
    if known and (said := known.why_not_for(record)):
        return said
    if known is None or check.replaces_version not in (record.used_version, None):
        return "Nothing was changed: the credentials are others now than when this was asked for."
    values = store().get(record.secret_ref, version=version, reason="go back to older credentials")
    current = store().head(record.secret_ref).current_version
    with session.begin_nested():
        check.credential_version = current + 1
        connectors.note_restored(actor, record, version, values, current + 1)
        noted = (record.tenant_id, record.id, current + 1)
        row = session.get_one(ConnectorCredentials, noted)
        row.restored_from, row.token_origin = version, known.token_origin
        session.flush()
        store().put(record.secret_ref, dict(values), cas=current)
    return None


def _asker(check: ConnectorCheck, record: Connector) -> Actor:
    """Return who asked for a restoration. Raises Forbidden for one who may not do it any more."""
    if check.asker is None:
        actor = _asker_of_before(check)
    else:
        actor = askers.again(check.tenant_id, check.asker)
        actor.require(connectors.WRITE)
    if not record.is_open_to(actor):
        raise Forbidden("The connector is for others now than when this was asked for.")
    return actor


def _asker_of_before(check: ConnectorCheck) -> Actor:
    """Return who asked for a restoration in the release before, as one for whom the connector was
    then."""
    person_id = check.asked_by if (check.asked_by or "").startswith("per_") else None
    return Actor(
        check.tenant_id,
        "person" if person_id else "application",
        check.asked_by or "system",
        check.asked_by_name or "",
        person_id=person_id,
        groups=frozenset({check.asked_group} if check.asked_group else ()),
    )


def _is_restoring(taken: Taken) -> bool:
    """Tell whether a version is asked for that no worker, this or a dead one, has put back yet."""
    if taken.restores_version is None:
        return False
    check = session.get_one(ConnectorCheck, (taken.tenant_id, taken.check_id))
    return check.credential_version is None


def token_origins(tenant_id: str, versions: Mapping[str, int]) -> dict[str, str]:
    """Return where the token addresses were that the other sides named for these versions of the
    credentials, by the ids of their connectors. An address that the settings give is not among
    them."""
    table = ConnectorCredentials
    query = select(table.connector_id, table.token_origin).where(
        table.tenant_id == tenant_id,
        tuple_(table.connector_id, table.version).in_(list(versions.items())),
        table.token_origin.is_not(None),
    )
    return {id: origin for id, origin in session.execute(query) if origin}


def _note_token_origin(record: Connector, origin: str) -> None:
    table = ConnectorCredentials
    session.execute(
        update(table)
        .where(
            table.tenant_id == record.tenant_id,
            table.connector_id == record.id,
            table.version == record.credential_version,
            table.token_origin.is_(None),
        )
        .values(token_origin=origin)
        .execution_options(synchronize_session=False)
    )


def _lost(taken: Taken, record: Connector) -> Report:
    if _is_restoring(taken):
        said = f"The secret store no longer has version {taken.restores_version}."
        return Report("secret_store", said, "Nothing was changed. Enter it anew.", (), 0.0)
    said = (
        f"The secret store no longer has version {record.credential_version} of this connector's"
        " credentials, the one that was saved last."
    )
    return Report("config", said, "Enter all of them again.", (), 0.0)


def _not_opened(record: Connector, problem: Report) -> Opened:
    return Opened(None, record.version, record.used_version, problem)


def _held(record: Connector, said: str) -> Opened:
    """Return that nothing is sent, which says nothing about the connection."""
    return replace(_not_opened(record, Report("config", said, "", (), 0.0)), is_outdated=True)


def _own_fault(said: str) -> Report:
    return Report("internal", said, "Check again; if it repeats, tell the operator.", (), 0.0)


# ---------------------------------------------------------------- the rows


def _own(taken: Taken) -> tuple[Any, ...]:
    return (
        ConnectorCheck.tenant_id == taken.tenant_id,
        ConnectorCheck.id == taken.check_id,
        ConnectorCheck.state == "running",
        ConnectorCheck.attempts == taken.attempt,
    )


def _connector(taken: Taken | ConnectorCheck, *, lock: bool) -> Connector | None:
    query = Connector.seen_by(portal_itself(taken.tenant_id)).where(
        Connector.id == taken.connector_id
    )
    if lock:
        query = query.with_for_update(of=Connector).execution_options(populate_existing=True)
    return session.scalar(query)


def _differs(record: Connector, opened: Opened) -> bool:
    """Tell whether the connection was changed since it was read."""
    subject = opened.subject
    if subject is None:
        return record.version != opened.record_version
    read = [subject.provider.key, subject.variant.type, subject.config, opened.credential_version]
    now = [record.provider, record.auth_type, record.config, record.used_version]
    return not same(read, now)


def _finish(check: ConnectorCheck, report: Report) -> None:
    check.state, check.finished_at = "done", database_now()
    check.outcome, check.said, check.remedy = report.outcome, report.said, report.remedy
    check.steps = [asdict(step) for step in report.steps]
    check.took_ms, check.account = report.took_ms, report.account
    check.is_person = report.is_person
    check.granted = None if report.granted is None else list(report.granted)
    check.missing, check.too_much = list(report.missing), list(report.too_much)
    check.expires_at = report.expires_at
    session.flush()


def _count(check: ConnectorCheck) -> None:
    """Count the check for its day, unless it tells nothing of the connector."""
    if check.outcome == "unproven" or check.outcome in OWN_FAULTS:
        return
    warned = any(step["state"] == "warned" for step in check.steps)
    column = "failed" if check.outcome != "passed" else "troubled" if warned else "passed"
    row = {
        "tenant_id": check.tenant_id,
        "connector_id": check.connector_id,
        "day": func.timezone("UTC", func.now()).cast(ConnectorCheckDay.day.type),
        column: 1,
    }
    one_more = {column: getattr(ConnectorCheckDay, column) + 1}
    key = ["tenant_id", "connector_id", "day"]
    session.execute(
        insert(ConnectorCheckDay)
        .values(row)
        .on_conflict_do_update(index_elements=key, set_=one_more)
    )


def _move(record: Connector, check: ConnectorCheck, report: Report) -> None:
    """Move the connector by the result, store how it stands, and plan the next check."""
    assert check.finished_at is not None  # noqa: S101 - it has just ended
    result = Result(
        report.outcome, report.said, check.finished_at, report.expires_at, report.retry_at
    )
    if not check.is_outdated:
        before = (record.sync_status, record.consecutive_errors, record.last_error)
        moved = move(result, *before)
        after = (moved.sync_status, moved.consecutive_errors, moved.last_error)
        _change(record, check.finished_at, before, after)
    _stand(record, check, result)


def _change(
    record: Connector, at: datetime, before: tuple[Any, ...], after: tuple[Any, ...]
) -> None:
    """Write the health of a connector and the time of its check.

    It is no edit: version and `updated_at` stay, so a person who is editing the connector can
    save.
    """
    names = ("sync_status", "consecutive_errors", "last_error")
    known = {"last_check_at": at, "updated_at": Connector.updated_at}
    session.execute(
        update(Connector)
        .where(Connector.tenant_id == record.tenant_id, Connector.id == record.id)
        .values(dict(zip(names, after, strict=True)) | known)
        .execution_options(synchronize_session=False)
    )
    session.refresh(record)
    if before[0] != after[0]:
        actor = portal_itself(record.tenant_id)
        changes = {"sync_status": (before[0], after[0]), "last_error": (before[2], after[2])}
        verbs.note(actor, record, "health_changed", changes)


def _stand(record: Connector, check: ConnectorCheck, result: Result) -> None:
    key = (record.tenant_id, record.id)
    standing = session.get(ConnectorStanding, key, with_for_update=True, populate_existing=True)
    if standing is None:
        standing = ConnectorStanding(tenant_id=record.tenant_id, connector_id=record.id)
        session.add(standing)
    planned = standing.next_check_at is not None and standing.next_check_at <= result.at
    if not check.is_outdated:
        _note_result(standing, check, result)
    if not record.enabled:
        standing.next_check_at = None
    elif not planned:  # a save that came during the check has its own
        times = max(record.consecutive_errors, 1)
        standing.next_check_at, standing.next_reason = next_check(result, times)
    session.flush()


def _note_result(standing: ConnectorStanding, check: ConnectorCheck, result: Result) -> None:
    if standing.outcome != result.outcome:
        standing.since = result.at
    standing.check_id, standing.checked_at, standing.outcome = check.id, result.at, result.outcome
    standing.said, standing.remedy, standing.took_ms = check.said, check.remedy, check.took_ms
    if result.outcome == "passed":
        standing.account, standing.is_person = check.account, check.is_person
        standing.expires_at, standing.passed_at = check.expires_at, result.at
        standing.passed_record_version = check.record_version
        standing.passed_credential_version = check.credential_version
