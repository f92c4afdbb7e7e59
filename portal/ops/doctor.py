"""`portal doctor`: check everything that the portal needs, and advise how to repair it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal import secretstore
from portal.core import deadlines
from portal.core.config import Config, ConfigError
from portal.core.root_keys import SHORT
from portal.database import app_role
from portal.migrations import head
from portal.ops import embedded_postgres, migrate
from portal.secretstore import Side, StoreHealth

STORE = "Secret store"
POOLER = "Connect to PostgreSQL itself, or to a pooler in session mode."
# PostgreSQL shows a value in its own form (5s for 5.000s), so the wanted one is set to be compared.
# On a local socket the settings for a lost peer are 0, whatever they are set to.
SHOWN = text("SELECT name, current_setting(name) FROM unnest(CAST(:names AS text[])) AS name")
WANTED = text("""
SELECT name, set_config(name, value, true)
FROM unnest(CAST(:names AS text[]), CAST(:values AS text[])) AS wanted (name, value)
""")


@dataclass(frozen=True)
class Finding:
    """The result of one check. `advice` says what to do; a healthy finding has none."""

    subject: str
    words: str
    advice: str = ""

    @property
    def healthy(self) -> bool:
        return not self.advice


def examine() -> Iterator[Finding]:
    """Yield every finding in the order of repair: later ones depend on earlier ones."""
    try:
        config = Config.from_environ()
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("Settings", problem, "Correct it; portal settings lists them all.")
        return
    yield Finding("Settings", f"complete, for {config.env}")
    checks: tuple[Callable[[Config], Finding], ...] = (
        database,
        role,
        row_security,
        waits,
        sessions,
        migrations,
        secret_store,
        secret_keys,
        backups,
        identity_provider,
        reverse_proxies,
    )
    for check in checks:
        try:
            finding = check(config)
        except (*app_role.REFUSALS, app_role.DatabaseUnreachable) as error:
            words = f"did not let it look at {check.__name__.replace('_', ' ')}"
            finding = Finding(
                "Database", f"{words}: {app_role.reason(error)}", "See what holds it up; run again."
            )
        yield finding
        if check is database and not finding.healthy:
            return


def database(config: Config) -> Finding:
    """Check that the database responds, and report its version."""
    if config.uses_embedded_database and not embedded_postgres.is_running(config.data_dir):
        return Finding(
            "Database", "the embedded PostgreSQL is not running", "Start it with make run."
        )
    try:
        with app_role.connect(config.database_url) as connection:
            version = connection.info.server_version
    except app_role.DatabaseUnreachable as error:
        advice = "Check PORTAL_DATABASE_URL, and that PostgreSQL runs and lets this machine in."
        refused = "unsupported startup parameter" in str(error)  # PgBouncer's words
        return Finding("Database", f"does not answer: {error}", POOLER if refused else advice)
    if version < 150000:
        return Finding(
            "Database",
            f"PostgreSQL {version // 10000} is too old",
            "Use PostgreSQL 18 (15 is the oldest that works).",
        )
    kind = "embedded" if config.uses_embedded_database else "external"
    return Finding("Database", f"PostgreSQL {version // 10000}.{version % 10000}, {kind}")


def role(config: Config) -> Finding:
    """Check that row-level security applies to the portal's role."""
    with app_role.connect(config.database_url) as connection:
        found = app_role.problems(connection)
        name = connection.info.user
    if found:
        return Finding(
            "Database role",
            " ".join(found),
            "Let PORTAL_DATABASE_URL name a role made with CREATE ROLE portal_app LOGIN "
            "NOSUPERUSER NOBYPASSRLS NOINHERIT; keep the owner for "
            "PORTAL_MIGRATION_DATABASE_URL.",
        )
    return Finding("Database role", f"{name}: no superuser, owns nothing, bound by row security")


def row_security(config: Config) -> Finding:
    """Check that row-level security divides every table with rows of tenants."""
    subject = "Row security"
    with app_role.connect(config.database_url) as connection:
        found = app_role.open_tables(connection)
        hidden = app_role.hidden_tables(connection)
        functions = app_role.open_functions(connection)
    if found:
        return Finding(
            subject,
            f"missing on {found}",
            "Stop the portal. Fill a new database with portal restore, or put right what somebody "
            "changed by hand.",
        )
    if hidden:
        return Finding(
            subject,
            f"hides the rows of {hidden} from the portal's functions",
            "Make a backup and fill a new database with portal restore; or, as the owner of the "
            "functions, ALTER POLICY … ON … TO CURRENT_USER the policies engine and credential.",
        )
    if functions:
        return Finding(
            subject,
            f"every role may call functions that read the rows of all tenants: {functions}",
            "As the owner of the tables, REVOKE EXECUTE ON FUNCTION … FROM PUBLIC for each.",
        )
    return Finding(subject, "on for every table with tenants' rows")


