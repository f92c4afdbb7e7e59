"""The command `portal`: its output and its exit status."""

import base64
import json
import socket

import click
import psycopg
import pytest
from click.testing import CliRunner, Result

from portal import migrations
from portal.core.config import libpq_url, variables
from portal.database import app_role
from portal.ops import migrate
from portal.ops.cli import main
from tests.core.test_config import PRODUCTION
from tests.databases import Database

TENANT = ["tnt_1", "Acme Ltd", "--slug", "acme", "--key-code", "acme"]


@pytest.fixture
def settings(tmp_path) -> dict[str, str]:
    return {"PORTAL_DATA_DIR": str(tmp_path)}


def on(database: Database, settings: dict[str, str]) -> dict[str, str]:
    return settings | {
        "PORTAL_DATABASE_URL": database.app_url,
        "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
    }


def portal(*words: str, settings: dict[str, str]) -> Result:
    return CliRunner().invoke(main, words, env=settings)


def test_every_command_explains_itself(settings):
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        result = portal(name, "--help", settings=settings)
        assert result.exit_code == 0
        assert command.get_short_help_str(), name
        assert str(command.help).strip().split("\n\n")[0].endswith("."), name


def test_wrong_settings_are_sentences_and_no_traceback(settings):
    result = portal("migrate", settings=settings | {"PORTAL_PROT": "1"})
    assert result.exit_code == 1
    assert "Did you mean PORTAL_PORT?" in result.output
    assert "Traceback" not in result.output


def test_migrate_brings_an_empty_database_to_the_newest(settings, empty_database):
    first = portal("migrate", settings=on(empty_database, settings))
    again = portal("migrate", settings=on(empty_database, settings))
    assert first.output == f"Migrated the database from nothing to {migrations.head()}.\n"
    assert again.output == f"The database is at {migrations.head()} already.\n"


def test_a_database_of_newer_code_is_left_alone(settings, empty_database):
    portal("migrate", settings=on(empty_database, settings))
    with psycopg.connect(libpq_url(empty_database.owner_url), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    result = portal("migrate", settings=on(empty_database, settings))
    assert result.exit_code == 1
    assert "at revision 9999, newer than this code" in result.output
    assert "Deploy the code that made it" in result.output


def test_migrate_needs_the_owner(settings, database):
    result = portal("migrate", settings=settings | {"PORTAL_DATABASE_URL": database.app_url})
    assert result.exit_code == 1
    assert "PORTAL_MIGRATION_DATABASE_URL" in result.output


def told(settings: dict[str, str], database: Database, url: str) -> str:
    """Return the output of `portal migrate` for a URL that it cannot use."""
    given = on(database, settings) | {"PORTAL_MIGRATION_DATABASE_URL": url}
    result = portal("migrate", settings=given)
    assert isinstance(result.exception, SystemExit)  # therefore there is no traceback
    assert result.exit_code == 1
    return result.output


@pytest.mark.parametrize(
    "address",
    [
        "owner:s3cret%word@127.0.0.1:1/x",
        "owner:s3cret word@127.0.0.1:1/x",
        "owner:s3cret/word@127.0.0.1:1/x",
        "owner:s3cret@word@127.0.0.1:1/x",
        "owner:s3cret:word@@127.0.0.1:1/x",
        "owner:s3cret@host:word@127.0.0.1/x",
        "owner:5432/word@127.0.0.1:1/s3cret",
        "owner@127.0.0.1:1/x?password=s3cret%word",
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(settings, empty_database, address):
    output = told(settings, empty_database, f"postgresql+psycopg://{address}")
    assert "PORTAL_MIGRATION_DATABASE_URL cannot be read; it is written" in output
    assert "s3cret" not in output
    assert "word@" not in output.replace("role:password@host", "")


def test_migrate_tells_that_the_server_is_away_without_the_password(settings, empty_database):
    refused = told(settings, empty_database, "postgresql://owner:s3cretword@127.0.0.1:1/x")
    no_port = told(settings, empty_database, "postgresql://owner:s3cretword@127.0.0.1:0/x")
    assert "PostgreSQL cannot be reached: connection failed: connection to server at" in refused
    assert 'PostgreSQL cannot be reached: connection is bad: invalid port number: "0"' in no_port
    assert "s3cretword" not in refused + no_port


def test_migrate_tells_a_role_without_rights_which_role_it_needs(settings, empty_database):
    of_an_empty_one = told(settings, empty_database, empty_database.app_url)
    migrate.upgrade(empty_database.owner_url, "0030")
    of_an_old_one = told(settings, empty_database, empty_database.app_url)
    for output in (of_an_empty_one, of_an_old_one):
        assert output.startswith("Error: PostgreSQL does not allow that: ")
        assert "has to name the role that owns the database and its tables." in output
    assert f"The database is at 0030 of {migrations.head()}." in of_an_old_one


def test_a_tenant_is_made_and_listed(settings, database):
    made = portal("tenant", "add", *TENANT, settings=on(database, settings))
    assert made.output == "Acme Ltd is a tenant now: tnt_1.\n"
    listed = portal("tenant", "list", settings=on(database, settings))
    assert listed.output == "tnt_1  acme  acme  Acme Ltd\n"


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (TENANT, "id tnt_1"),
        (["tnt_2", *TENANT[1:]], "slug acme"),
        (["tnt_2", "Other", "--slug", "other", "--key-code", "acme"], "key code acme"),
    ],
)
def test_a_tenant_is_made_once(settings, database, words: list[str], taken: str):
    portal("tenant", "add", *TENANT, settings=on(database, settings))
    result = portal("tenant", "add", *words, settings=on(database, settings))
    assert result.exit_code == 1
    assert f"with the {taken} already" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ["tnt-1", *TENANT[1:]],
        ["tnt_1", " ", *TENANT[2:]],
        ["tnt_1", "A", "--slug", "Acme!", "--key-code", "acme"],
        ["tnt_1", "A", "--slug", "acme", "--key-code", "toolong"],
        [*TENANT, "--time-zone", "Mars/Olympus"],
    ],
)
def test_a_tenant_that_cannot_be(settings, database, words: list[str]):
    assert portal("tenant", "add", *words, settings=on(database, settings)).exit_code == 1
    assert portal("tenant", "list", settings=on(database, settings)).output == ""


