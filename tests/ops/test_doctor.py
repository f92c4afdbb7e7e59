"""`portal doctor` finds each problem, and its advice helps."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import pytest

from portal.core.config import libpq_url
from portal.database import app_role
from portal.ops import connections, doctor
from tests.configs import only
from tests.databases import Database
from tests.keeper import ROOT
from tests.pooler import pooled
from tests.secretstore.openbao import ROLE_ID, SECRET_ID, OpenBao


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """Run a server that gives every request this response; yield its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.replace("ISSUER", address).encode())

        def log_message(self, *words: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def settings(database: Database, tmp_path) -> dict[str, str]:
    return {
        "PORTAL_DATA_DIR": str(tmp_path),
        "PORTAL_DATABASE_URL": database.app_url,
        "PORTAL_OIDC_CLIENT_ID": "portal",
        "PORTAL_OIDC_CLIENT_SECRET": "secret",
    }


def examine(settings: dict[str, str]) -> dict[str, doctor.Finding]:
    with only(settings):
        return {finding.subject: finding for finding in doctor.examine()}


def test_a_healthy_portal(settings):
    with answering(200, '{"issuer": "ISSUER"}') as issuer:
        findings = examine(settings | {"PORTAL_OIDC_ISSUER": issuer})
    assert [f.words for f in findings.values() if not f.healthy] == []
    assert len(findings) == 12


def test_settings_are_looked_at_first(settings):
    with only(settings | {"PORTAL_PROT": "1"}):
        [finding] = doctor.examine()
    assert finding.subject == "Settings"
    assert "PORTAL_PORT" in finding.words
    assert not finding.healthy


def test_an_embedded_database_that_does_not_run(tmp_path):
    findings = examine({"PORTAL_DATA_DIR": str(tmp_path)})
    assert list(findings) == ["Settings", "Database"]
    assert "make run" in findings["Database"].advice


def test_a_database_that_is_away_is_named_without_its_password(settings):
    away = "postgresql://portal_app:hunter2@127.0.0.1:1/portal"
    finding = examine(settings | {"PORTAL_DATABASE_URL": away})["Database"]
    assert not finding.healthy
    assert "hunter2" not in finding.words
    assert "PORTAL_DATABASE_URL" in finding.advice


@pytest.mark.parametrize(("role", "words"), [("superuser_url", "superuser"), ("owner_url", "owns")])
def test_a_role_that_is_too_strong(settings, database, role: str, words: str):
    strong = settings | {"PORTAL_DATABASE_URL": getattr(database, role)}
    finding = examine(strong)["Database role"]
    assert words in finding.words
    assert "CREATE ROLE portal_app" in finding.advice


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER ROLE {} BYPASSRLS", "BYPASSRLS"),
        ("GRANT portal_owner TO {}", "member of their owner"),
    ],
)
def test_a_role_that_somebody_made_too_strong(own_database: Database, change: str, words: str):
    role = f"strong_{own_database.name}"
    superuser = libpq_url(own_database.superuser_url)
    url = own_database.app_url.replace("portal_app", role)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        try:
            connection.execute(change.format(role))
            with app_role.connect(url) as as_role:
                assert words in " ".join(app_role.problems(as_role))
        finally:
            connection.execute(f"DROP ROLE {role}")


def test_a_strong_role_may_not_start(make_config, database):
    config = make_config(PORTAL_DATABASE_URL=database.superuser_url)
    with pytest.raises(app_role.DatabaseRoleError, match="superuser"):
        app_role.check(config, wait=0)
    app_role.check(make_config(), wait=0)


def test_tables_that_are_open_to_other_tenants_are_named(settings, own_database: Database):
    own = settings | {"PORTAL_DATABASE_URL": own_database.app_url}
    assert examine(own)["Row security"].healthy
    own_database.sql("ALTER TABLE connector DISABLE ROW LEVEL SECURITY")
    own_database.sql("DROP POLICY tenant ON api_key")
    own_database.sql("CREATE POLICY support ON person FOR SELECT USING (true)")
    finding = examine(own)["Row security"]
    assert finding.words.startswith("missing on 3 of the ")
    assert finding.words.endswith(": api_key, connector, person")
    assert "portal restore" in finding.advice


