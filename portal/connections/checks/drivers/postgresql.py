"""Log in to a PostgreSQL server, and ask for the user's name.

The connection to the server is our own: it goes to the address that was guarded, and its
certificate is checked as for HTTPS. libpq speaks through it, over a socket that only this process
can reach; so it resolves no name, dials nothing, and needs no certificate in a file.
"""

import asyncio
import re
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from portal.connections.checks.drivers.dialled import CHECK_THE_PORT, dial, failed_tls, unchecked
from portal.connections.checks.progress import Stopped
from portal.connections.checks.report import Failure
from portal.connections.checks.sign_in.signers import presenting
from portal.connections.checks.visit import HEAD_SECONDS, Visit
from portal.outbound import Dialled
from portal.providers.filling import fill
from portal.providers.steps import PostgresLogin, Verdict

PORTS = (5432,)
AUTHENTICATION_SASL = re.compile(rb"R....\0\0\0\x0a", re.DOTALL)
# Also in the message that ends the exchange (12): libpq proves the password before it minds.
CHALLENGE = re.compile(rb"R....\0\0\0[\x0b\x0c](r=.*)", re.DOTALL)
# RFC 5802, 7, without extensions, which libpq refuses.
ITERATIONS = re.compile(rb"r=[^,]*,s=[^,]*,i=([0-9]{1,10})")
MOST_ITERATIONS = 100_000  # PostgreSQL's default is 4,096
SSL_REQUEST = struct.pack("!II", 8, 80877103)
MOST_BYTES = 256 * 1024
_PORT = 5432
QUESTION = """
SELECT current_user::text AS user, current_database()::text AS database,
    current_setting('server_version') AS version,
    CASE WHEN rolvaliduntil < 'infinity' THEN rolvaliduntil END AS rolvaliduntil,
    rolsuper AS superuser, rolcreaterole AS createrole, rolcreatedb AS createdb,
    rolreplication AS replication, rolbypassrls AS bypassrls
FROM pg_catalog.pg_roles WHERE rolname = current_user
"""
ATTRIBUTES = ("superuser", "createrole", "createdb", "replication", "bypassrls")
_NO_TLS = Failure(
    "config",
    "The server does not offer an encrypted connection.",
    "Turn TLS on at the server (ssl = on in postgresql.conf).",
)
_NOT_POSTGRESQL = Failure(
    "config", "The server does not speak PostgreSQL's protocol.", CHECK_THE_PORT
)
_CLOSED = Failure(
    "transient",
    "The server closed the connection, or did not answer in time.",
    "Check again; if it stays so, look into the server's log.",
)
_TOO_MANY_ITERATIONS = Failure(
    "config",
    f"The server asks for more than {MOST_ITERATIONS:,} iterations to prove the password (SCRAM).",
    "Lower scram_iterations in postgresql.conf, and set the role's password anew.",
)
_NO_PASSWORD = Failure(
    "auth_invalid",
    "The server asks this user for a password, and no certificate is enough.",
    "Let the role sign in with its certificate (cert in pg_hba.conf), or use a password.",
)
_UNCHECKED = "Encrypted, but the server's certificate is not checked: the setting is “require”."
_VERIFY = "Use “verify-full”, so that nobody can pose as the server."

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_MEANINGS: dict[str, tuple[Verdict, str, str]] = {
    "28P01": (
        "auth_invalid",
        "The server refuses the user name or the password.",
        "Check both; if in doubt, give the role a new password and enter it.",
    ),
    "28000": (
        "auth_invalid",
        "The server does not let this user in from here, or not in this way.",
        "Check the user name, its certificate, and the rules of pg_hba.conf.",
    ),
    "3D000": (
        "config",
        "The server has no database of this name.",
        "Check the name of the database.",
    ),
    "42501": (
        "auth_scope",
        "The user may not connect to this database.",
        "Grant the role CONNECT on the database.",
    ),
    "53300": (
        "transient",
        "The server has no connection left.",
        "Check again later, or raise the limit of connections.",
    ),
    "57P03": ("transient", "The server is starting or stopping.", "Check again later."),
}
_AFTER_SIGN_IN = ("3D000", "42501")


