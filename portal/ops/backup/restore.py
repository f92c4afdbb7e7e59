"""`portal restore`: load a backup into an empty database, and check that it is usable.

It runs as the owner of the tables, all or nothing. At the end it checks, as the portal's role, that
row-level security is on and applies to the role, that every key is configured and that a secret can
be decrypted.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from portal import migrations
from portal.core.config import Config
from portal.core.embedded_urls import APP_ROLE
from portal.core.errors import PortalError
from portal.core.root_keys import SHORT
from portal.database import app_role
from portal.database.session import transaction
from portal.ops import migrate
from portal.ops.backup import archive, postgres_programs
from portal.ops.backup.rights import Rights, entries
from portal.ops.backup.server_objects import EXTENSIONS, ServerObjects
from portal.ops.secrets import key_rotation
from portal.secretstore import SecretNotFound, all_refs, store

TARGET = """
WITH of_extensions AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND ('pg_class'::regclass, oid) NOT IN (TABLE of_extensions))
    + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND ('pg_proc'::regclass, oid) NOT IN (TABLE of_extensions)),
  EXISTS (SELECT FROM pg_roles WHERE rolname = %s),
  current_user, (SELECT array_agg(rolname::text) FROM pg_roles)
"""
NEW_SETTING, LINES_OF_SETTINGS = b"SET transaction_timeout = 0;\n", 40
"""A line near the beginning of each script of pg_restore 17 and newer; older servers refuse it."""

OF_THE_OWNER = re.compile(
    rb"^(CREATE POLICY (?:engine|credential) ON public\.\w+ FOR SELECT TO ).+?( USING \()"
)
"""A policy that lets the functions of the owner read. The new owner may be another role, and this
server need not have the old one."""

NOT_PROVED = "The data was restored; let portal doctor say whether all is there."


class RestoreError(Exception):
    """Nothing was restored; the message says what to do."""


class NotUsable(Exception):
    """The data was restored, but something else is missing; the message says what to do."""


def fill(config: Config, path: Path) -> tuple[dict[str, Any], list[str]]:
    """Load the file into the empty database and migrate it. Return the file's manifest, and
    sentences about what was left out.

    Raises RestoreError, ArchiveError, ToolError; then the database stays empty.
    """
    manifest, url = archive.read(path), migrate.owner_url(config)
    newest = migrations.head() or ""
    if manifest["revision"] > newest:
        raise RestoreError(
            f"The backup is of a newer release (revision {manifest['revision']}; this one knows "
            f"{newest}). Restore it with that release."
        )
    with app_role.refusals_as(RestoreError, "Nothing was restored: run this again."):
        version, allowed = _require_empty(url, manifest)
    _pour(path, url, allowed, postgres_programs.tool("pg_restore", version), version)
    with (
        app_role.refusals_as(NotUsable, "The data was restored: run portal migrate."),
        app_role.connect(url) as connection,
    ):
        connection.execute("SET statement_timeout = 0")
        connection.execute("ANALYZE")
    migrate.upgrade(url)
    return manifest, allowed.rights.left_out() + allowed.objects.left_out()


class Allowed(NamedTuple):
    """The rights and objects that the role which restores can make on this server."""

    rights: Rights
    objects: ServerObjects


def _pour(path: Path, url: str, allowed: Allowed, program: Path, version: int) -> None:
    """Pipe the scripts of pg_restore into psql, which runs them in one transaction."""
    whole = ("--set=ON_ERROR_STOP=1", "--no-psqlrc", "--quiet", "--file=-")
    psql = program.with_name("psql")
    with _script(path, url, program, "--section=pre-data") as source:
        allowed.objects.note_functions(source)
    with (
        _chosen(path, url, program, allowed.objects.kept) as kept,
        postgres_programs.input_of(psql, url, *whole, "--no-password") as target,
    ):
        # psql cannot tell a script that was cut off from a whole one, and its --single-transaction
        # commits both. So it commits on our word, which it gets after pg_restore has succeeded.
        target.write(b"BEGIN;\n")
        with _script(path, url, program, kept, "--section=pre-data", "--section=data") as source:
            target.writelines(_understood(islice(source, LINES_OF_SETTINGS), version))
            shutil.copyfileobj(source, target)
        _grant(path, url, allowed, program, target)
        with _script(path, url, program, kept, "--section=post-data") as source:
            lines = _understood(source, version)
            owned = (OF_THE_OWNER.sub(rb"\1CURRENT_USER\2", line) for line in lines)
            target.writelines(allowed.rights.policies(owned))
        target.write(b"COMMIT;\n")


def _grant(path: Path, url: str, allowed: Allowed, program: Path, target: IO[bytes]) -> None:
    """Pipe the grants of the dump into psql, apart from all else: no text of a row or a function
    can be taken for one."""
    with (
        _chosen(path, url, program, lambda all: entries(allowed.objects.kept(all))) as grants,
        _output(path, url, program, grants) as source,
    ):
        target.writelines(allowed.rights.granted(source))


@contextmanager
def _chosen(
    path: Path, url: str, program: Path, choose: Callable[[Iterable[bytes]], Iterable[bytes]]
) -> Iterator[str]:
    """Choose entries of the dump's table of contents, and yield the option that names them."""
    with tempfile.NamedTemporaryFile() as chosen:
        with _output(path, url, program, "--list") as contents:
            chosen.writelines(choose(contents))
        chosen.flush()
        yield f"--use-list={chosen.name}"