def waits(config: Config) -> Finding:
    """Check that every wait of a session is limited as the portal asked when it connected."""
    with _sessions(config):
        found = [*_differing_client(), *_differing_server()]
    if found:
        return Finding(
            "Deadlines",
            f"not what the portal sets when it connects: {', '.join(found)}",
            f"Something in between drops the settings of a connection. {POOLER}",
        )
    return Finding(
        "Deadlines", "statements, locks, idle transactions and lost connections end in time"
    )


def _differing_client() -> Iterator[str]:
    """Yield each limit of the client that is not in force, in words."""
    from portal.database.session import session

    connection: Any = session.connection().connection.driver_connection
    shown = connection.info.get_parameters()
    for name, wanted in deadlines.FOR_THE_CLIENT.items():
        if shown.get(name) != str(wanted):
            yield f"{name} of the client is {shown.get(name, 'not set')} (should be {wanted})"


def _differing_server() -> Iterator[str]:
    """Yield each limit of the server that is not in force, in words."""
    from portal.database.session import session

    limits = deadlines.for_the_server()
    names, values = list(limits), list(limits.values())
    shown: dict[str, str] = dict(session.execute(SHOWN, {"names": names}).all())
    wanted: dict[str, str] = dict(session.execute(WANTED, {"names": names, "values": values}).all())
    for name in limits:
        if shown[name] != wanted[name]:
            yield f"{name} is {shown[name]} (should be {wanted[name]})"


def sessions(config: Config) -> Finding:
    """Check that PostgreSQL allows enough connections, and that each one is a separate session."""
    from portal.ops import connections

    if not connections.are_sessions(config):
        return Finding("Connections", "a pooler gives them to others between transactions", POOLER)
    needed, allowed = connections.needed(config), connections.allowed(config)
    if allowed < needed:
        return Finding(
            "Connections",
            f"PostgreSQL lets {allowed} in, and this machine may take {needed} "
            f"(PORTAL_WEB_WORKERS={config.web_workers} and a worker)",
            "Raise max_connections, or the limit of the role or database; count the machines, too.",
        )
    return Finding("Connections", f"this machine may take {needed} of {allowed}")


def migrations(config: Config) -> Finding:
    """Check that the database is at the newest revision of the code."""
    try:
        found, newest = migrate.current(config.database_url), head()
    except psycopg.Error as error:
        return Finding("Migrations", f"cannot be read: {error}".strip(), "Run portal migrate.")
    if found == newest:
        return Finding("Migrations", f"at {found}, the newest")
    if migrate.is_newer(found):
        return Finding(
            "Migrations",
            f"at {found}, newer than this code ({newest})",
            "Deploy the code that made it, or migrate down with that code.",
        )
    return Finding(
        "Migrations", f"at {found or 'nothing'}, the newest is {newest}", "Run portal migrate."
    )


@contextmanager
def _sessions(config: Config) -> Iterator[None]:
    from flask import Flask

    from portal.database.session import db, init_database

    app = Flask("doctor")
    init_database(app, config.database_url)
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()


def secret_keys(config: Config) -> Finding:
    """Report which key each stored secret is under, and whether a key is missing."""
    from portal.ops.secrets import key_rotation

    subject, names = "Secret key", " ".join(key.id[:SHORT] for key in config.secret_key)
    try:
        with _sessions(config):
            found = key_rotation.standing(config)
    except SQLAlchemyError as error:
        reason = app_role.reason(error)
        return Finding(subject, f"what is stored cannot be read: {reason}", "Run portal migrate.")
    if lost := found.closed(config):
        return Finding(
            subject,
            f"none of {names} opens {key_rotation.in_words(lost)}",
            "Add the earlier one behind the first in PORTAL_SECRET_KEY or PORTAL_SECRET_STORE_KEY, "
            "restart, and run portal secret-key rotate.",
        )
    stored = key_rotation.in_words(dict(found.each())) or "nothing is stored under it yet"
    return Finding(subject, f"{names}: {stored}")