class Tunnel:
    """Pass on what the server says to libpq, message by message."""

    def __init__(self) -> None:
        self.error: dict[str, str] = {}
        self.is_broken = False
        self.is_too_costly = False
        self._held = b""
        self._room = MOST_BYTES

    def through(self, chunk: bytes) -> bytes:
        """Return the messages that are complete, as libpq is to see them."""
        self._held += chunk
        self._room -= len(chunk)
        passed = b""
        while len(self._held) >= 5:
            length = int.from_bytes(self._held[1:5])
            self.is_broken |= not 4 <= length <= MOST_BYTES
            if self.is_broken or len(self._held) <= length:
                break
            message, self._held = self._held[: length + 1], self._held[length + 1 :]
            if not self._is_bearable(message):
                self.is_broken = True
                break
            passed += self._seen(message)
        self.is_broken |= self._room < 0
        return passed

    def _is_bearable(self, message: bytes) -> bool:
        """Tell whether libpq may see a message: no challenge of SCRAM with too many iterations.

        libpq does them all at once, so no other check goes on meanwhile, and no limit of time
        holds.
        """
        challenge = CHALLENGE.match(message)
        if challenge is None:
            return True
        found = ITERATIONS.fullmatch(challenge[1])
        self.is_too_costly = found is not None and int(found[1]) > MOST_ITERATIONS
        return found is not None and not self.is_too_costly

    def _seen(self, message: bytes) -> bytes:
        if message[:1] == b"E" and not self.error:
            # libpq does not tell the code of an error that ends a login.
            parts = (part.decode("utf-8", "replace") for part in message[5:].split(b"\0") if part)
            self.error = {part[:1]: part[1:] for part in parts}
        if AUTHENTICATION_SASL.match(message):
            # libpq sees no TLS, so it would take the offer to bind to TLS for an attack.
            body = message[5:].replace(b"SCRAM-SHA-256-PLUS\0", b"")
            return b"R" + (len(body) + 4).to_bytes(4) + body
        return message


async def prove(visit: Visit, login: PostgresLogin) -> tuple[str | None, dict[str, Any]]:
    """Log in, and return the account and the answer to our question. Raises Stopped."""
    values = visit.values
    dialled = await dial(visit, fill(login.host, values), fill(login.port, values), PORTS)
    try:
        reader, writer = await _secured(visit, login, dialled)
    except BaseException:
        dialled.socket.close()
        raise
    tunnel = Tunnel()
    try:
        async with _served(reader, writer, tunnel) as folder:
            answer = await _read_facts(visit, login, folder)
    except (psycopg.Error, TimeoutError, UnicodeError) as error:
        if isinstance(error, psycopg.Error) and error.pgconn and error.pgconn.needs_password:
            raise Stopped(_NO_PASSWORD) from None
        raise await _stopped(visit, tunnel) from None
    finally:
        writer.transport.abort()
    account = visit.quotes.clean(f"{answer['user']}@{answer['database']}")
    version = visit.quotes.clean(answer["version"], 40)
    await visit.progress.passed("who", f"PostgreSQL {version} knows the user.")
    attributes = [name for name in ATTRIBUTES if answer.get(name)]
    return account or None, {**answer, "attributes": attributes}