@contextmanager
def _script(path: Path, url: str, program: Path, *options: str) -> Iterator[IO[bytes]]:
    with _output(path, url, program, "--no-privileges", *options) as source:
        yield source


@contextmanager
def _output(path: Path, url: str, program: Path, *options: str) -> Iterator[IO[bytes]]:
    with (
        archive.dump_of(path) as dump,
        postgres_programs.output_of(
            program, url, "--file=-", "--no-owner", "--no-tablespaces", *options, source=dump
        ) as source,
    ):
        yield source


def _understood(lines: Iterable[bytes], version: int) -> Iterator[bytes]:
    """Yield the lines that a server of this version understands."""
    return (line for line in lines if version >= 170000 or line != NEW_SETTING)


def _require_empty(url: str, manifest: Mapping[str, Any]) -> tuple[int, Allowed]:
    """Return the server's version as libpq's number, and what can be restored there.

    Raises RestoreError if the database cannot accept the backup.
    """
    with app_role.connect(url) as connection:
        version = connection.info.server_version
        row: Any = connection.execute(TARGET, (APP_ROLE,)).fetchone()
        extensions: Any = connection.execute(EXTENSIONS).fetchone()
    assert row is not None  # noqa: S101  always one row
    things, has_role, owner, roles = row
    if things:
        raise RestoreError(
            "The database is not empty. Make a new one for the owner of the tables, and name it in "
            "PORTAL_MIGRATION_DATABASE_URL and PORTAL_DATABASE_URL; nothing was changed."
        )
    if not has_role:
        raise RestoreError(
            f"The role {APP_ROLE} is missing. Make it once, as a superuser: CREATE ROLE {APP_ROLE} "
            "LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD '…';"
        )
    theirs = manifest["server_version"] // 10000
    if version // 10000 < theirs:
        raise RestoreError(
            f"The backup is of PostgreSQL {theirs}, this server is of {version // 10000}: use one "
            "that is at least as new."
        )
    makable, present = (frozenset(names) for names in extensions)
    objects = ServerObjects(makable, present)
    return version, Allowed(Rights(frozenset(roles), owner), objects)


def prove(config: Config) -> str:
    """Check the restored data as the portal's role, decrypt a secret, and describe the result.

    Raises NotUsable. Call it outside a transaction.
    """
    with app_role.refusals_as(NotUsable, NOT_PROVED):
        return _prove(config)


def _prove(config: Config) -> str:
    with app_role.connect(config.database_url) as connection:
        if found := app_role.problems(connection):
            raise NotUsable(" ".join(found))
        if bare := app_role.open_tables(connection):
            raise NotUsable(
                f"Row-level security is missing on {bare}. It was missing when the backup was "
                "made: do not start the portal on it."
            )
        if hidden := app_role.hidden_tables(connection):
            raise NotUsable(
                f"Row-level security hides the rows of {hidden} from the portal's functions. It "
                "did when the backup was made: portal doctor says what to do."
            )
    if lost := key_rotation.standing(config).closed(config):
        keys = sorted({key_id[:SHORT] for under in lost.values() for key_id in under if key_id})
        raise NotUsable(
            f"No configured key opens {key_rotation.in_words(lost)}. "
            f"Add the key {', '.join(keys) or 'that they were made with'} behind the first in "
            "PORTAL_SECRET_KEY (or PORTAL_SECRET_STORE_KEY); portal doctor says when all is there."
        )
    return _open_one()


def _open_one() -> str:
    try:
        for tenant_id in key_rotation.tenants():
            with transaction(tenant_id):
                for ref in all_refs(store(), tenant_id):
                    with suppress(SecretNotFound):  # a deleted secret is kept for a while
                        store().get(ref, reason="proof of a restored backup")
                        return f"A stored secret opens ({ref.key})."
    except PortalError as error:
        raise NotUsable(f"No stored secret opens: {error}") from error
    return "No secret is stored, so none was opened."
