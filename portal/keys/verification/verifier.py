"""The engine of verification, one for each process.

It is made with the application and started by the first request, because a server may fork after it
has loaded the application.
"""

import os
import threading
from collections.abc import Iterable
from multiprocessing import util
from typing import Any, cast

import structlog
from flask import Flask, current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from portal.applications.models import Application
from portal.core.errors import NotSaving, PortalError
from portal.core.key_shape import LENGTH, is_well_formed
from portal.database.session import session
from portal.keys.decision import snapshot
from portal.keys.decision.clock import Clock
from portal.keys.decision.decision import MALFORMED, NOT_FOUND, SOURCE_LIMITED
from portal.keys.decision.format import digest
from portal.keys.decision.lookup_connections import LookupConnections, unavailable
from portal.keys.decision.snapshot import Snapshot
from portal.keys.limits.admission import CallAdmission
from portal.keys.limits.counting import BatchCounter
from portal.keys.models import ApiKey
from portal.keys.verification import unknown_keys
from portal.keys.verification.cache import Cache
from portal.keys.verification.change_listener import ChangeListener
from portal.keys.verification.denials import Denials
from portal.keys.verification.unknown_keys import FailedSources, Source
from portal.keys.verification.use_counts import INTERVAL, usage

log = structlog.stdlib.get_logger(__name__)

DENIAL_SECONDS = 2.0  # between writes of denials, and between returns of leases and slices
CHANGED = "keys changed in this transaction"


