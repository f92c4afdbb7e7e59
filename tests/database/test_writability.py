"""Test a database that can be read but not written: /readyz, pages and REST."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from os import O_CREAT, O_WRONLY, geteuid
from os import close as close_file
from os import open as open_file
from os import write as write_file
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import create_app, migrations
from portal.core import embedded_urls
from portal.core.config import Config, libpq_url
from portal.database import writability
from portal.ops import embedded_postgres, migrate
from tests.cast import ADA, Api, Pages, Provider, add_tenants, sign_in
from tests.databases import AT_COMMIT, Database, connected_anew, failing_with, read_only

SINCE = re.compile(r"writes: failing since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC: (.+)")
FULL = "the database server's disk is full. Make room on it."


def ready(app: Flask, query: str = "") -> tuple[int, list[str]]:
    """Return status and lines of /readyz, as a load balancer sees them."""
    answer = app.test_client().get(f"/readyz{query}")
    assert answer.mimetype == "text/plain"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.text.splitlines()


def why(app: Flask) -> str:
    """Return what /readyz reports to operators. A load balancer still finds its ok."""
    status, lines = ready(app)
    assert (status, lines[0], len(lines)) == (200, "ok", 2)
    found = SINCE.fullmatch(lines[1])
    assert found, lines
    since = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert since <= datetime.now(UTC)
    assert ready(app, "?for=writes") == (503, ["saving does not work", lines[1]])
    return found[2]


WELL = (200, ["ok"])


@pytest.fixture
def impatient(app: Flask) -> Iterator[Flask]:
    """Yield the application, which tests at each query whether it can write."""
    prove_each_time(app)
    with connected_anew(app):
        yield app


def prove_each_time(app: Flask) -> None:
    known = app.extensions["portal.writability"] = writability.Writes()
    known.every = known.held = 0


# --- what /readyz says ------------------------------------------------------------------------


def test_a_portal_that_can_save_says_so(impatient: Flask) -> None:
    assert ready(impatient) == ready(impatient, "?for=writes") == WELL
    answer = impatient.test_client().get("/readyz?for=write")
    assert answer.status_code == 400
    assert "/readyz?for=writes" in answer.text


def test_a_database_that_may_only_be_read_is_ready_for_reading(
    impatient: Flask, database: Database
) -> None:
    with read_only(impatient, database):
        assert why(impatient).startswith("the database may only be read. It is a standby")
    assert ready(impatient) == ready(impatient, "?for=writes") == WELL


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("53100", FULL),
        ("XX001", "the database refused a test write (XX001). See its log."),
    ],
)
def test_a_write_that_the_server_refuses_is_named(
    impatient: Flask, database: Database, code: str, words: str
) -> None:
    with failing_with(database, "write_probe", code):
        assert why(impatient) == words
    assert ready(impatient, "?for=writes") == WELL


def test_a_role_that_may_not_write_is_told_apart_from_one_that_may(
    impatient: Flask, database: Database
) -> None:
    database.sql("REVOKE INSERT ON write_probe FROM portal_app")
    try:
        assert "(42501)" in why(impatient)
    finally:
        database.sql("GRANT INSERT ON write_probe TO portal_app")


def test_a_session_that_froze_with_a_lock_does_not_hold_the_question(
    impatient: Flask, database: Database
) -> None:
    assert ready(impatient) == WELL
    with psycopg.connect(libpq_url(database.superuser_url)) as frozen:
        frozen.execute("LOCK write_probe")
        assert why(impatient).startswith("a test write waited 1 s for a lock")
        frozen.rollback()
        # The rows of other processes must not matter.
        frozen.execute(
            "INSERT INTO write_probe (process, written_at) VALUES ('old', 'epoch'), ('new', now())"
        )
        frozen.commit()
        frozen.execute("SELECT FROM write_probe WHERE process = 'old' FOR UPDATE")
        assert ready(impatient, "?for=writes") == WELL
        frozen.rollback()
    assert ready(impatient) == WELL
    left = database.sql("SELECT count(*) FROM write_probe WHERE process IN ('old', 'new')")
    assert left == 1, "what a process left that ended is taken away"


def test_many_questions_are_one_test_write(app: Flask, database: Database) -> None:
    with failing_with(database, "write_probe", "53100"):
        assert why(app) == FULL
        database.sql("DROP TRIGGER no_room ON write_probe")
        assert why(app) == FULL, "not asked again yet"
    app.extensions["portal.writability"] = writability.Writes()
    assert ready(app) == WELL
    before = database.sql("SELECT max(written_at) FROM write_probe")
    for _ in range(20):
        assert ready(app) == WELL
    assert database.sql("SELECT max(written_at) FROM write_probe") == before


def test_while_one_thread_waits_for_the_proof_others_answer(app: Flask, database: Database) -> None:
    assert ready(app) == WELL
    app.extensions["portal.writability"].every = 0
    with psycopg.connect(libpq_url(database.superuser_url)) as frozen:
        frozen.execute("LOCK write_probe")
        waiting = threading.Thread(target=ready, args=(app,))
        waiting.start()
        while not database.waiting():
            pass
        assert ready(app) == WELL, "as far as was known"
        frozen.rollback()
        waiting.join()


def test_what_a_request_failed_with_counts_until_saving_works_for_a_while(
    app: Flask, database: Database, ada: Api
) -> None:
    known = app.extensions["portal.writability"]
    assert ready(app) == WELL
    with failing_with(database, "application", "53100"):
        assert ada.post("/applications", {"display_name": "CRM"}).status_code == 503
    assert why(app) == FULL, "although the test write went well"
    known.held = 0
    assert ready(app, "?for=writes") == WELL


def test_what_failed_again_after_nobody_looked_fails_since_it_was_seen_again(
    app: Flask, impatient: Flask, database: Database
) -> None:
    known = app.extensions["portal.writability"]
    with app.app_context():
        with failing_with(database, "write_probe", "53100"):
            first = known.failing()
            assert known.failing() == first, "nothing else was seen in between"
        known.unseen = 0  # as if nobody had asked for a while, in which writes worked
        with failing_with(database, "write_probe", "53100"):
            again = known.failing()
    assert first.trouble == again.trouble
    assert first.since < again.since


# --- versions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("0001", (503, ["the database waits for its migrations"])),
        ("9999", WELL),  # migrations run before all processes have the new code
    ],
)
def test_a_database_older_than_the_code_is_not_ready_a_newer_one_is(
    impatient: Flask, database: Database, version: str, answer: tuple[int, list[str]]
) -> None:
    database.sql("UPDATE alembic_version SET version_num = %s", version)
    try:
        assert ready(impatient) == ready(impatient, "?for=writes") == answer
    finally:
        database.sql("UPDATE alembic_version SET version_num = %s", migrations.head())
    database.sql("DELETE FROM alembic_version")
    try:
        assert ready(impatient)[0] == 503
    finally:
        database.sql("INSERT INTO alembic_version VALUES (%s)", migrations.head())


# --- what people and programs are told --------------------------------------------------------


def test_who_saves_is_told_that_reading_goes_on(
    app: Flask, database: Database, ada: Api, browse: Callable[..., Pages]
) -> None:
    made = ada.create("applications", display_name="CRM 360")
    page = browse(ADA)
    page.csrf_token()
    with read_only(app, database):
        refused = ada.post("/applications", {"display_name": "Mobile"})
        assert refused.status_code == 503
        assert refused.content_type == "application/problem+json"
        problem = refused.json or {}
        assert problem["code"] == "not_saving"
        assert problem["title"] == "Saving does not work right now"
        assert problem["detail"] == (
            "The database may only be read, so nothing can be saved until that has changed. What is"
            " stored can still be read."
        )
        assert refused.headers["Retry-After"] == "60"
        changed = ada.patch(f"/applications/{made['id']}", {"display_name": "X"})
        assert (changed.status_code, (changed.json or {})["code"]) == (503, "not_saving")
        shown = page.post(f"/applications/{made['id']}/edit", {"display_name": "X", "version": "1"})
        assert shown.status_code == 503
        assert "Saving does not work right now" in shown.text
        assert "Nothing was changed" not in shown.text
        htmx = {"HX-Request": "true", "HX-Request-Type": "partial"}
        banner = page.post(f"/applications/{made['id']}/edit", {"version": "1"}, headers=htmx)
        assert (banner.status_code, banner.headers["HX-Retarget"]) == (503, "#banner")
        assert "What is stored can still be read" in banner.text
        assert ada.get(f"/applications/{made['id']}").json == made
    assert ada.post("/applications", {"display_name": "Mobile"}).status_code == 201


def test_a_refusal_at_the_end_of_the_work_is_told_the_same(
    app: Flask, database: Database, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    with failing_with(database, "application", "53100", when=AT_COMMIT):
        refused = ada.post("/applications", {"display_name": "Mobile"})
    assert (refused.status_code, (refused.json or {})["code"]) == (503, "not_saving")
    assert why(app) == FULL
    app.extensions["portal.writability"] = writability.Writes()
    assert (ada.get("/applications").json or {})["items"] == []


def test_a_webhook_that_comes_in_is_to_come_again(
    app: Flask, database: Database, ada: Api, client: FlaskClient
) -> None:
    made = ada.create("webhooks", direction="inbound")
    with read_only(app, database):
        answer = client.post(f"/in/{made['id']}", data=b"{}")
        assert answer.status_code == 503
        assert (answer.json or {})["code"] == "not_saving"


# --- a disk that is full ----------------------------------------------------------------------


@dataclass
class SmallDisk:
    """A PostgreSQL whose disk can be filled.

    As root it has a small file system of its own. Otherwise every write gets the error of a full
    disk.
    """

    database: Database
    place: Path | None

    def fill(self) -> None:
        if self.place is None:
            self._refuse()
            return
        # Begin a new segment of the write-ahead log: writes need no new file until it is full.
        self.database.sql("SELECT pg_switch_wal()")
        self.database.sql("CHECKPOINT")
        filler = open_file(self.place / "filler", O_CREAT | O_WRONLY)
        try:
            for size in (2**20, 2**12):
                with suppress(OSError):
                    while write_file(filler, b"x" * size):
                        pass
        finally:
            close_file(filler)

    def make_room(self) -> None:
        if self.place is None:
            self.database.sql("DROP FUNCTION no_room CASCADE")
        else:
            (self.place / "filler").unlink()

    def _refuse(self) -> None:
        self.database.sql(
            """DO $do$ DECLARE t regclass; BEGIN
            CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
            FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                AND relkind IN ('r', 'p') AND NOT relispartition
            LOOP EXECUTE format('CREATE TRIGGER no_room BEFORE INSERT OR UPDATE OR DELETE ON %s
                EXECUTE FUNCTION no_room()', t); END LOOP; END $do$"""
        )


