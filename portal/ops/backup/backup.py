"""`portal backup`: save the whole database to one file, as of one moment, while the portal runs.

Row-level security applies to the owner of the tables too. So the backup connects as a read-only
role that is exempt from it; the operator creates the role. The file contains neither the
configuration with its secret keys nor the data in Vault.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from portal.core.config import Config
from portal.database import app_role
from portal.ops.backup import archive, postgres_programs
from portal.ops.secrets import key_rotation

MAY_READ = """
SELECT current_user, rolsuper OR rolbypassrls,
  (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
   AND relkind IN ('r', 'p', 'S') AND NOT has_table_privilege(oid, 'SELECT'))
FROM pg_roles WHERE rolname = current_user
"""
NOT_WRITTEN = (
    "No file was written. Look for what holds it up, such as a migration, and run this again."
)
MIGRATED = text("SELECT to_regclass('public.alembic_version')")
ABOUT = text("SELECT now(), version_num, (SELECT count(*) FROM tenant) FROM alembic_version")
MAKE_ROLE = (
    "Make it once, as a superuser: CREATE ROLE portal_backup LOGIN BYPASSRLS PASSWORD '…'; "
    "GRANT pg_read_all_data TO portal_backup; and name it in PORTAL_BACKUP_DATABASE_URL."
)


class BackupError(Exception):
    """A backup is impossible; the message says what to do."""


def url_of(config: Config) -> str:
    """Return the database URL of the role that may read everything.

    Raises BackupError if it is unset.
    """
    if config.backup_database_url is None:
        raise BackupError(f"A backup needs a role that may read every tenant's rows. {MAKE_ROLE}")
    return config.backup_database_url


def problems(connection: "psycopg.Connection[Any]") -> list[str]:
    """Return sentences about what prevents the connection's role from reading everything."""
    row = connection.execute(MAY_READ).fetchone()
    assert row is not None  # noqa: S101  the current role is always in pg_roles
    role, sees_all, closed = row
    found = []
    if not sees_all:
        found.append(f"{role} sees only rows of one tenant at a time: it has no BYPASSRLS.")
    if closed:
        found.append(f"{role} may not read {closed} of the tables: it is not in pg_read_all_data.")
    return found


def write(config: Config, path: Path) -> dict[str, Any]:
    """Write the backup file and return its manifest.

    Raises BackupError, ArchiveError, ToolError.
    """
    with app_role.refusals_as(BackupError, NOT_WRITTEN):
        return _write(config, path)


def _write(config: Config, path: Path) -> dict[str, Any]:
    with _moment(url_of(config)) as (reader, snapshot):
        connection: Any = reader.connection().connection.driver_connection
        if found := problems(connection):
            raise BackupError(f"{' '.join(found)} {MAKE_ROLE}")
        version = connection.info.server_version
        about = {**_about(config, reader), "server_version": version}
        program = postgres_programs.tool("pg_dump", version)
        # The portal has no large objects, and an operator's need rights of their own.
        how = ("--format=custom", "--no-blobs", f"--snapshot={snapshot}", "--no-password")
        dump = postgres_programs.output_of(program, url_of(config), *how)
        archive.write(path, dump, about)
    return {**about, "bytes": path.stat().st_size}


@contextmanager
def _moment(url: str) -> Iterator[tuple[Session, str]]:
    """Open a transaction on one snapshot; yield its session and the snapshot's exported name."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: app_role.connect(url),
        poolclass=NullPool,
        execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    )
    with Session(engine) as reader:
        reader.execute(text("SET idle_in_transaction_session_timeout = 0"))
        yield reader, str(reader.scalar(text("SELECT pg_export_snapshot()")))


def _about(config: Config, reader: Session) -> dict[str, Any]:
    """Describe the snapshot: whatever is said about the dump has to be read in its transaction."""
    row = reader.execute(ABOUT).one_or_none() if reader.scalar(MIGRATED) else None
    if row is None:
        raise BackupError("There is nothing to back up: the database was never migrated.")
    needed = Counter[str]()
    for _, under in key_rotation.standing(config, reader).each():
        needed.update(under)
    return {
        "made_at": row[0].isoformat(timespec="seconds"),
        "revision": row[1],
        "tenants": row[2],
        "secret_store": config.secret_store,
        "needs_keys": sorted(key_id for key_id in needed if key_id),
    }
