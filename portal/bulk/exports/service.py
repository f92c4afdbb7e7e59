"""Begin an export: check it, count it, write its audit entry, and return its parts."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from flask import Flask, current_app
from pydantic import ConfigDict
from sqlalchemy.exc import DBAPIError

from portal.bulk import selection
from portal.bulk.acts import Kind
from portal.bulk.exports import reading, writing
from portal.bulk.schemas import Filter
from portal.core.deadlines import PART_SECONDS, elapsed
from portal.core.errors import Conflict, Forbidden, RateLimited
from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.database.session import database_now, transaction
from portal.keys.tokens import askers
from portal.records import listing
from portal.records.audit import trail as audit
from portal.records.schemas import Command

MOST = 100_000
AT_ONCE = 3  # exports of one process, and one of each tenant
LONGEST = 900.0  # seconds after which an export is cut, at its next part
LONGEST_PLACE = LONGEST + 2 * PART_SECONDS  # seconds; then it is free even if nobody gave it back
MAY_STILL = 1.0  # seconds after which the rights of who asked are looked at again
NOT_HERE = frozenset({"limit", "cursor", "count"})
AWAY = "the database did not answer any more."
FAILED = "something failed on our side."
SLOW = "it was read too slowly."
LATE = f"it took longer than {LONGEST / 60:.0f} minutes."
NO_LONGER = "who asked for it may not read these records any more."
KIND_OF_ENTRY = "export"

log = structlog.stdlib.get_logger(__name__)


class ExportInput(Command):
    """The format of an export, and the records in it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    format: Literal["csv", "jsonl"] = "csv"
    """csv: RFC 4180 with the names of the fields in the first line; lists and objects are JSON, and
    what a spreadsheet would take as a formula has an apostrophe in front. jsonl: one JSON object a
    line."""
    filter: Filter = {}
    """Query parameters of the list of these records, such as {"status": "active"}, without those
    that page. An empty object matches all records."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is sent. `cut` ends it if it is read too slowly. `close` must be
    called, whether it was sent or not."""

    name: str
    media_type: str
    parts: Iterator[bytes]
    cut: bytes
    close: Callable[[], None]


@dataclass
class _Places:
    """The tenants whose exports run in this process, and since when."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    since: dict[str, float] = field(default_factory=dict)

    def take(self, tenant_id: str) -> Callable[[], None]:
        """Return a function that gives the place back. Raises RateLimited."""
        now = elapsed()
        with self.lock:
            self.since = {id: at for id, at in self.since.items() if now - at < LONGEST_PLACE}
            if tenant_id in self.since or len(self.since) >= AT_ONCE:
                raise RateLimited("Another export is running. Try again soon.", retry_after=5)
            self.since[tenant_id] = now

        def give_back() -> None:
            with self.lock:
                if self.since.get(tenant_id) == now:
                    del self.since[tenant_id]

        return give_back


_places = _Places()


def begin(actor: Actor, kind: Kind, command: ExportInput) -> Export:
    """Return an export of all records that the filter matches and that are open to the actor.

    Raises Invalid for a wrong filter, Conflict for more than MOST records, RateLimited while
    another export of the tenant runs.
    """
    actor.require(f"{kind.resource.scope}:read")
    query = selection.query_of(kind, command.filter, NOT_HERE)
    give_back = _places.take(actor.tenant_id)
    try:
        return _begun(actor, kind, command, query, give_back)
    except BaseException:
        give_back()
        raise


def _begun(
    actor: Actor,
    kind: Kind,
    command: ExportInput,
    query: listing.Query,
    give_back: Callable[[], None],
) -> Export:
    who = as_member(actor)
    count = listing.counted(who, kind.listing, query, MOST + 1)
    if count > MOST:
        raise Conflict(f"These are more than {MOST:,} records. Narrow the filter.")
    _note(actor, kind, command, count)
    rows = kind.resource.rows
    statement = listing.everything(who, kind.listing, query).with_only_columns(*rows.columns)
    written = writing.FORMATS[command.format]
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    found = reading.documents(app, who, rows, statement)
    check = _rights(app, who, f"{kind.resource.scope}:read")
    return Export(
        name=f"{kind.resource.name}-{database_now():%Y-%m-%d}.{command.format}",
        media_type=written.media_type,
        parts=_parts(written, rows.fields, _checked(found, check), give_back),
        cut=written.cut(SLOW),
        close=give_back,
    )


def _rights(app: Flask, actor: Actor, scope: str) -> Callable[[], None]:
    """Return a function that raises Forbidden once the actor may not read all of this any more."""
    asker = askers.kept(actor)

    def check() -> None:
        with app.app_context(), transaction(actor.tenant_id):
            now = askers.again(actor.tenant_id, asker)
        now.require(scope)
        if not actor.groups <= now.groups:
            raise Forbidden(NO_LONGER)

    return check


def _checked(
    found: Iterator[list[Mapping[str, Any]]], check: Callable[[], None]
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the same batches, and check before one that comes MAY_STILL after the last check."""
    checked = elapsed()
    for batch in found:
        if elapsed() - checked > MAY_STILL:
            check()
            checked = elapsed()
        yield batch


def _parts(
    written: writing.Written,
    fields: tuple[str, ...],
    found: Iterator[list[Mapping[str, Any]]],
    give_back: Callable[[], None],
) -> Iterator[bytes]:
    """Yield the parts of a file, then give the place back. If it cannot be completed, its last
    line says so: the status and the headers are sent already."""
    began = elapsed()
    yield written.head(fields)
    try:
        for batch in found:
            if elapsed() - began > LONGEST:
                yield written.cut(LATE)
                return
            yield written.lines(batch)
    except Forbidden:
        yield written.cut(NO_LONGER)
    except DBAPIError as error:
        log.warning("an export was cut", exc_info=error)
        yield written.cut(AWAY)
    except Exception as error:  # whatever it is, the file must say it
        log.error("an export was cut", exc_info=error)
        yield written.cut(FAILED)
    finally:
        give_back()


def _note(actor: Actor, kind: Kind, command: ExportInput, count: int) -> None:
    changes = {"format": command.format, "filter": command.filter, "records": count}
    audit.note(
        actor,
        f"{KIND_OF_ENTRY}.begun",
        record_kind=KIND_OF_ENTRY,
        record_id=kind.resource.name,
        record_name=f"{count:,} {kind.resource.singular}{'' if count == 1 else 's'}",
        changes={name: (None, value) for name, value in changes.items()},
    )