def backups(config: Config) -> Finding:
    """Check that a backup is possible, and report its role and program."""
    from portal.ops.backup import backup, postgres_programs

    if config.backup_database_url is None:
        return Finding("Backup", "no role for portal backup is named; other means may do")
    try:
        with app_role.connect(config.backup_database_url) as connection:
            found, name = backup.problems(connection), connection.info.user
            version = connection.info.server_version
        program = postgres_programs.tool("pg_dump", version)
    except (app_role.DatabaseUnreachable, postgres_programs.ToolError) as error:
        return Finding("Backup", str(error), "Check PORTAL_BACKUP_DATABASE_URL and pg_dump.")
    if found:
        return Finding("Backup", " ".join(found), backup.MAKE_ROLE)
    return Finding("Backup", f"{name} may read everything; {program}")


def secret_store(config: Config) -> Finding:
    """Check that the store is open and lets each side do its work, and report who can read
    credentials."""
    if config.vault_addr and config.secret_store == "vault":  # noqa: S105 - a kind of store
        return _vault(config, config.vault_addr)
    with _sessions(config):
        health = secretstore.build(config).health()
    return _sick(health, "embedded") or Finding(STORE, f"{health.sentence} {health.wall}")


def _vault(config: Config, place: str) -> Finding:
    """Check the Vault as each side that these settings have a role for."""
    web = secretstore.build(config).health() if config.has_web_login else None
    if web and (sick := _sick(web, f"{place}, web processes")):
        return sick
    if web and web.is_walled and not config.has_worker_login:
        there = "The role of the workers is not in these settings, so not checked."
        return Finding(STORE, f"{place}. {web.wall} {there}")
    worker = secretstore.build(config, Side.WORKER).health()
    if sick := _sick(worker, f"{place}, workers"):
        return sick
    if web is None:
        words = "The role of the web processes is not in these settings, so not checked."
    elif not config.has_worker_login:
        words = f"One role serves web processes and workers. {web.wall}"
    elif not web.is_walled:
        return Finding(STORE, f"{place}: two roles, but no wall between them", web.wall)
    else:
        words = f"{web.wall} Both roles are in these settings; web processes need only theirs."
    return Finding(STORE, f"{place}. {worker.sentence} {words}")


def _sick(health: StoreHealth, place: str) -> Finding | None:
    """Return a finding unless all is well."""
    if health.is_ok:
        return None
    return Finding(STORE, f"{place}: {health.title}", health.sentence)


def identity_provider(config: Config) -> Finding:
    """Check that the issuer's discovery document is reachable and names this issuer."""
    subject, issuer = "Identity provider", config.oidc_issuer
    try:
        body = _get_json(issuer.rstrip("/") + "/.well-known/openid-configuration")
    except (OSError, ValueError) as error:
        advice = "Check PORTAL_OIDC_ISSUER; its discovery document must be reachable from here."
        if config.uses_dev_provider:
            advice = "The development provider runs with make run."
        return Finding(subject, f"{issuer} does not answer: {error}", advice)
    if body.get("issuer") != issuer:
        return Finding(
            subject,
            f"{issuer} calls itself {body.get('issuer')}",
            "Set PORTAL_OIDC_ISSUER to exactly that name, if it is the right provider.",
        )
    return Finding(subject, f"{issuer} answers")


def reverse_proxies(config: Config) -> Finding:
    """Report the trusted proxies, whose word on the client's address counts."""
    trusted = config.trusted_proxies
    if not trusted:
        return Finding(
            "Proxies",
            "none is trusted, so the client is whoever connects (behind a proxy, the proxy)",
        )
    named = ", ".join(str(network) for network in trusted)
    if any(network.prefixlen == 0 for network in trusted):
        return Finding(
            "Proxies",
            f"{named}: whoever reaches the port chooses the address that they call from",
            "Let PORTAL_TRUSTED_PROXIES name only the networks that your proxies are in.",
        )
    return Finding("Proxies", f"X-Forwarded-For counts from {named}")


def _get_json(url: str, seconds: float = 5) -> dict[str, object]:
    """Return the JSON object at a URL from the settings, which needs no guard.

    Raises OSError, ValueError.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=seconds)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(1_000_000)
    except HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"HTTP {answer.status}")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found