@pytest.fixture
def small_disk(places: Callable[[], Path], request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    if geteuid() != 0 or sys.platform != "linux":
        yield SmallDisk(request.getfixturevalue("own_database"), None)
        return
    place = places()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", place], check=True)
    try:
        with embedded_postgres.start(place, throwaway=True) as server:
            migrate.upgrade(server.owner_url)
            urls = (server.owner_url, server.app_url, server.superuser_url)
            yield SmallDisk(Database(embedded_urls.DATABASE, *urls), place)
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.fixture
def on_a_small_disk(small_disk: SmallDisk, make_config: Callable[..., Config]) -> Iterator[Flask]:
    made = create_app(
        make_config(
            PORTAL_DATABASE_URL=small_disk.database.app_url,
            PORTAL_MIGRATION_DATABASE_URL=small_disk.database.owner_url,
        )
    )
    made.testing = True
    prove_each_time(made)
    with connected_anew(made):
        yield made


def test_while_the_disk_is_full_reading_goes_on_and_saving_says_why(
    small_disk: SmallDisk, on_a_small_disk: Flask, token_provider: Provider
) -> None:
    app = on_a_small_disk
    add_tenants(small_disk.database)
    page = sign_in(app, ADA)
    ada = Api(app.test_client(), token_provider.token(ADA))
    made = ada.create("applications", display_name="CRM 360")
    page.csrf_token()
    assert ready(app) == WELL
    # Old enough that the next page would record that the session is in use.
    aged = "UPDATE web_session SET last_seen_at = last_seen_at - interval '2 minutes'"
    small_disk.database.sql(aged)
    small_disk.fill()
    assert why(app) == FULL
    # Until the existing pages have no room left.
    statuses = [ada.post("/applications", wide(number)).status_code for number in range(60)]
    assert set(statuses) <= {201, 503}
    assert 503 in statuses
    refused = ada.post("/applications", wide(99))
    assert (refused.status_code, (refused.json or {})["code"]) == (503, "not_saving")
    assert "The database server's disk is full, so" in (refused.json or {})["detail"]
    for path in ("/", "/applications", f"/applications/{made['id']}", "/keys", "/webhooks"):
        assert page.get(path).status_code == 200, path
    assert ada.get(f"/applications/{made['id']}").json == made
    listed = len((ada.get("/applications?limit=200").json or {})["items"])
    assert listed == 1 + statuses.count(201), "what was said to be saved is there, and no more"
    small_disk.make_room()
    assert ready(app) == ready(app, "?for=writes") == WELL
    assert ada.post("/applications", wide(100)).status_code == 201


def wide(number: int) -> dict[str, Any]:
    return {"display_name": f"App {number}", "description": f"{number} " * 400}
