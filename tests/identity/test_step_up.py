"""Do what a person asked for once they have signed in again, with what they typed."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.core.config import libpq_url
from portal.core.key_shape import SHAPE
from portal.identity.sessions.cookies import Cookies
from portal.keys.decision import format as key_format
from tests.cast import ADA, VIC, Api, Pages
from tests.databases import Database
from tests.identity.conftest import Visitor
from tests.identity.test_pages import age_sign_ins, back, to_provider, visitor, walk_in

__all__ = ["visitor"]  # a fixture

HERE = {"Referer": "http://localhost/account/sessions"}


class Late:
    """Ada's browser, whose sign-in is older than ten minutes."""

    def __init__(self, client: FlaskClient, visitor: Visitor, database: Database) -> None:
        self.client, self.visitor, self.database = client, visitor, database
        self.config = client.application.extensions["portal"]
        self.pages = Pages(client, "")
        walk_in(client, visitor, ADA)
        self.grow_old()

    def grow_old(self) -> None:
        age_sign_ins(self.database)

    def press(self, path: str, data: dict[str, Any] | None = None) -> TestResponse:
        """Send a form; the portal asks to sign in again."""
        answer = self.pages.post(path, data, headers=HERE)
        assert answer.status_code == 303, answer.text
        assert answer.location == "/auth/login?again=1&next=%2Faccount%2Fsessions"
        return answer

    def callback(self, asked: TestResponse, email: str = ADA) -> str:
        """Sign in at the provider, and return the path that it sends the browser back to."""
        begun = self.client.get(asked.location or "")
        return back(to_provider(begun, self.visitor), self.visitor, email)

    def sign_in(self, asked: TestResponse) -> TestResponse:
        """Sign in and follow the portal to the answer."""
        answer = self.client.get(self.callback(asked))
        assert answer.status_code == 303
        return self.client.get(answer.location or "")

    def waiting(self) -> list[Any]:
        """Return the acts that the database holds."""
        with psycopg.connect(libpq_url(self.database.superuser_url)) as connection:
            query = "SELECT kept_act FROM web_session WHERE kept_act IS NOT NULL"
            return [row[0] for row in connection.execute(query).fetchall()]


@pytest.fixture
def late(
    client: FlaskClient, tenants: tuple[str, str], visitor: Visitor, database: Database
) -> Late:
    return Late(client, visitor, database)


def test_a_deletion_is_done_after_the_sign_in(late: Late, ada: Api) -> None:
    made = ada.create("webhooks", name="CRM events")
    asked = late.press(f"/webhooks/{made['id']}/delete", {"version": "1"})
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200
    answer = late.sign_in(asked)
    assert (answer.status_code, answer.location) == (303, "/webhooks")
    assert "CRM events is deleted" in late.client.get("/webhooks").text
    assert ada.get(f"/webhooks/{made['id']}").status_code == 404
    assert late.waiting() == []
    [entry, *_] = ada.get(f"/webhooks/{made['id']}/history").json["items"]
    assert entry["actor_name"] == "Ada Almeida"


def test_what_was_typed_is_kept(late: Late, ada: Api) -> None:
    made = ada.create("api-keys")
    reason = "gone with its owner & <never> missed"
    late.sign_in(late.press(f"/keys/{made['id']}/revoke", {"reason": reason}))
    assert ada.get(f"/api-keys/{made['id']}").json["revoked_reason"] == reason


def test_a_new_key_is_shown_once(late: Late, ada: Api) -> None:
    form = late.client.get("/keys/new")
    assert form.status_code == 200, "to look at the form needs no sign-in"
    typed = {"name": "Nightly", "kind": "service", "lifetime": "90", "idempotency_key": "a" * 22}
    asked = late.press("/keys/new", {**typed, "scopes": ["keys:read", "keys:write"]})
    shown = late.sign_in(asked)
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    nonce = re.search(r"'nonce-([^']+)'", shown.headers["Content-Security-Policy"])
    assert nonce
    assert f'nonce="{nonce[1]}"' in shown.text
    assert len(shown.headers.getlist("X-Content-Type-Options")) <= 1
    assert len(set(re.findall(SHAPE, shown.text))) == 1
    again = late.client.get("/auth/go-on")
    assert (again.status_code, again.location) == (303, "/")
    [key] = ada.get("/api-keys").json["items"]
    assert (key["name"], key["scopes"]) == ("Nightly", ["keys:read", "keys:write"])


def test_what_is_wrong_with_the_form_is_shown_after_the_sign_in(late: Late, ada: Api) -> None:
    asked = late.press("/keys/new", {"kind": "service", "lifetime": "90", "rpm_limit": "many"})
    answer = late.sign_in(asked)
    assert answer.status_code == 422
    assert 'value="many"' in answer.text
    assert ada.get("/api-keys").json["items"] == []


def ended(late: Late) -> None:
    late.client.delete_cookie(Cookies.of(late.config).session)


def signed_out_in_another_tab(late: Late) -> None:
    late.pages.post("/auth/logout")


@pytest.mark.parametrize("session_is", [ended, signed_out_in_another_tab])
def test_a_form_that_was_sent_after_the_session_had_ended_is_come_back_to(
    late: Late, ada: Api, session_is: Callable[[Late], None]
) -> None:
    token = late.pages.csrf_token()
    session_is(late)
    here = {"Referer": "http://localhost/applications/new", "Sec-Fetch-Site": "same-origin"}
    typed = {"display_name": "CRM 360", "csrf_token": token}
    asked = late.client.post("/applications/new", data=typed, headers=here)
    assert asked.location == "/auth/login?next=%2Fapplications%2Fnew&kept=1"
    answer = late.client.get(late.callback(asked))
    assert answer.location == "/applications/new#signed-in-again"
    plain = late.client.get("/auth/login?next=/applications/new")
    assert plain.location == "/applications/new", "signed in by now, and nothing was kept"
    assert ada.get("/applications").json["items"] == []


