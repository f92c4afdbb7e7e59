"""Kill a move of secrets at each of its steps, and finish it each time; run as a program.

    python -m tests.secretstore.killed_moves DATABASE_URL BAO_ADDRESS BAO_TOKEN SOURCE

Each run is a process of its own, made with fork, which ends with SIGKILL before or after one call
of a store. It prints how many calls there were.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from flask import Flask

from portal.database.base import new_id
from portal.database.session import db, transaction
from portal.secretstore import SecretNotFound, SecretRef, SecretStore
from portal.secretstore.crypto import KeyRing
from portal.secretstore.embedded_store import EmbeddedStore
from portal.secretstore.move import MOVING, Report, move
from portal.secretstore.vault import StaticToken, Transport, VaultStore

KEY = "the-store-key-of-the-tests-0123456789"
WHY = "test"
WRITES = ("put", "delete", "undelete", "purge")


class Fatal:
    """A store in whose n-th change the process is killed, just before or just after it."""

    steps = 0

    def __init__(self, store: SecretStore, at: int) -> None:
        self._store, self._at = store, at

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self._store, verb)
        return self._counted(method) if verb in WRITES else method

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            self._one_more()
            result = method(*args, **kwargs)
            self._one_more()
            return result

        return step

    def _one_more(self) -> None:
        Fatal.steps += 1
        if Fatal.steps == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


class Drill:
    """Three secrets of one tenant, and what they must be after a move."""

    def __init__(self, url: str, address: str, token: str, source: str) -> None:
        self.url, self.address, self.token, self.source = url, address, token, source
        self.tenant_id = new_id("tnt")
        self.live = SecretRef(self.tenant_id, "connectors", new_id("cnn"), "credentials")
        self.deleted = SecretRef(self.tenant_id, "connectors", new_id("cnn"), "credentials")
        self.restored = SecretRef(self.tenant_id, "webhooks", new_id("whk"), "signing")

    def stores(self) -> tuple[SecretStore, SecretStore]:
        embedded = EmbeddedStore(KeyRing.derive([KEY]))
        vault = VaultStore(Transport(self.address), StaticToken(self.token))
        return (embedded, vault) if self.source == "embedded" else (vault, embedded)

    def prepare(self) -> None:
        source, _ = self.stores()
        with transaction(self.tenant_id):
            for ref in (self.live, self.deleted, self.restored):
                source.put(ref, {"n": "1"}, cas=0)
                source.put(ref, {"n": "2"}, cas=1)
            for ref in (self.deleted, self.restored):
                source.delete(ref)
            source.undelete(self.restored)
            source.put(self.restored, {"n": "3"}, cas=2)

    def move(self, at: int = 0) -> None:
        source, target = self.stores()
        report = Report()
        fatal: Any = (Fatal(source, at), Fatal(target, at))
        move(*fatal, self.tenant_id, report)
        assert report.failed == []

    def check(self) -> None:
        for store in self.stores():
            with transaction(self.tenant_id):
                assert store.get(self.live, reason=WHY) == {"n": "2"}
                assert store.get(self.live, version=1, reason=WHY) == {"n": "1"}
                assert self._unread(store, self.deleted, None)
                assert store.get(self.restored, reason=WHY) == {"n": "3"}
                assert store.get(self.restored, version=2, reason=WHY) == {"n": "2"}
                assert self._unread(store, self.restored, 1)
                assert MOVING not in store.kinds(self.tenant_id)
                versions = [store.head(ref).current_version for ref in self.refs]
                assert versions == [2, 2, 3]
        _, target = self.stores()
        with transaction(self.tenant_id):
            assert target.undelete(self.deleted).is_live
            assert target.get(self.deleted, reason=WHY) == {"n": "2"}

    @property
    def refs(self) -> tuple[SecretRef, ...]:
        return (self.live, self.deleted, self.restored)

    @staticmethod
    def _unread(store: SecretStore, ref: SecretRef, version: int | None) -> bool:
        try:
            store.get(ref, version=version, reason=WHY)
        except SecretNotFound as error:
            return error.deleted
        return False

    def apart(self, work: Callable[[], None]) -> int:
        """Do the work in a process of its own; return how it ended, as `os.wait` says."""
        sys.stdout.flush()
        if child := os.fork():
            return os.waitpid(child, 0)[1]
        app = Flask("drill")
        app.config["SQLALCHEMY_DATABASE_URI"] = self.url
        db.init_app(app)
        try:
            with app.app_context():
                work()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)


def main(url: str, address: str, token: str, source: str) -> None:
    at = ended = 0
    while at == 0 or ended:
        at += 1
        drill = Drill(url, address, token, source)

        def killed(drill: Drill = drill, at: int = at) -> None:
            drill.prepare()
            drill.move(at)

        def finished(drill: Drill = drill) -> None:
            drill.move()
            drill.check()

        ended = drill.apart(killed)
        assert ended in (0, signal.SIGKILL), ended
        assert drill.apart(finished) == 0, f"killed at step {at}"
    sys.stdout.write(f"killed at {at - 1} steps\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
