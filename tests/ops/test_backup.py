"""A backup file is complete or absent, and a restore ends by decrypting a secret."""

import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner, Result
from flask import Flask

from portal import migrations
from portal.core.config import libpq_url
from portal.core.root_keys import RootKey
from portal.ops import migrate
from portal.ops.backup import postgres_programs
from portal.ops.cli import main
from tests import ROOT
from tests.cast import ADA, Api, Provider, add_tenants
from tests.configs import config_of
from tests.databases import Database, fresh_database
from tests.network.conftest import until

KEY = secrets.token_hex(32)


def portal(*words: str, settings: dict[str, str]) -> Result:
    return CliRunner().invoke(main, words, env=settings)


def settings_of(database: Database, data_dir: Path, **more: str) -> dict[str, str]:
    return {
        "PORTAL_DATA_DIR": str(data_dir),
        "PORTAL_DATABASE_URL": database.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
        "PORTAL_SECRET_KEY": KEY,
        **more,
    }


@pytest.fixture
def reader(database: Database) -> Iterator[str]:
    """Yield the URL of a role made as the README says: it reads everything and changes nothing."""
    role = f"backup_{secrets.token_hex(4)}"
    database.sql(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'hunter2'")
    database.sql(f"GRANT pg_read_all_data TO {role}")
    try:
        yield database.app_url.replace("portal_app@", f"{role}:hunter2@")
    finally:
        database.sql(f"DROP OWNED BY {role}")
        database.sql(f"DROP ROLE {role}")


@pytest.fixture
def settings(database: Database, tmp_path: Path, reader: str) -> dict[str, str]:
    return settings_of(database, tmp_path / "var", PORTAL_BACKUP_DATABASE_URL=reader)


@pytest.fixture
def filled(settings: dict[str, str], database: Database) -> Database:
    """Return the database with two tenants, each with a webhook whose secret is stored."""
    from portal import create_app
    from portal.database.session import db, transaction
    from portal.secretstore import SecretRef, store

    add_tenants(database)
    app = create_app(config_of(settings))
    with app.app_context():
        for number, (tenant,) in enumerate(rows(database, "SELECT id FROM tenant ORDER BY id")):
            with transaction(tenant):
                ref = SecretRef(tenant, "webhooks", f"whk_{number:026}", "signing")
                store().put(ref, {"secret": "whsec_of_the_backup"}, cas=0)
        db.engine.dispose()
    return database


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]


def contents(database: Database) -> dict[str, list[str]]:
    """Return every row of every table as text.

    `key_verifier`, `key_use` and `key_hour` are left out, because processes of other tests write to
    them.
    """
    names = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND relname NOT IN ('key_verifier', 'key_use', 'key_hour')"
    )
    return {
        name: sorted(str(row) for row in rows(database, f"SELECT {name}::text FROM {name}"))
        for (name,) in rows(database, names)
    }


def walls(database: Database) -> list[tuple[Any, ...]]:
    """Return the row-level security, owners and grants of all tables, and those of functions."""
    tables = rows(
        database,
        "SELECT relname, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner),"
        " relacl::text, (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid)"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')"
        " ORDER BY relname",
    )
    functions = rows(
        database,
        "SELECT oid::regprocedure::text, prosecdef, pg_get_userbyid(proowner),"
        " coalesce(proacl, acldefault('f', proowner))::text,"
        " obj_description(oid, 'pg_proc') FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
    )
    return tables + functions