# ---------------------------------------------------------------- attacks and accidents


def test_another_person_does_not_do_it(late: Late, ada: Api) -> None:
    made = ada.create("webhooks")
    asked = late.press(f"/webhooks/{made['id']}/delete", {"version": "1"})
    answer = late.client.get(late.callback(asked, VIC))
    assert answer.status_code == 403
    walk_in(late.client, late.visitor, VIC)
    assert late.client.get("/auth/go-on").location == "/"
    late.client.delete_cookie(Cookies.of(late.config).session)
    walk_in(late.client, late.visitor, ADA)
    assert late.client.get("/auth/go-on").location == "/"
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200
    assert late.waiting() == []


def test_it_is_done_once_however_often_the_page_is_loaded(late: Late, ada: Api) -> None:
    typed = {"name": "Nightly", "kind": "service", "lifetime": "90", "idempotency_key": "b" * 22}
    callback = late.callback(late.press("/keys/new", typed))
    assert late.client.get(callback).location == "/auth/go-on"
    assert late.client.get("/auth/go-on").status_code == 200
    for _ in range(2):
        assert late.client.get(callback).location == "/"
        assert late.client.get("/auth/go-on").location == "/"
    assert len(ada.get("/api-keys").json["items"]) == 1


def test_a_form_that_is_sent_twice_is_done_once(late: Late, ada: Api) -> None:
    typed = {"name": "Nightly", "kind": "service", "lifetime": "90", "idempotency_key": "c" * 22}
    late.press("/keys/new", typed)
    late.sign_in(late.press("/keys/new", typed))
    assert late.pages.post("/keys/new", typed).status_code == 409, "Back, and pressed again"
    assert len(ada.get("/api-keys").json["items"]) == 1


def test_a_record_that_was_changed_meanwhile_is_not_deleted(late: Late, ada: Api) -> None:
    made = ada.create("webhooks", name="CRM events")
    asked = late.press(f"/webhooks/{made['id']}/delete", {"version": "1"})
    ada.patch(f"/webhooks/{made['id']}", {"name": "Still needed"})
    answer = late.sign_in(asked)
    assert answer.status_code == 409
    assert "changed since the page was loaded" in answer.text
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200


def test_an_abandoned_act_is_not_done_by_another_sign_in(late: Late, ada: Api) -> None:
    made = ada.create("webhooks")
    late.client.get(late.press(f"/webhooks/{made['id']}/delete", {"version": "1"}).location or "")
    begun = late.client.get("/auth/login?again=1&next=/account/sessions")
    answer = late.client.get(back(to_provider(begun, late.visitor), late.visitor, ADA))
    assert answer.location == "/account/sessions#signed-in-again"
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200
    assert late.waiting() == []


def test_a_link_elsewhere_does_not_lead_to_it(late: Late, ada: Api) -> None:
    made = ada.create("webhooks")
    late.press(f"/webhooks/{made['id']}/delete", {"version": "1"})
    begun = late.client.get("/auth/login?again=1&next=https://evil.example/")
    answer = late.client.get(back(to_provider(begun, late.visitor), late.visitor, ADA))
    assert answer.location == "/#signed-in-again"
    assert late.client.get("/auth/go-on?next=https://evil.example/").location == "/"
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200


def test_it_waits_for_ten_minutes_at_most(late: Late, ada: Api, database: Database) -> None:
    made = ada.create("webhooks")
    asked = late.press(f"/webhooks/{made['id']}/delete", {"version": "1"})
    database.sql("UPDATE web_session SET act_kept_at = now() - interval '11 minutes'")
    assert "Press the button again" in late.sign_in(asked).text
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200


def test_who_signs_out_meanwhile_does_nothing(late: Late, ada: Api) -> None:
    made = ada.create("webhooks")
    callback = late.callback(late.press(f"/webhooks/{made['id']}/delete", {"version": "1"}))
    late.pages.post("/auth/logout")
    late.client.get(callback)
    late.client.get("/auth/go-on")
    assert ada.get(f"/webhooks/{made['id']}").status_code == 200
    assert late.waiting() == []


def test_a_form_from_elsewhere_is_not_kept(late: Late, ada: Api) -> None:
    made = ada.create("webhooks")
    foreign = {"Sec-Fetch-Site": "cross-site"}
    path = f"/webhooks/{made['id']}/delete"
    assert late.pages.post(path, {"version": "1"}, headers=foreign).status_code == 403
    assert late.client.post(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    assert late.waiting() == []


# ---------------------------------------------------------------- secrets


def test_what_the_explorer_was_given_is_asked_for_again_if_it_is_secret(
    late: Late, ada: Api
) -> None:
    raw = key_format.generate("acme", "service").text
    typed = {"body.name": f"used {raw}", "body.rpm_limit": "77"}
    asked = late.press("/explorer/integration.apiKeys.create", typed)
    assert "77" in str(late.waiting())
    assert raw not in str(late.waiting())
    shown = late.sign_in(asked)
    assert shown.status_code == 200
    assert 'value="77"' in shown.text
    assert "Type the secret again" in shown.text
    assert raw not in shown.text
    assert ada.get("/api-keys").json["items"] == []


def test_a_form_with_a_key_in_it_is_not_kept(late: Late, ada: Api) -> None:
    made = ada.create("api-keys")
    raw = key_format.generate("acme", "service").text
    asked = late.press(f"/keys/{made['id']}/revoke", {"reason": f"it was {raw}"})
    assert late.waiting() == []
    assert "Press the button again" in late.sign_in(asked).text
    assert ada.get(f"/api-keys/{made['id']}").json["status"] == "active"