def test_functions_that_every_role_may_call_are_named(settings, own_database: Database):
    own = settings | {"PORTAL_DATABASE_URL": own_database.app_url}
    own_database.sql("GRANT EXECUTE ON FUNCTION drop_day_partitions(integer) TO PUBLIC")
    finding = examine(own)["Row security"]
    assert finding.words.endswith("rows of all tenants: drop_day_partitions(integer)")
    assert "REVOKE EXECUTE" in finding.advice


def test_tables_that_the_functions_of_the_portal_cannot_read_are_named(
    settings, own_database: Database
):
    own = settings | {"PORTAL_DATABASE_URL": own_database.app_url}
    for policy, table in (("engine", "webhook"), ("credential", "api_key")):
        own_database.sql(f"ALTER POLICY {policy} ON {table} TO pg_monitor")
    finding = examine(own)["Row security"]
    assert finding.words == "hides the rows of api_key, webhook from the portal's functions"
    assert "TO CURRENT_USER" in finding.advice
    with psycopg.connect(libpq_url(own_database.owner_url)) as owner:
        owner.execute("ALTER POLICY engine ON webhook TO CURRENT_USER")
        owner.execute("ALTER POLICY credential ON api_key TO CURRENT_USER")
    assert examine(own)["Row security"].healthy


def test_a_database_without_tables(settings, empty_database):
    bare = settings | {"PORTAL_DATABASE_URL": empty_database.app_url}
    finding = examine(bare)["Migrations"]
    assert finding.advice == "Run portal migrate."


def test_a_database_newer_than_the_code(settings, own_database):
    with psycopg.connect(libpq_url(own_database.owner_url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = settings | {"PORTAL_DATABASE_URL": own_database.app_url}
    assert "newer than this code" in examine(newer)["Migrations"].words


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, '{"issuer": "https://other.example"}', "calls itself https://other.example"),
        (404, "", "HTTP 404"),
        (200, "<html>", "does not answer"),
        (200, "[]", "not a JSON object"),
    ],
)
def test_an_identity_provider_that_is_not_one(settings, status: int, body: str, words: str):
    with answering(status, body) as issuer:
        finding = examine(settings | {"PORTAL_OIDC_ISSUER": issuer})["Identity provider"]
    assert words in finding.words
    assert finding.advice


def test_the_development_provider_runs_with_the_rest(settings):
    from tests.keeper import free_port

    finding = examine(settings | {"PORTAL_IDP_PORT": str(free_port())})["Identity provider"]
    assert "make run" in finding.advice


def test_trusting_every_address_is_trusting_nobodys(settings):
    def said(networks: str) -> doctor.Finding:
        return examine(settings | {"PORTAL_TRUSTED_PROXIES": networks})["Proxies"]

    assert "none is trusted" in said("").words
    assert said("10.0.0.0/8").words == "X-Forwarded-For counts from 10.0.0.0/8"
    assert said("10.0.0.0/8").healthy
    everywhere = said("10.0.0.0/8,::/0")
    assert "chooses the address" in everywhere.words
    assert "PORTAL_TRUSTED_PROXIES" in everywhere.advice


def test_a_pooler_of_transactions_is_found_out(settings, database):
    with pooled(database) as address:
        finding = examine(settings | {"PORTAL_DATABASE_URL": address})["Connections"]
    assert "between transactions" in finding.words
    assert "session mode" in finding.advice


LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "50s",  # ten times as long as in production
    "client_connection_check_interval": "1s",
}


@pytest.mark.parametrize("named", [[name] for name in LIMITS] + [list(LIMITS)])
def test_each_deadline_that_a_session_does_not_have_is_named(
    settings, own_database: Database, named: list[str]
):
    """The pooler drops what the portal sets, so the settings of the role count."""
    with psycopg.connect(libpq_url(own_database.superuser_url), autocommit=True) as superuser:
        for name, limit in LIMITS.items():
            value = "1h" if name in named else limit
            superuser.execute(
                f"ALTER ROLE portal_app IN DATABASE {own_database.name} SET {name} = '{value}'"
            )
    with pooled(own_database) as address:
        finding = examine(settings | {"PORTAL_DATABASE_URL": address})["Deadlines"]
    said = ", ".join(f"{name} is 1h (should be {LIMITS[name]})" for name in named)
    assert finding.words == f"not what the portal sets when it connects: {said}"
    assert "session mode" in finding.advice