@pytest.mark.parametrize(
    ("words", "locked"),
    [
        (("tenant", "add", *TENANT), "tenant"),
        (("tenant", "list"), "tenant"),
        (("tenant", "quota", "tnt_1", "--api-keys", "5"), "tenant"),
        (("secret-key", "rotate"), "tenant"),
        (("secrets", "move", "--from", "embedded", "--to", "vault"), "tenant"),
        (("doctor",), "%"),
    ],
)
def test_a_command_that_waits_in_vain_for_a_table_says_so(
    settings, own_database, openbao, words: tuple[str, ...], locked: str
):
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE %s"
    vault = {"PORTAL_VAULT_ADDR": openbao.address, "PORTAL_VAULT_MOVE_TOKEN": openbao.token}
    with psycopg.connect(libpq_url(own_database.superuser_url)) as holder:
        for (table,) in holder.execute(tables, [locked]).fetchall():
            holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        result = portal(*words, settings=on(own_database, settings) | vault)
    assert isinstance(result.exception, SystemExit)  # therefore there is no traceback
    assert result.exit_code == 1
    assert "canceling statement due to lock timeout" in result.output
    assert "run again" in result.output or "run this again" in result.output


def test_token_is_a_token_of_that_person(settings):
    result = portal("token", "--as", "ada@acme.example", settings=settings)
    assert result.exit_code == 0, result.output
    claims = result.output.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert found["iss"] == "http://127.0.0.1:8001"
    assert found["aud"] == "urn:cpod:integration"
    assert found["email"] == "ada@acme.example"


def test_token_for_a_stranger_names_who_there_is(settings):
    result = portal("token", "--as", "eve@evil.example", settings=settings)
    assert result.exit_code == 1
    assert "ada@acme.example" in result.output


@pytest.mark.parametrize("words", [("seed",), ("token", "--as", "x"), ("provider",), ("receiver",)])
def test_production_has_no_demo(settings, words: tuple[str, ...]):
    result = portal(*words, settings=settings | PRODUCTION)
    assert result.exit_code == 1
    assert "PORTAL_ENV is production" in result.output


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_strong_role_may_not_serve(settings, database, command: str):
    strong = on(database, settings) | {"PORTAL_DATABASE_URL": database.superuser_url}
    result = portal(command, settings=strong)
    assert result.exit_code == 1
    assert "too strong" in result.output


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_database_that_is_away_is_waited_for_aloud(settings, database, command, monkeypatch):
    monkeypatch.setattr(app_role.check, "__kwdefaults__", {"wait": 0.1})
    away = {"PORTAL_DATABASE_URL": "postgresql://portal_app@127.0.0.1:1/portal"}
    result = portal(command, settings=on(database, settings) | away)
    assert result.exit_code == 1
    assert "waiting for the database" in result.output
    assert "See that it runs and that PORTAL_DATABASE_URL is right" in result.output


@pytest.mark.parametrize("shared", [False, True], ids=["a program", "another portal"])
def test_an_address_that_is_taken_is_named(settings, database, shared: bool):
    """Another portal shares its port between its processes, so it would share it with us too."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = portal("serve", settings=on(database, settings) | {"PORTAL_PORT": str(port)})
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in result.output
    assert "PORTAL_PORT" in result.output


def test_doctor_ends_with_1_when_something_is_wrong(settings):
    result = portal("doctor", settings=settings)
    assert result.exit_code == 1
    assert "make run" in result.output


def test_settings_lists_them_all(settings):
    lines = portal("settings", settings=settings).output.splitlines()
    assert [line.split()[0] for line in lines] == list(variables())


@pytest.mark.parametrize(
    "words",
    [
        ("tenant", "list"),
        ("tenant", "add", *TENANT),
        ("tenant", "quota", "tnt_1"),
        ("secret-key", "rotate"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_a_database_that_was_never_migrated_is_said_in_a_sentence(
    settings, empty_database, words: tuple[str, ...]
):
    result = portal(*words, settings=on(empty_database, settings))
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Run portal migrate" in result.output
