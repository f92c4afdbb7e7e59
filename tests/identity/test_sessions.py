"""The start, lookup, limits and end of sessions; tests move stored times instead of waiting."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.core.errors import NotFound
from portal.database.actor import Origin
from portal.database.session import enter_tenant, session, transaction
from portal.identity import people
from portal.identity.housekeeping import HOUSEKEEPING
from portal.identity.models import Person
from portal.identity.openid.relying_party import Identity, LogoutNotice
from portal.identity.sessions import sessions
from tests.databases import Database
from tests.statements import statements

ISSUER = "https://idp.example"
RULES = people.Rules("tenant_id", "roles", {"admin": "admin", "viewer": "viewer"})
HERE = Origin(ip="192.0.2.7", user_agent="Browser/1", request_id="req_1")


@pytest.fixture(autouse=True)
def in_app(app: Flask, tenants: tuple[str, str]) -> Iterator[None]:
    with app.app_context():
        yield
        session.rollback()


def identity(
    tenant: Any, subject: str = "person-1", role: Any = "admin", sid: str | None = "sid-1"
) -> Identity:
    claims = {"tenant_id": tenant, "roles": [role], "name": subject.title()}
    return Identity(ISSUER, subject, 1_760_000_000, "aal1", sid, claims, "id.token")


def come_in(tenant: str, **over: Any) -> tuple[Person, str, str]:
    """Sign a person in; return the person, session id and cookie."""
    who = identity(tenant, **over)
    _, person = people.admit(who, RULES)
    row, cookie = sessions.begin(person, who, HERE)
    session.commit()
    forget()
    return person, row.id, cookie


def forget() -> None:
    """Close the database session, so that the next request starts with a new one."""
    session.remove()


def move(database: Database, column: str, back: timedelta) -> None:
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute(f"UPDATE web_session SET {column} = {column} - %s", [back])


def test_the_cookie_finds_the_person(tenants: tuple[str, str]) -> None:
    person, session_id, cookie = come_in(tenants[0])
    live = sessions.resume(cookie)
    assert live is not None
    assert (live.session.id, live.person.id) == (session_id, person.id)
    assert live.person.tenant_id == tenants[0]
    actor = live.actor(HERE)
    assert actor.can("keys:write")
    assert (actor.id, actor.kind, actor.source_type) == (person.id, "person", "frontend")


def test_only_the_digest_is_stored(tenants: tuple[str, str], database: Database) -> None:
    _, _, cookie = come_in(tenants[0])
    token = cookie.split(".")[1]
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        rows = connection.execute("SELECT web_session::text FROM web_session").fetchall()
    assert len(rows) == 1
    assert token not in rows[0][0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cookie: None,
        lambda cookie: "",
        lambda cookie: cookie[:-1] + ("A" if cookie[-1] != "A" else "B"),
        lambda cookie: cookie + "A",
        lambda cookie: cookie.replace("ACME", "OTHER"),
        lambda cookie: "'; DROP TABLE person; --",
    ],
)
def test_a_changed_cookie_finds_nobody(tenants: tuple[str, str], spoil: Any) -> None:
    _, _, cookie = come_in(tenants[0])
    assert sessions.resume(spoil(cookie)) is None
    assert session.info.get("tenant_id", "") == ""


def test_another_tenant_in_the_cookie_finds_nobody(tenants: tuple[str, str]) -> None:
    _, _, cookie = come_in(tenants[0])
    assert sessions.resume(f"{tenants[1]}.{cookie.split('.')[1]}") is None


def test_finding_costs_one_statement_behind_the_tenants_wall(tenants: tuple[str, str]) -> None:
    _, _, cookie = come_in(tenants[0])
    with statements() as sent:
        assert sessions.resume(cookie)
    assert len(sent) == 1, sent


@pytest.mark.parametrize(
    ("column", "back", "lives"),
    [
        ("last_seen_at", timedelta(minutes=29), True),
        ("last_seen_at", timedelta(minutes=31), False),
        ("created_at", timedelta(hours=11, minutes=59), True),
        ("created_at", timedelta(hours=12, seconds=1), False),
    ],
)
def test_limits(
    tenants: tuple[str, str], database: Database, column: str, back: timedelta, lives: bool
) -> None:
    _, _, cookie = come_in(tenants[0])
    move(database, column, back)
    assert (sessions.resume(cookie) is not None) is lives


def test_being_used_keeps_it_alive_and_is_written_once_a_minute(
    tenants: tuple[str, str], database: Database
) -> None:
    _, _, cookie = come_in(tenants[0])
    move(database, "last_seen_at", timedelta(minutes=29))
    before = sessions.resume(cookie)
    session.commit()
    forget()
    after = sessions.resume(cookie)
    assert before
    assert after
    assert after.session.last_seen_at - before.session.last_seen_at > timedelta(minutes=28)
    session.commit()
    forget()
    again = sessions.resume(cookie)
    assert again
    assert again.session.last_seen_at == after.session.last_seen_at


def test_signing_in_again_ends_the_session_before(tenants: tuple[str, str]) -> None:
    _, _, old = come_in(tenants[0])
    live = sessions.resume(old)
    assert live
    sessions.leave(live.session)
    _, new = sessions.begin(live.person, identity(tenants[0]), HERE, renews=True)
    session.commit()
    forget()
    assert sessions.resume(old) is None
    assert sessions.resume(new) is not None


def test_how_recent_a_sign_in_is(tenants: tuple[str, str], database: Database) -> None:
    _, _, cookie = come_in(tenants[0])
    old = sessions.resume(cookie)
    assert old
    assert not old.is_recent
    forget()
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE web_session SET auth_time = now() - interval '9 minutes'")
    recent = sessions.resume(cookie)
    assert recent
    assert recent.is_recent
    forget()
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE web_session SET auth_time = NULL")
    unknown = sessions.resume(cookie)
    assert unknown
    assert not unknown.is_recent


def test_another_role_ends_the_sessions_that_had_the_old_one(tenants: tuple[str, str]) -> None:
    _, _, cookie = come_in(tenants[0])
    come_in(tenants[0], role="viewer")
    assert sessions.resume(cookie) is None


def test_the_same_person_is_one_person(tenants: tuple[str, str]) -> None:
    first, _, _ = come_in(tenants[0])
    again, _, _ = come_in(tenants[0])
    other_tenant, _, _ = come_in(tenants[1])
    assert first.id == again.id != other_tenant.id


def test_people_end_their_own_sessions_and_nobody_elses(tenants: tuple[str, str]) -> None:
    _, kept, cookie = come_in(tenants[0])
    _, other, other_cookie = come_in(tenants[0])
    _, foreign, _ = come_in(tenants[0], subject="person-2")
    live = sessions.resume(cookie)
    assert live
    actor = live.actor(HERE)
    assert {row.id for row in sessions.mine(actor)} == {kept, other}
    for stranger in (foreign, "ses_made_up"):
        with pytest.raises(NotFound, match="has ended already"):
            sessions.end_mine(actor, stranger)
    assert sessions.end_my_others(actor, keep=kept) == 1
    session.commit()
    forget()
    assert sessions.resume(other_cookie) is None
    assert sessions.resume(cookie) is not None


def test_an_admin_ends_all_sessions_of_a_person(tenants: tuple[str, str]) -> None:
    _, _, cookie = come_in(tenants[0])
    victim, _, victims = come_in(tenants[0], subject="person-2")
    live = sessions.resume(cookie)
    assert live
    actor = live.actor(HERE)
    assert sessions.counts(actor)[victim.id] == 1
    with pytest.raises(NotFound):
        people.find(actor, "per_made_up")
    assert sessions.end_of_person(actor, people.find(actor, victim.id)) == 1
    session.commit()
    forget()
    assert sessions.resume(victims) is None
    assert sessions.resume(cookie) is not None


@pytest.mark.parametrize(
    ("sid", "subject", "ended"),
    [
        ("sid-1", "person-1", {"one"}),
        ("sid-1", None, {"one"}),
        (None, "person-1", {"one", "two", "globex"}),
        ("sid-9", None, set()),
        (None, "person-9", set()),
    ],
)
def test_what_a_back_channel_logout_ends(
    tenants: tuple[str, str], sid: str | None, subject: str | None, ended: set[str]
) -> None:
    acme, globex = tenants
    cookies = {
        "one": come_in(acme)[2],
        "two": come_in(acme, sid="sid-2")[2],
        "globex": come_in(globex, sid="sid-3")[2],
        "another": come_in(acme, subject="person-2", sid="sid-4")[2],
    }
    assert sessions.obey(LogoutNotice(ISSUER, "jti-1", sid, subject), HERE) == len(ended)
    session.commit()
    for name, cookie in cookies.items():
        forget()
        assert (sessions.resume(cookie) is None) is (name in ended), name


def test_another_issuers_logout_ends_nothing(tenants: tuple[str, str]) -> None:
    _, _, cookie = come_in(tenants[0])
    notice = LogoutNotice("https://other.example", "jti-1", "sid-1", "person-1")
    assert sessions.obey(notice, HERE) == 0
    session.commit()
    forget()
    assert sessions.resume(cookie) is not None


def test_a_logout_is_obeyed_once(tenants: tuple[str, str]) -> None:
    notice = LogoutNotice(ISSUER, "jti-1", None, "person-1")
    assert sessions.obey(notice, HERE) == 0
    session.commit()
    forget()
    _, _, cookie = come_in(tenants[0])
    assert sessions.obey(notice, HERE) is None, "a replay"
    session.commit()
    forget()
    assert sessions.resume(cookie) is not None


@pytest.mark.parametrize(
    ("claim", "missing"),
    [
        (None, "tenant"),
        ("", "tenant"),
        ([], "tenant"),
        (7, "tenant"),
        ({"id": "x"}, "tenant"),
        ("tnt_unknown", "known tenant"),
        ("t" * 200, "known tenant"),
        ("tnt\0", "known tenant"),
        ([7], "known tenant"),
        (["tnt_a", "tnt_b"], "one tenant"),
    ],
)
def test_whose_tenant_is_not_clear_stays_out(claim: Any, missing: str) -> None:
    with pytest.raises(people.NoAccess) as refusal:
        people.admit(identity(claim), RULES)
    assert refusal.value.missing == missing


@pytest.mark.parametrize("role", ["", "owner", "Admin", None, 7, ["admin"]])
def test_a_role_that_is_not_in_the_table_gives_nothing(tenants: tuple[str, str], role: Any) -> None:
    with pytest.raises(people.NoAccess) as refusal:
        people.admit(identity(tenants[0], role=role), RULES)
    assert refusal.value.missing == "role"


def test_a_list_of_one_tenant_is_clear(tenants: tuple[str, str]) -> None:
    tenant, _ = people.admit(identity([tenants[0]]), RULES)
    assert tenant.id == tenants[0]


def test_a_taken_role_ends_the_sessions(tenants: tuple[str, str]) -> None:
    _, _, cookie = come_in(tenants[0])
    enter_tenant(tenants[0])
    sessions.take_away(tenants[0], ISSUER, "person-1")
    session.commit()
    forget()
    assert sessions.resume(cookie) is None


def test_old_sessions_and_notices_are_forgotten(
    tenants: tuple[str, str], database: Database
) -> None:
    come_in(tenants[0])
    move(database, "created_at", timedelta(days=3))
    _, kept, _ = come_in(tenants[0])
    sessions.obey(LogoutNotice(ISSUER, "jti-1", None, "person-9"), HERE)
    session.commit()
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        connection.execute("UPDATE seen_logout_token SET seen_at = now() - interval '11 minutes'")
    for job in HOUSEKEEPING:
        forget()
        with transaction(tenants[0] if job.due else None):
            job.run(*([tenants[0]] if job.due else []))
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        assert connection.execute("SELECT id FROM web_session").fetchall() == [(kept,)]
        assert connection.execute("SELECT 1 FROM seen_logout_token").fetchall() == []