def test_no_setting_of_a_role_takes_the_place_of_a_deadline(settings, own_database: Database):
    with psycopg.connect(libpq_url(own_database.superuser_url), autocommit=True) as superuser:
        for name in LIMITS:
            superuser.execute(
                f"ALTER ROLE portal_app IN DATABASE {own_database.name} SET {name} = '1h'"
            )
    address = own_database.app_url + "&keepalives=0&connect_timeout=3600"
    assert examine(settings | {"PORTAL_DATABASE_URL": address})["Deadlines"].healthy


def test_too_many_processes_for_the_server_are_counted(settings):
    assert examine(settings)["Connections"].healthy
    finding = examine(settings | {"PORTAL_WEB_WORKERS": "64"})["Connections"]
    assert (
        f"may take {64 * connections.OF_A_WEB_PROCESS + connections.OF_A_WORKER}" in finding.words
    )
    assert "max_connections" in finding.advice


def test_the_readme_says_how_many_connections_a_process_takes():
    readme = " ".join((ROOT / "README.md").read_text().split())
    web, worker = connections.OF_A_WEB_PROCESS, connections.OF_A_WORKER
    assert f"{web} connections of each web process and {worker} of each worker" in readme


def test_the_embedded_store_says_that_it_has_one_key(settings):
    finding = examine(settings)["Secret store"]
    assert finding.healthy
    assert "one key" in finding.words
    assert "every process of the portal can read credentials" in finding.words


class TestVault:
    def settings(self, address: str, **more: str) -> dict[str, str]:
        return {"PORTAL_SECRET_STORE": "vault", "PORTAL_VAULT_ADDR": address, **more}

    def role(self, name: str, variable: str = "VAULT") -> dict[str, str]:
        """Return the settings that let the portal log in with a role of the tests."""
        return {
            f"PORTAL_{variable}_ROLE_ID": f"{ROLE_ID}-{name}",
            f"PORTAL_{variable}_SECRET_ID": f"{SECRET_ID}-{name}",
        }

    def finding(self, settings, bao: OpenBao, **more: str) -> doctor.Finding:
        return examine(settings | self.settings(bao.address, **more))["Secret store"]

    def test_one_role_for_both_works_and_is_said(self, settings, openbao):
        for one in ({"PORTAL_VAULT_TOKEN": openbao.token}, self.role("batch")):
            finding = self.finding(settings, openbao, **one)
            assert finding.healthy
            assert "One role serves web processes and workers" in finding.words
            assert "policies/web.hcl" in finding.words

    def test_two_roles_are_a_wall(self, settings, openbao):
        both = self.role("web") | self.role("worker", "VAULT_WORKER")
        finding = self.finding(settings, openbao, **both)
        assert finding.healthy
        assert "cannot read them" in finding.words

    @pytest.mark.parametrize(("name", "variable"), [("web", "VAULT"), ("worker", "VAULT_WORKER")])
    def test_a_machine_with_the_role_of_one_side(self, settings, openbao, name, variable):
        finding = self.finding(settings, openbao, **self.role(name, variable))
        assert finding.healthy
        assert "not in these settings, so not checked" in finding.words

    def test_two_roles_without_a_wall_are_a_mistake(self, settings, openbao):
        both = self.role("batch") | self.role("worker", "VAULT_WORKER")
        finding = self.finding(settings, openbao, **both)
        assert "no wall between them" in finding.words
        assert "policies/web.hcl" in finding.advice

    def test_the_roles_mistaken_for_each_other(self, settings, openbao):
        both = self.role("worker") | self.role("web", "VAULT_WORKER")
        finding = self.finding(settings, openbao, **both)
        assert "web processes: The portal lacks a permission" in finding.words
        assert "create, patch on secret/data/+/connectors/+/credentials" in finding.advice

    def test_one_that_does_not_know_us(self, settings, openbao):
        finding = self.finding(settings, openbao, PORTAL_VAULT_TOKEN="t")
        assert "refuses the portal" in finding.words
        assert "Set a new token" in finding.advice

    def test_a_sealed_one(self, settings):
        body = json.dumps({"sealed": True, "initialized": True})
        with answering(503, body) as address:
            sealed = self.settings(address, PORTAL_VAULT_TOKEN="t")
            finding = examine(settings | sealed)["Secret store"]
        assert "is locked" in finding.words
        assert "Unseal it" in finding.advice

    def test_none(self, settings):
        away = self.settings("http://127.0.0.1:1", PORTAL_VAULT_TOKEN="t")
        finding = examine(settings | away)["Secret store"]
        assert "does not answer" in finding.words
        assert finding.advice