def test_a_backup_is_restored_elsewhere_and_a_secret_opens(
    filled: Database, settings: dict[str, str], empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    made = portal("backup", str(file), settings=settings)
    assert made.exit_code == 0, made.output
    assert "2 tenants" in made.output
    assert RootKey(KEY).id[:8] in made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    elsewhere = settings_of(empty_database, tmp_path / "elsewhere")
    back = portal("restore", str(file), settings=elsewhere)
    assert back.exit_code == 0, back.output
    assert "A stored secret opens (tnt-" in back.output
    assert contents(empty_database) == contents(filled)
    assert walls(empty_database) == walls(filled)
    assert migrate.current(empty_database.owner_url) == migrations.head()

    again = portal("restore", str(file), settings=elsewhere)
    assert again.exit_code == 1
    assert "The database is not empty" in again.output


@pytest.fixture
def owners(database: Database) -> Iterator[tuple[str, str]]:
    """Yield two roles that may own databases which are made after them."""
    names = f"owner_{secrets.token_hex(4)}", f"Owner of {secrets.token_hex(4)}"
    for name in names:
        database.sql(f'CREATE ROLE "{name}" LOGIN')
    yield names
    for name in names:
        database.sql(f'DROP ROLE "{name}"')


def restored_by(role: str, target: Database, file: Path) -> Result:
    """Let this role own the empty database, and restore the file into it."""
    target.sql(f'ALTER DATABASE {target.name} OWNER TO "{role}"')
    url = target.owner_url.replace("portal_owner@", f"{quote(role)}@")
    settings = settings_of(target, file.parent, PORTAL_MIGRATION_DATABASE_URL=url)
    return portal("restore", str(file), settings=settings)


def policies(database: Database, owner: str) -> list[tuple[Any, ...]]:
    """Return every policy, with a mark in the place of this owner."""
    return rows(
        database,
        "SELECT tablename, policyname, cmd, qual, with_check, permissive,"
        f" array_replace(roles, '{owner}', 'the owner')::text FROM pg_policies ORDER BY 1, 2",
    )


def test_keys_and_inbound_addresses_work_after_a_restore_by_another_owner(
    reader: str,
    settings: dict[str, str],
    token_provider: Provider,
    another_app: Callable[..., Flask],
    owners: tuple[str, str],
    empty_database: Database,
    database: Database,
    tmp_path: Path,
) -> None:
    """Also on a server that does not know the owner before."""
    here = another_app(PORTAL_SECRET_KEY=KEY)
    ada = Api(here.test_client(), token_provider.token(ADA))
    key = ada.create("api-keys")["key"]
    inbound = ada.create(
        "webhooks", name="From outside", direction="inbound", inbound_scheme="standard-webhooks"
    )

    def works(portal: Flask) -> None:
        caller = Api(portal.test_client(), ada.token)
        assert (caller.post("/api-keys/verify", {"key": key}).json or {})["code"] == "VALID"
        assert portal.test_client().post(f"/in/{inbound['id']}").status_code == 401

    works(here)
    first, second = owners
    file, again = tmp_path / "portal.backup", tmp_path / "again.backup"
    assert portal("backup", str(file), settings=settings).exit_code == 0
    back = restored_by(first, empty_database, file)
    assert back.exit_code == 0, back.output
    assert policies(empty_database, first) == policies(database, "portal_owner")
    works(another_app(PORTAL_SECRET_KEY=KEY, PORTAL_DATABASE_URL=empty_database.app_url))

    reads_it = {"PORTAL_BACKUP_DATABASE_URL": reader.replace(database.name, empty_database.name)}
    assert portal("backup", str(again), settings=settings | reads_it).exit_code == 0
    database.sql(f"ALTER ROLE {first} RENAME TO {first}_is_away")
    try:
        with fresh_database(f"{empty_database.name}_again", migrated=False) as other:
            back = restored_by(second, other, again)
            assert back.exit_code == 0, back.output
            assert policies(other, second) == policies(database, "portal_owner")
            works(another_app(PORTAL_SECRET_KEY=KEY, PORTAL_DATABASE_URL=other.app_url))
    finally:
        database.sql(f"ALTER ROLE {first}_is_away RENAME TO {first}")


@pytest.fixture
def analyst(own_database: Database) -> Iterator[str]:
    """Yield a role that an operator lets read events: with grants, by default, and by policies."""
    role = f'"Analyst of {secrets.token_hex(4)}"'
    for statement in (
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT ON event TO {role} WITH GRANT OPTION",
        f"GRANT SELECT (id, name) ON webhook TO {role}",
        f"GRANT EXECUTE ON FUNCTION current_tenant() TO {role}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE portal_owner GRANT SELECT ON TABLES TO {role}",
        f"CREATE POLICY look ON event FOR SELECT TO {role} USING (type <> E'a;\\nb')",
        "COMMENT ON POLICY look ON event IS 'for reports'",
        f"CREATE POLICY looks ON event AS RESTRICTIVE TO pg_monitor, {role} USING (true)",
    ):
        own_database.sql(statement)
    yield role
    own_database.sql(f"DROP OWNED BY {role}")
    own_database.sql(f"DROP ROLE {role}")


def rights_of(role: str, database: Database) -> list[str]:
    """Return what of a database depends on a role: rights, default privileges and policies."""
    bare = role.strip('"')
    found = rows(
        database,
        "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend JOIN pg_database d"
        f" ON d.oid = dbid WHERE datname = current_database() AND refobjid = '{role}'::regrole"
        " UNION ALL SELECT grantee || ' ' || column_name FROM information_schema.column_privileges"
        f" WHERE grantee = '{bare}' AND table_name = 'webhook'",
    )
    return sorted(text for (text,) in found)


def test_rights_of_a_role_that_the_other_server_lacks_are_left_out_and_named(
    analyst: str, own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file, bare = tmp_path / "portal.backup", analyst.strip('"')
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    own_database.sql(f'ALTER ROLE {analyst} RENAME TO "{bare} is away"')
    try:
        back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    finally:
        own_database.sql(f'ALTER ROLE "{bare} is away" RENAME TO {analyst}')
    assert back.exit_code == 0, back.output
    assert f"no role {bare} here" in back.output
    assert rights_of(analyst, empty_database) == []
    named = "SELECT policyname::text, roles::text FROM pg_policies WHERE policyname ~ '^look'"
    assert rows(empty_database, named) == [("looks", "{pg_monitor}")]
    own_database.sql(f"DROP OWNED BY {analyst}")
    own_database.sql("DROP POLICY IF EXISTS look ON event")
    assert walls(empty_database) == walls(own_database)


def test_rights_of_a_role_that_the_other_server_has_are_restored(
    analyst: str, own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 0, back.output
    assert "no role" not in back.output
    try:
        assert rights_of(analyst, empty_database) == rights_of(analyst, own_database)
        assert walls(empty_database) == walls(own_database)
    finally:
        empty_database.sql(f"DROP OWNED BY {analyst}")


def test_default_privileges_of_another_owner_are_left_out_and_named(
    analyst: str,
    owners: tuple[str, str],
    own_database: Database,
    empty_database: Database,
    tmp_path: Path,
) -> None:
    file = tmp_path / "portal.backup"
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    back = restored_by(owners[0], empty_database, file)
    assert back.exit_code == 0, back.output
    assert "default privileges of portal_owner" in back.output
    empty_database.sql(f"DROP OWNED BY {analyst}")


def extension(name: str, folder: Path, trusted: bool) -> None:
    """Write the files of an extension that makes one function."""
    (folder / "extension").mkdir(exist_ok=True)
    control = f"default_version = '1'\ntrusted = {str(trusted).lower()}\n"
    (folder / "extension" / f"{name}.control").write_text(control)
    script = f"""
        CREATE FUNCTION {name}() RETURNS int LANGUAGE sql RETURN 1;
        CREATE TABLE rows_{name} (n serial, plan text);
        SELECT pg_extension_config_dump('rows_{name}', '');
        SELECT pg_extension_config_dump('rows_{name}_n_seq', '');
    """
    (folder / "extension" / f"{name}--1.sql").write_text(script)


@pytest.fixture
def extended(own_database: Database) -> Iterator[Path]:
    """Give the database what an operator may add to it. Yield the folder of the extensions, which
    the server's user can read."""
    folder = Path(tempfile.mkdtemp(prefix="portal-extensions-"))
    folder.chmod(0o755)
    extension("of_superusers", folder, trusted=False)
    extension("of_owners", folder, trusted=True)
    for statement in (
        f"ALTER DATABASE {own_database.name} SET extension_control_path = '{folder}'",
        "CREATE EXTENSION of_superusers",
        "COMMENT ON EXTENSION of_superusers IS 'for figures'",
        "INSERT INTO rows_of_superusers (plan) VALUES ('nightly')",
        "GRANT SELECT ON rows_of_superusers TO pg_monitor",
        "GRANT EXECUTE ON FUNCTION of_superusers() TO pg_monitor",
        "CREATE EXTENSION of_owners",
        "CREATE PUBLICATION of_all FOR ALL TABLES",
        "CREATE PUBLICATION of_events FOR TABLE event, TABLES IN SCHEMA public",
        "COMMENT ON PUBLICATION of_events IS 'for reports'",
    ):
        own_database.sql(statement)
    yield folder
    shutil.rmtree(folder)


def portals(database: Database) -> dict[str, list[str]]:
    """Return the contents of the tables that no extension made."""
    found = contents(database)
    return {name: found[name] for name in found if not name.startswith("rows_of")}


@pytest.mark.parametrize("has", ["nothing", "the files", "the extension"])
def test_what_only_a_superuser_makes_is_left_out_and_named(
    has: str, extended: Path, own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    if has != "nothing":
        path = f"ALTER DATABASE {empty_database.name} SET extension_control_path = '{extended}'"
        empty_database.sql(path)
    if has == "the extension":
        empty_database.sql("CREATE EXTENSION of_superusers")
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 0, back.output
    assert portals(empty_database) == portals(own_database)
    assert "The rows of public.rows_of_superusers were left out" in back.output
    for name in ("of_all", "of_events"):
        assert f"The publication {name} was left out" in back.output
    assert ("The extension of_superusers" in back.output) is (has != "the extension")
    assert ("The extension of_owners" in back.output) is (has == "nothing")
    here = "SELECT count(*) FROM pg_extension WHERE extname = 'of_owners'"
    assert empty_database.sql(here) == (has != "nothing")


def moved(own_database: Database, empty_database: Database, tmp_path: Path) -> str:
    """Back up a database, restore it into the other one, and return the output."""
    file = tmp_path / "portal.backup"
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 0, back.output
    assert contents(empty_database) == contents(own_database)
    return back.output


def test_views_and_servers_of_an_operator_do_not_stop_a_restore(
    own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    for statement in (
        "CREATE SCHEMA bi",
        "CREATE MATERIALIZED VIEW bi.keys AS SELECT tenant_id FROM api_key",
        "COMMENT ON MATERIALIZED VIEW bi.keys IS 'for a dashboard'",
        "CREATE FOREIGN DATA WRAPPER far_away",
        "CREATE SERVER far FOREIGN DATA WRAPPER far_away",
        "COMMENT ON SERVER far IS 'for reports'",
        "CREATE USER MAPPING FOR CURRENT_USER SERVER far",
        "CREATE FOREIGN TABLE bi.elsewhere (id text) SERVER far",
        "COMMENT ON FOREIGN TABLE bi.elsewhere IS 'for reports'",
        "ALTER MATERIALIZED VIEW bi.keys OWNER TO portal_owner",
        "ALTER FOREIGN TABLE bi.elsewhere OWNER TO portal_owner",
        "GRANT SELECT ON bi.keys, bi.elsewhere TO PUBLIC",
        "GRANT USAGE ON FOREIGN SERVER far TO PUBLIC",
    ):
        own_database.sql(statement)
    said = moved(own_database, empty_database, tmp_path)
    assert "The rows of the materialized view bi.keys were left out" in said
    assert "The foreign table bi.elsewhere was left out" in said
    assert "The server far was left out" in said


def test_functions_and_large_objects_of_a_superuser_do_not_stop_a_restore(
    own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    for statement in (
        "CREATE FUNCTION quick(int) RETURNS bool IMMUTABLE LEAKPROOF LANGUAGE sql RETURN true",
        "COMMENT ON FUNCTION quick IS 'for reports'",
        "GRANT EXECUTE ON FUNCTION quick TO pg_monitor",
        "CREATE FUNCTION inside(int) RETURNS int LANGUAGE internal AS 'int4abs'",
        """CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE DEBUG '
    LANGUAGE of C, nor LEAKPROOF
        '; RETURN NEW; END $$""",
        "CREATE TRIGGER seen BEFORE UPDATE ON tenant FOR EACH ROW EXECUTE FUNCTION seen()",
        "SELECT lo_from_bytea(0, 'large')",
    ):
        own_database.sql(statement)
    said = moved(own_database, empty_database, tmp_path)
    for function in ("quick(integer)", "inside(integer)"):
        assert f"The function public.{function} was left out" in said
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgname = 'seen'"
    assert empty_database.sql(triggers) == 1


def test_a_table_in_a_tablespace_is_restored_where_there_is_none(
    own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    place, file = f"of_{own_database.name}", tmp_path / "portal.backup"
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    with psycopg.connect(libpq_url(own_database.superuser_url), autocommit=True) as operator:
        operator.execute("SET allow_in_place_tablespaces = on")
        operator.execute(f"CREATE TABLESPACE {place} LOCATION ''")
        operator.execute(f"ALTER TABLE search_term SET TABLESPACE {place}")
        portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
        operator.execute("ALTER TABLE search_term SET TABLESPACE pg_default")
        operator.execute(f"DROP TABLESPACE {place}")
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 0, back.output
    assert contents(empty_database) == contents(own_database)


def test_what_is_missing_is_said_when_the_root_key_is_not_there(
    filled: Database, settings: dict[str, str], empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    portal("backup", str(file), settings=settings)
    other = {"PORTAL_SECRET_KEY": secrets.token_hex(32)}
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path, **other))
    assert back.exit_code == 1
    assert "Restored 2 tenants" in back.output
    assert f"data keys of the secret store under {RootKey(KEY).id[:8]}" in back.output
    assert "PORTAL_SECRET_KEY" in back.output
    assert KEY not in back.output
    assert contents(empty_database)["tenant"] == contents(filled)["tenant"]


def test_a_restored_table_that_is_open_to_other_tenants_is_named(
    own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    own_database.sql("ALTER TABLE api_key DISABLE ROW LEVEL SECURITY")
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 1
    assert "Row-level security is missing on 1 of the " in back.output
    assert "tables with tenants' rows: api_key." in back.output


def test_a_restored_table_that_the_functions_of_the_portal_cannot_read_is_named(
    own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    own_database.sql("DROP POLICY engine ON api_key")
    own_database.sql("CREATE POLICY engine ON api_key TO pg_monitor USING (true)")
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 1
    assert "hides the rows of api_key from the portal's functions" in back.output


def test_a_restore_that_cannot_be_checked_for_a_lock_says_that_the_data_is_there(
    filled: Database, settings: dict[str, str], empty_database: Database, tmp_path: Path
) -> None:
    """The restore ends with a look at each tenant, whose table is locked once it has rows."""
    file = tmp_path / "portal.backup"
    portal("backup", str(file), settings=settings)
    with (
        psycopg.connect(libpq_url(empty_database.superuser_url)) as holder,
        subprocess.Popen(
            [sys.executable, "-m", "portal.ops.cli", "restore", str(file)],
            env={**os.environ, **settings_of(empty_database, tmp_path)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Restored 2 tenants")
        holder.execute("LOCK TABLE data_key IN ACCESS EXCLUSIVE MODE")
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "canceling statement due to lock timeout. The data was restored" in said
    assert "portal doctor" in said
    assert "Traceback" not in said


def test_the_file_names_keys_and_holds_none(
    filled: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    portal("backup", str(file), settings=settings)
    with tarfile.open(file) as archive:
        dump, manifest = archive.getmembers()
        about = json.loads(archive.extractfile(manifest).read())  # type: ignore[union-attr]
    assert about["revision"] == migrations.head()
    assert about["needs_keys"] == [RootKey(KEY).id]
    assert (about["tenants"], about["bytes"]) == (2, dump.size)
    whole = file.read_bytes()
    for hidden in (KEY, "whsec_of_the_backup", "hunter2"):
        assert hidden.encode() not in whole


def test_a_backup_that_waits_in_vain_for_a_table_says_so(
    database: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    with psycopg.connect(libpq_url(database.superuser_url)) as holder:
        holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        made = portal("backup", str(tmp_path / "portal.backup"), settings=settings)
    assert made.exit_code == 1
    assert "canceling statement due to lock timeout. No file was written" in made.output
    assert "run this again" in made.output
    assert list(tmp_path.glob("*backup*")) + list(tmp_path.glob(".*")) == []


def test_a_database_without_tables_has_nothing_to_back_up(
    empty_database: Database, tmp_path: Path
) -> None:
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": empty_database.superuser_url}
    settings = settings_of(empty_database, tmp_path, **reads_all)
    made = portal("backup", str(tmp_path / "portal.backup"), settings=settings)
    assert made.exit_code == 1
    assert "There is nothing to back up: the database was never migrated." in made.output


@pytest.mark.parametrize("role", ["owner_url", "app_url"])
def test_a_role_that_may_not_read_everything_is_told_what_it_lacks(
    filled: Database, settings: dict[str, str], tmp_path: Path, role: str
) -> None:
    file = tmp_path / "portal.backup"
    weak = settings | {"PORTAL_BACKUP_DATABASE_URL": getattr(filled, role)}
    made = portal("backup", str(file), settings=weak)
    assert made.exit_code == 1
    assert "no BYPASSRLS" in made.output
    assert "GRANT pg_read_all_data" in made.output
    assert list(tmp_path.glob("*backup*")) + list(tmp_path.glob(".*")) == []


def test_without_a_role_it_is_said_which_to_make(settings: dict[str, str], tmp_path: Path) -> None:
    none = settings | {"PORTAL_BACKUP_DATABASE_URL": ""}
    made = portal("backup", str(tmp_path / "portal.backup"), settings=none)
    assert made.exit_code == 1
    assert "PORTAL_BACKUP_DATABASE_URL" in made.output


def test_a_pg_dump_that_is_older_than_the_server_is_not_used() -> None:
    with pytest.raises(
        postgres_programs.ToolError, match="PostgreSQL 99, and pg_dump of at least that"
    ):
        postgres_programs.tool("pg_dump", 990001)
    assert postgres_programs.tool("pg_dump", 180004).name == "pg_dump"


def dumped(url: str) -> None:
    with postgres_programs.output_of(postgres_programs.tool("pg_dump", 180004), url) as dump:
        dump.read()


def poured(url: str) -> None:
    psql = postgres_programs.tool("psql", 180004)
    with postgres_programs.input_of(psql, url, "--file=-") as target:
        target.write(b"SELECT 1;")


@pytest.mark.parametrize("use", [dumped, poured])
def test_a_program_gives_up_on_a_server_that_does_not_answer(use: Callable[[str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://portal@127.0.0.1:{silent.getsockname()[1]}/portal"
        with pytest.raises(postgres_programs.ToolError, match="timeout expired"):
            use(url)


def test_a_vault_that_does_not_answer_is_said_at_the_end(
    filled: Database, settings: dict[str, str], empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    portal("backup", str(file), settings=settings)
    vault = {
        "PORTAL_SECRET_STORE": "vault",
        "PORTAL_VAULT_ADDR": "http://127.0.0.1:1",
        "PORTAL_VAULT_TOKEN": "t",
    }
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path, **vault))
    assert back.exit_code == 1
    assert "No stored secret opens" in back.output
    assert "Traceback" not in back.output


def test_nothing_is_overwritten(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "portal.backup"
    file.write_text("mine")
    made = portal("backup", str(file), settings=settings)
    assert made.exit_code == 1
    assert "exists already" in made.output
    assert file.read_text() == "mine"


def test_a_backup_that_is_ended_leaves_no_file(
    filled: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    look = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portal-backup'"
        " AND wait_event_type = 'Lock' AND datname = current_database()"
    )
    with psycopg.connect(libpq_url(filled.superuser_url)) as holder:
        holder.execute("LOCK TABLE write_probe IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.ops.cli", "backup", str(file)],
            env={**os.environ, **settings},
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: filled.sql(look) > 0)
        line = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        shown = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in line)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) != 0
    assert b"pg_dump" in shown
    assert b"hunter2" not in shown
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []
    until(lambda: filled.sql(look) == 0)


def begun(file: Path, settings: dict[str, str], database: Database, held_up: int) -> Any:
    """Begin a backup, and return its process when so many wait for a table that somebody locked."""
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.ops.cli", "backup", str(file)],
        env={**os.environ, **settings},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: database.waiting("LOCK TABLE%") == held_up)
    return process


def test_of_two_backups_with_one_name_the_first_is_whole_and_the_other_says_why_it_is_not(
    filled: Database, settings: dict[str, str], empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    with psycopg.connect(libpq_url(filled.superuser_url)) as holder:
        holder.execute("LOCK TABLE write_probe IN ACCESS EXCLUSIVE MODE")
        runs = [begun(file, settings, filled, number) for number in (1, 2)]
        drafts = [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]
    said = {run.communicate(timeout=60)[0]: run.returncode for run in runs}
    assert len(drafts) == 2
    assert sorted(said.values()) == [0, 1]
    assert f"{file} exists already" in next(words for words in said if said[words] == 1)
    assert [path for path in tmp_path.iterdir() if "backup" in path.name] == [file]
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 0, back.output


def test_a_file_that_appears_during_a_backup_is_not_overwritten(
    filled: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    with psycopg.connect(libpq_url(filled.superuser_url)) as holder:
        holder.execute("LOCK TABLE write_probe IN ACCESS EXCLUSIVE MODE")
        run = begun(file, settings, filled, 1)
        file.write_text("mine")
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 1
    assert "exists already" in said
    assert file.read_text() == "mine"


@pytest.mark.parametrize("harm", ["cut off", "changed", "another file"])
def test_a_harmed_file_restores_nothing(
    filled: Database, settings: dict[str, str], empty_database: Database, tmp_path: Path, harm: str
) -> None:
    file = tmp_path / "portal.backup"
    portal("backup", str(file), settings=settings)
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(
        {
            "cut off": whole[:middle],
            "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "another file": b"PGDMP" + whole[5:512],
        }[harm]
    )
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 1
    assert "no whole backup" in back.output or "damaged" in back.output
    assert "Traceback" not in back.output
    assert contents(empty_database) == {}


BRAKED = """
CREATE TABLE braked (line text CHECK (pg_advisory_xact_lock_shared(7)::text = ''));
INSERT INTO braked SELECT repeat('x', 1000) FROM generate_series(1, 4000);
ALTER TABLE braked OWNER TO portal_owner
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_restore_that_is_ended_leaves_the_database_empty(
    own_database: Database, empty_database: Database, tmp_path: Path, end: signal.Signals
) -> None:
    """The table's check waits for a lock, so that the end comes amid the rows of the table."""
    file, elsewhere = tmp_path / "portal.backup", settings_of(empty_database, tmp_path)
    own_database.sql(BRAKED)
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    made = portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    assert made.exit_code == 0, made.output

    with psycopg.connect(libpq_url(empty_database.superuser_url)) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(7)")
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.ops.cli", "restore", str(file)],
            env={**os.environ, **elsewhere},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: empty_database.waiting("COPY %braked%") > 0)
        process.send_signal(end)
        assert process.wait(30) != 0
    at_work = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portal-backup'"
        " AND datname = current_database()"
    )
    until(lambda: empty_database.sql(at_work) == 0)
    assert contents(empty_database) == {}

    back = portal("restore", str(file), settings=elsewhere)
    assert back.exit_code == 0, back.output
    assert contents(empty_database) == contents(own_database)
    assert walls(empty_database) == [
        (*row[:3], "portal_owner", *row[4:]) if row[0] == "braked" else row
        for row in walls(own_database)
    ]


def test_a_backup_of_a_newer_release_is_refused(
    own_database: Database, empty_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "portal.backup"
    own_database.sql("UPDATE alembic_version SET version_num = '9999'")
    reads_all = {"PORTAL_BACKUP_DATABASE_URL": own_database.superuser_url}
    made = portal("backup", str(file), settings=settings_of(own_database, tmp_path, **reads_all))
    assert made.exit_code == 0, made.output
    back = portal("restore", str(file), settings=settings_of(empty_database, tmp_path))
    assert back.exit_code == 1
    assert "newer release" in back.output
    assert contents(empty_database) == {}


def test_the_embedded_database_needs_no_settings(places: Callable[[], Path]) -> None:
    here, there = places(), places()
    file = there / "portal.backup"
    assert portal("migrate", settings={"PORTAL_DATA_DIR": str(here)}).exit_code == 0
    made = portal("backup", str(file), settings={"PORTAL_DATA_DIR": str(here)})
    assert made.exit_code == 0, made.output
    back = portal("restore", str(file), settings={"PORTAL_DATA_DIR": str(there / "var")})
    assert back.exit_code == 0, back.output
    assert "No secret is stored" in back.output
