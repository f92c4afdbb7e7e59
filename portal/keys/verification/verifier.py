"""The parts of verification, one set a process: made with the application, begun with the first
question, because a server may fork after it has loaded the application.
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
from portal.core.errors import PortalError
from portal.core.key_shape import LENGTH, is_well_formed
from portal.database.session import session
from portal.keys.decision import snapshot
from portal.keys.decision.clock import Clock
from portal.keys.decision.decision import MALFORMED, NOT_FOUND, SOURCE_LIMITED
from portal.keys.decision.format import digest
from portal.keys.decision.lookup_connections import Wire, away
from portal.keys.decision.snapshot import Snapshot
from portal.keys.limits.admission import Meters
from portal.keys.limits.counting import Counting
from portal.keys.models import ApiKey
from portal.keys.verification import unknown_keys
from portal.keys.verification.cache import Cache
from portal.keys.verification.change_listener import Watch
from portal.keys.verification.denials import Denials
from portal.keys.verification.unknown_keys import FailedSources
from portal.keys.verification.use_counts import INTERVAL, usage
from portal.outbound.networks import Address

log = structlog.stdlib.get_logger(__name__)

DENIAL_SECONDS = 2.0  # until a refusal's trace is written, and what was lent goes back
CHANGED = "keys changed in this transaction"


class Engine:
    """What this process verifies keys with."""

    def __init__(self, app: Flask, database_url: str, stale_seconds: float) -> None:
        self._app = app
        self._url = database_url
        self._stale_seconds = stale_seconds
        self._lock = threading.Lock()
        self._process: int | None = None
        self._stopping = threading.Event()
        self._writer: threading.Thread | None = None
        self.watch: Watch | None = None
        self._make()

    def _make(self) -> None:
        self.wire = Wire(self._url)
        self.clock = Clock()
        self.cache = Cache()
        self.meters = Meters(Counting(self._url), self.clock)
        self.sources = FailedSources()
        self.denials = Denials()

    # ------------------------------------------------------------ finding a key

    def require_current(self) -> None:
        """Raise Unavailable if the database has not been heard for too long: what is remembered may
        be old, and what is asked would wait."""
        if self.watch is not None and not self.watch.is_current:
            raise away()

    def find(self, raw: str, source: Address | None = None) -> Snapshot | str:
        """Return what is known of a raw key, or the code that says why nothing is.

        Raises Unavailable when it is not remembered and the database does not answer, and when the
        database has not been heard for too long.
        """
        self.begin()
        self.require_current()
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
        """Return the snapshot of a raw key that was asked for before; it was well-formed then."""
        return self.cache.peek(digest(raw)) if len(raw) == LENGTH and raw.isascii() else None

    def note_unknown(self, source: Address | None, is_new: bool) -> None:
        """One more unknown key from a source: a new guess counts for all processes together."""
        if source is not None:
            seen = (
                self.wire.one(unknown_keys.NOTE, (unknown_keys.name_of(source),))
                if is_new
                else None
            )
            self.sources.note(source, seen)

    def known(self, hashed: str) -> Snapshot | None:
        """Return the key of a hash, remembered or asked for."""
        return self.cache.get(hashed, self.look_up)

    def look_up(self, hashed: str) -> Snapshot | None:
        """Return the key of a hash as the database has it now."""
        return snapshot.load(self.wire, hashed, self.clock)

    # ------------------------------------------------------------ the process's threads

    def begin(self) -> None:
        """Listen and write from now on; does nothing the second time. Tests begin by hand."""
        if self._process != os.getpid() and not self._app.testing:
            self.begin_now()

    def begin_now(self) -> None:
        """Begin, also under test."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._make()  # what was inherited by a fork belongs to the parent
            self._stopping = threading.Event()
            mark = self._app.extensions["portal"].key_mark
            self.watch = Watch(
                self._url, self.cache, self.meters, self.clock, self._stale_seconds, mark
            )
            self.watch.start()
            self._writer = threading.Thread(target=self._write, name="key-writer", daemon=True)
            self._writer.start()
            # Not atexit: a server's worker process ends without it.
            util.Finalize(None, self.end, exitpriority=10)
            self._process = os.getpid()

    def end(self) -> None:
        """Stop listening, and write what was gathered."""
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
        """Write what was gathered of uses and refusals."""
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
        except Exception as error:  # noqa: BLE001 - whatever it is, what is lent ends by itself
            log.warning("what was lent was not returned", reason=type(error).__name__)

    def _write(self) -> None:
        turns = 0
        while not self._stopping.wait(DENIAL_SECONDS):
            turns += 1
            self._give_back()
            if turns % int(INTERVAL / DENIAL_SECONDS) == 0:
                self.flush()
                continue
            try:
                self.denials.flush(self.wire)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next turn may do
                log.warning("refusals could not be written yet", reason=type(error).__name__)


# ---------------------------------------------------------------- of the running application


def engine() -> Engine:
    """Return the engine of the running application."""
    return cast(Engine, current_app.extensions["keys"])


def init_app(app: Flask, database_url: str, stale_seconds: float) -> Engine:
    """Give an application its engine; see PORTAL_VERIFY_STALE for `stale_seconds`."""
    made = Engine(app, database_url, stale_seconds)
    app.extensions["keys"] = made
    app.before_request(made.begin)
    return made


def changed(names: Iterable[str]) -> None:
    """Forget these records' snapshots in this process when the running transaction commits; for
    statements that change keys without loading them."""
    session.info.setdefault(CHANGED, set()).update(names)


@event.listens_for(Session, "after_flush")
def _note_changes(current: Session, flush: Any) -> None:
    if names := {r.id for r in current.dirty if isinstance(r, ApiKey | Application)}:
        current.info.setdefault(CHANGED, set()).update(names)


@event.listens_for(Session, "after_commit")
def _forget_changed(current: Session) -> None:
    # In the process that changes a key nobody waits for a notice.
    names = current.info.pop(CHANGED, None)
    if names and current_app and "keys" in current_app.extensions:
        engine().cache.evict(names)
        engine().meters.forget(names)


@event.listens_for(Session, "after_rollback")
def _keep_unchanged(current: Session) -> None:
    current.info.pop(CHANGED, None)