async def _secured(
    visit: Visit, login: PostgresLogin, dialled: Dialled
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return encrypted streams to the server, and tell the step."""
    mode = fill(login.sslmode, visit.values)
    trust = _trust(visit, login, mode)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            await loop.sock_sendall(dialled.socket, SSL_REQUEST)
            # One byte and no more: what follows is TLS, so nothing can be slipped in before it.
            offered = await loop.sock_recv(dialled.socket, 1)
            if offered != b"S":
                raise Stopped(_NO_TLS if offered == b"N" else _NOT_POSTGRESQL)
            streams = await dialled.secured(trust)
    except OSError as error:
        raise failed_tls(error) from None
    if mode == "require":
        await visit.progress.warned("tls", _UNCHECKED, _VERIFY)
    else:
        secure = streams[1].get_extra_info("ssl_object")
        await visit.progress.passed("tls", f"{secure.version()}.")
    return streams


def _trust(visit: Visit, login: PostgresLogin, mode: str) -> ssl.SSLContext:
    certificate = visit.fill(login.certificate) if login.certificate else ""
    key = visit.fill(login.key) if login.key else ""
    trust = presenting(visit, certificate, key)
    trust.set_alpn_protocols(["postgresql"])
    if mode == "require":
        return unchecked(trust)
    trust.check_hostname = mode != "verify-ca"
    return trust


@asynccontextmanager
async def _served(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tunnel: Tunnel
) -> AsyncIterator[str]:
    """Yield a directory with a socket that leads to the server, for one connection."""
    tasks: list[asyncio.Task[None]] = []

    async def join(own: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if tasks:
            back.transport.abort()
            return
        tasks.append(asyncio.create_task(_pump(own, writer, None)))
        tasks.append(asyncio.create_task(_pump(reader, back, tunnel)))

    with tempfile.TemporaryDirectory(prefix="check-") as folder:  # of mode 0700
        path = Path(folder) / f".s.PGSQL.{_PORT}"
        server = await asyncio.start_unix_server(join, path)
        try:
            yield folder
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, tunnel: Tunnel | None
) -> None:
    try:
        while chunk := await source.read(16 * 1024):
            sink.write(tunnel.through(chunk) if tunnel else chunk)
            if tunnel and tunnel.is_broken:
                break
            await sink.drain()
    except OSError:
        pass
    finally:
        with suppress(OSError, RuntimeError):
            sink.close()


async def _read_facts(visit: Visit, login: PostgresLogin, folder: str) -> dict[str, Any]:
    values = visit.values
    password = fill(login.password, values) if login.password and not login.certificate else None
    async with asyncio.timeout(HEAD_SECONDS):
        connection = await psycopg.AsyncConnection.connect(
            host=folder,
            port=_PORT,
            user=fill(login.username, values),
            password=password,
            dbname=fill(login.database, values),
            passfile=str(Path(folder) / "none"),
            sslmode="disable",  # the tunnel is encrypted
            gssencmode="disable",
            application_name="cPod check",
            autocommit=True,
            row_factory=dict_row,
        )
        async with connection:
            said = "The server accepts the credentials."
            await visit.progress.passed("sign_in", said)
            await connection.execute("SET default_transaction_read_only = on")
            found = await (await connection.execute(QUESTION)).fetchone()
    if found is None:
        raise Stopped(_NOT_POSTGRESQL)
    return found


async def _stopped(visit: Visit, tunnel: Tunnel) -> Stopped:
    """Return the end of a check by the error that the server sent, if it sent one."""
    if tunnel.is_too_costly:
        return Stopped(_TOO_MANY_ITERATIONS)
    error = tunnel.error
    code = error.get("C", "")
    if not code:
        return Stopped(_NOT_POSTGRESQL if tunnel.is_broken else _CLOSED)
    if code in _AFTER_SIGN_IN and visit.progress.is_pending("sign_in"):
        await visit.progress.passed("sign_in", "The server accepts the credentials.")
    shown = visit.quotes.clean(code, 5)
    unknown = (
        f"The server answered with the error {shown}, which this check does not know.",
        "Look the error up in PostgreSQL's documentation, and into the server's log.",
    )
    verdict, said, remedy = _MEANINGS.get(code, ("config", *unknown))
    text = visit.quotes.clean(error.get("M", ""))
    return Stopped(Failure(verdict, said + (f" It says: “{text}”" if text else ""), remedy))