class KeyVerifier:
    """The objects with which this process verifies keys."""

    def __init__(self, app: Flask, database_url: str, stale_seconds: float) -> None:
        self._app = app
        self._url = database_url
        self._stale_seconds = stale_seconds
        self._lock = threading.Lock()
        self._process: int | None = None
        self._stopping = threading.Event()
        self._writer: threading.Thread | None = None
        self.watch: ChangeListener | None = None
        self._make()

    def _make(self) -> None:
        self.wire = LookupConnections(self._url)
        self.clock = Clock()
        self.cache = Cache()
        self.meters = CallAdmission(BatchCounter(self._url), self.clock)
        self.sources = FailedSources()
        self.denials = Denials()

    # ------------------------------------------------------------ finding a key

    def require_current(self) -> None:
        """Raise Unavailable if PostgreSQL has not answered for too long.

        The cache may then be stale, and a query would wait.
        """
        if self.watch is not None and not self.watch.is_current:
            raise unavailable()

    def require_current_for(self, raw: str) -> None:
        """Raise Unavailable if a credential may be a key, and PostgreSQL has not answered for too
        long.

        An access token of the identity provider is no key, whatever is known about keys.
        """
        if self.watch is not None and not self.watch.is_current and is_well_formed(raw):
            raise unavailable()

    def find(self, raw: str, source: Source | None = None) -> Snapshot | str:
        """Return the snapshot of a raw key, or the code that says why there is none.

        Raises Unavailable when the key is not cached and PostgreSQL does not answer, and for
        whatever has the form of a key when PostgreSQL has not answered for too long.
        """
        self.begin()
        self.require_current_for(raw)
        if (found := self.remembered(raw)) is not None:
            return found
        if not is_well_formed(raw):
            return MALFORMED
        hashed = digest(raw)
        if self.sources.wait(source):
            return SOURCE_LIMITED
        is_new = not self.cache.is_unknown(hashed)
        found = self.known(hashed)
        if found is None:
            self.note_unknown(source, is_new)
            return NOT_FOUND
        return found

    def remembered(self, raw: str) -> Snapshot | None:
        """Return the snapshot of a raw key if it is cached, otherwise None.

        The format is not checked: only well-formed keys are cached.
        """
        return self.cache.peek(digest(raw)) if len(raw) == LENGTH and raw.isascii() else None

    def is_worth_a_look(self, raw: str, source: Source | None) -> bool:
        """Tell whether a credential that is not cached may be a key of this portal."""
        if not is_well_formed(raw) or self.remembered(raw) is not None:
            return False
        return not self.cache.is_unknown(digest(raw)) and not self.sources.wait(source)

    def remember(self, raw: str) -> bool:
        """Cache the snapshot of a raw key, and tell whether there is such a key.

        An unknown key is not cached as one: `find` counts it when it first hears of it. Raises
        Unavailable like `find`.
        """
        try:
            self.cache.get(digest(raw), self._found)
        except LookupError:
            return False
        return True

    def _found(self, hashed: str) -> Snapshot:
        found = self.look_up(hashed)
        if found is None:
            raise LookupError
        return found

    def note_unknown(self, source: Source | None, is_new: bool) -> None:
        """Count an unknown key from a source. A new guess counts for all processes together.

        While the database cannot be written, each process counts for itself.
        """
        if source is not None:
            self.sources.note(source, self._noted_for_all(source) if is_new else None)

    def _noted_for_all(self, source: Source) -> tuple[int, float] | None:
        try:
            seen = self.wire.one(unknown_keys.NOTE, (unknown_keys.name_of(source),))
        except NotSaving:
            return None
        return None if seen is None else (seen[0], seen[1])

    def known(self, hashed: str) -> Snapshot | None:
        """Return the snapshot of a hash, from the cache or from PostgreSQL.

        Raises Unavailable like `find`.
        """
        self.require_current()
        return self.cache.get(hashed, self.look_up)

    def may_have_changed(self, key: Snapshot, asked_at: float) -> bool:
        """Tell whether a key that was read after `asked_at` (`elapsed`) may be another one by now,
        or changes are not heard. It costs no statement."""
        if self.watch is not None and not (self.watch.is_current and self.cache.is_open):
            return True
        is_after = self.meters.changes.is_after
        return any(is_after(asked_at, name) for name in key.depends_on)

    def look_up(self, hashed: str) -> Snapshot | None:
        """Return the snapshot of a hash as PostgreSQL has it now."""
        return snapshot.load(self.wire, hashed, self.clock)

    # ------------------------------------------------------------ the process's threads

    def begin(self) -> None:
        """Start the threads, once in a process. Tests start them by hand."""
        if self._process != os.getpid() and not self._app.testing:
            self.begin_now()

    def begin_now(self) -> None:
        """Start the threads, also in a test."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._make()  # objects inherited by a fork belong to the parent process
            self._stopping = threading.Event()
            mark = self._app.extensions["portal"].process_mark
            self.watch = ChangeListener(
                self._url, self.cache, self.meters, self.clock, self._stale_seconds, mark
            )
            self._writer = threading.Thread(target=self._write, name="key-writer", daemon=True)
            self.watch.start()
            try:
                self._writer.start()
            except (RuntimeError, MemoryError) as error:  # the next request starts both
                self.watch.leave()
                raise unavailable() from error
            # Not atexit: the worker process of a server does not run it.
            util.Finalize(None, self.end, exitpriority=10)
            self._process = os.getpid()

    def end(self) -> None:
        """Stop the threads, return leases and slices, and write the counts and denials."""
        if self._process != os.getpid():
            return
        self._process = None
        self._stopping.set()
        if self.watch is not None:
            self.watch.stop()
            self.watch = None
        if self._writer is not None:
            self._writer.join(5)
        self._give_back(everything=True)
        self.meters.counting.stop()
        self.flush()

    def flush(self) -> None:
        """Write the denials and the counts of uses."""
        try:
            self.denials.flush(self.wire)
        except PortalError as error:
            log.warning("refusals could not be written yet", reason=error.detail)
        except Exception:
            log.exception("refusals could not be written")
        with self._app.app_context():
            usage.flush()

    def _give_back(self, everything: bool = False) -> None:
        try:
            self.meters.return_slices(everything)
        except Exception as error:  # noqa: BLE001 - leases and slices expire anyway
            log.warning("leases and slices were not returned", reason=type(error).__name__)

    def _write(self) -> None:
        turns = 0
        while not self._stopping.wait(DENIAL_SECONDS):
            turns += 1
            self._give_back()
            try:
                if turns % int(INTERVAL / DENIAL_SECONDS) == 0:
                    self.flush()
                else:
                    self.denials.flush(self.wire)
            except Exception as error:  # noqa: BLE001 - the next turn retries
                log.warning("uses or refusals are not written yet", reason=type(error).__name__)


# ---------------------------------------------------------------- the running application


def engine() -> KeyVerifier:
    """Return the engine of the running application."""
    return cast(KeyVerifier, current_app.extensions["keys"])


def init_app(app: Flask, database_url: str, stale_seconds: float) -> KeyVerifier:
    """Make the engine of an application; see PORTAL_VERIFY_STALE for `stale_seconds`."""
    made = KeyVerifier(app, database_url, stale_seconds)
    app.extensions["keys"] = made
    app.before_request(made.begin)
    return made


def changed(names: Iterable[str]) -> None:
    """Drop the snapshots of these records in this process when the transaction commits.

    Statements that change keys without loading them need this.
    """
    session.info.setdefault(CHANGED, set()).update(names)


@event.listens_for(Session, "after_flush")
def _note_changes(current: Session, flush: Any) -> None:
    if names := {r.id for r in current.dirty if isinstance(r, ApiKey | Application)}:
        current.info.setdefault(CHANGED, set()).update(names)


@event.listens_for(Session, "after_commit")
def _forget_changed(current: Session) -> None:
    # The process that changes a key does not wait for the notice.
    names = current.info.pop(CHANGED, None)
    if names and current_app and "keys" in current_app.extensions:
        engine().cache.evict(names)
        engine().meters.forget(names)


@event.listens_for(Session, "after_rollback")
def _keep_unchanged(current: Session) -> None:
    current.info.pop(CHANGED, None)
