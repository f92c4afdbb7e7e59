"""Bad input: answered with the field's name, nothing stored, and nothing sent to where it must not.

In production no address of the inner network is open, unlike on a developer's machine.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from flask import Flask, Response, redirect

from portal.outbound import client
from portal.outbound.networks import networks
from tests.cast import Api
from tests.connections.conftest import PASSWORD, USER, RunChecks, Service
from tests.connections.test_checks import Make, checks, ok, read
from tests.databases import Database
from tests.identity.serving import served
from tests.outbound.test_urls import LOOPBACK_SPELLINGS, METADATA_SPELLINGS

DRAFTS = "/connectors/draft-checks"
STORED = """SELECT (SELECT count(*) FROM connector) + (SELECT count(*) FROM connector_check)
+ (SELECT count(*) FROM connector_credentials) + (SELECT count(*) FROM idempotency_key)"""
RIGHT_TO_LEFT = "\u202e"


def draft(address: str, **more: Any) -> dict[str, Any]:
    return {
        "provider": "http",
        "auth_type": "basic",
        "config": {"baseUrl": address},
        "credentials": {"username": USER, "password": PASSWORD},
        **more,
    }


@pytest.fixture
def in_production(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the portal have the networks of production: none of the inner ones is open."""
    config = app.extensions["portal"].model_copy(update={"env": "production", "outbound_allow": ()})
    monkeypatch.setitem(app.extensions, "portal", config)


class Names:
    """A name server that gives another answer each time. It repeats the last one."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def lookup(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """Return `names(answer, …)`, which lets the machine's resolver give these answers."""

    def use(*answers: Sequence[str]) -> Names:
        server = Names(*answers)
        defaults = client.OutboundClient.__init__.__kwdefaults__
        monkeypatch.setitem(defaults, "lookup", server.lookup)
        return server

    return use


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS + METADATA_SPELLINGS)
def test_no_spelling_of_an_inner_address_is_reached_by_a_check(
    host: str,
    in_production: None,
    names: Callable[..., Names],
    ada: Api,
    service: Service,
    run_checks: RunChecks,
) -> None:
    names(["127.0.0.1"])
    port = service.address.rpartition(":")[2]
    body = draft(f"http://{host}:{port}")
    tried = ada.post(DRAFTS, body)
    created = ada.post("/connectors", body)
    results = []
    if tried.status_code == 200:
        results.append(tried.json)
    if created.status_code == 201:
        run_checks()
        results += checks(ada, created.json or {})
    for result in results:
        assert result["outcome"] == "config", result
        assert [step["state"] for step in result["steps"]][:2] == ["failed", "not_tried"]
        assert "127.0.0.1" not in result["said"].replace(host, "")
    for refused in (tried, created):
        if refused.status_code not in (200, 201):
            assert refused.status_code == 422
            assert [one["field"] for one in (refused.json or {})["errors"]] == ["config.baseUrl"]
    assert service.calls == 0, "it was never dialled"


def test_a_name_that_turns_inwards_is_not_dialled_again(
    names: Callable[..., Names],
    in_production: None,
    ada: Api,
    service: Service,
    run_checks: RunChecks,
) -> None:
    """The first answer is public, and nobody is there; the second one is this machine."""
    port = service.address.rpartition(":")[2]
    record = ada.create("connectors", **draft(f"http://rebinding.example:{port}"))
    server = names(["127.0.0.1"])
    run_checks()
    (check,) = checks(ada, record)
    assert server.asked == ["rebinding.example"], "one question for each connection"
    assert check["outcome"] == "config", check
    assert service.calls == 0


def test_a_name_that_turns_inwards_between_two_steps_is_not_asked_again(
    names: Callable[..., Names], app: Flask, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All requests of a check go to the address that was judged; here an operator has opened it."""
    opened = app.extensions["portal"].model_copy(
        update={"outbound_allow": networks(["127.0.0.1/32"])}
    )
    monkeypatch.setitem(app.extensions, "portal", opened)
    server = names(["127.0.0.1"], ["127.0.0.2"])
    called: list[str] = []
    with served(lambda address: issuer_of(address, called), host="id.example") as place:
        config = {"issuer": place, "baseUrl": place}
        credentials = {"client_id": "portal", "client_secret": PASSWORD}
        result = ok(
            ada.post(
                DRAFTS,
                {"provider": "oauth2_issuer", "config": config, "credentials": credentials},
            )
        )
    assert server.asked == ["id.example"]
    assert called == ["metadata", "token", "api"]
    assert result["outcome"] == "passed", result


def issuer_of(place: str, called: list[str], moved_to: str = "") -> Flask:
    """Return an issuer, and an API beside it, which note what was called.

    Its first metadata name its own token address; the later ones that of `moved_to`, if given.
    """
    answers = {
        "/.well-known/openid-configuration": (
            "metadata",
            {"issuer": place, "token_endpoint": f"{place}/token"},
        ),
        "/token": ("token", {"access_token": "t", "token_type": "Bearer", "expires_in": 60}),
        "/": ("api", {}),
    }
    app = Flask("issuer")

    def answer(path: str) -> dict[str, Any]:
        name, document = answers[f"/{path}"]
        if name == "metadata" and moved_to and name in called:
            document = {**document, "token_endpoint": f"{moved_to}/token"}
        called.append(name)
        return document

    app.add_url_rule("/", "root", lambda: answer(""))
    app.add_url_rule("/<path:path>", "answer", answer, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize("typed", [["client_id"], ["client_id", "client_secret"]])
def test_a_secret_does_not_follow_a_token_address_that_moves(
    ada: Api, run_checks: RunChecks, typed: list[str]
) -> None:
    """The issuer names another host than before. What is entered anew as a whole goes there."""
    called: list[str] = []
    held = {"client_id": "portal", "client_secret": PASSWORD}
    with (
        served(lambda place: issuer_of(place, called)) as elsewhere,
        served(lambda place: issuer_of(place, called, moved_to=elsewhere)) as place,
    ):
        config = {"issuer": place, "baseUrl": place}
        body = {"provider": "oauth2_issuer", "config": config, "credentials": held}
        record = ada.create("connectors", **body)
        run_checks()
        assert called == ["metadata", "token", "api"]
        ada.patch(f"/connectors/{record['id']}", {"name": "Another name"})
        assert ada.post(f"/connectors/{record['id']}/checks", {}).status_code == 202
        run_checks()
        refused = checks(ada, record)[0]
        assert refused["outcome"] == "config"
        assert elsewhere in refused["said"], refused
        assert called[3:] == ["metadata"], "nothing secret was sent"
        given = {name: held[name] for name in typed}
        ok(ada.patch(f"/connectors/{record['id']}", {"credentials": given}))
        run_checks()
        outcome = checks(ada, record)[0]["outcome"]
        assert outcome == ("passed" if typed == [*held] else "config")


def test_a_name_with_one_inner_address_among_others_is_refused(
    names: Callable[..., Names], in_production: None, ada: Api, service: Service
) -> None:
    names(["192.0.78.24", "127.0.0.1"])
    port = service.address.rpartition(":")[2]
    result = ok(ada.post(DRAFTS, draft(f"http://mixed.example:{port}")))
    assert result["outcome"] == "config"
    assert service.calls == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_do_not_follow_a_redirect_to_another_origin(
    status: int, ada: Api, service: Service, run_checks: RunChecks
) -> None:
    sends_on = Flask("redirecting")
    sends_on.add_url_rule("/", view_func=lambda: redirect(f"{service.address}/", status))
    with served(lambda _: sends_on) as address:
        record = ada.create("connectors", **draft(address))
        run_checks()
        (check,) = checks(ada, record)
        assert check["outcome"] == "config", check
        assert service.address.split("//")[1].split(":")[0] in check["said"] + check["remedy"]
    assert service.calls == 0


def test_an_answer_without_an_end_is_cut_and_said(ada: Api) -> None:
    def endless() -> Response:
        def drops() -> Iterator[bytes]:
            while True:
                yield b"a" * 65536

        return Response(drops(), 200)

    app = Flask("endless")
    app.add_url_rule("/", view_func=endless)
    with served(lambda _: app) as address:
        result = ok(ada.post(DRAFTS, draft(address)))
    assert result["outcome"] in {"transient", "config"}, result
    assert result["took_ms"] < 12_000
    assert len(str(result)) < 4000


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": f"Jira{RIGHT_TO_LEFT}moc.elpmaxe"}, "name"),
        ({"name": "Jira\u2066"}, "name"),
        ({"config": {"baseUrl": f"https://api{RIGHT_TO_LEFT}.example"}}, "config.baseUrl"),
        ({"config": {"baseUrl": "https://a.example", "testPath": f"/{RIGHT_TO_LEFT}"}},
         "config.testPath"),
        ({"tags": [f"a{RIGHT_TO_LEFT}"]}, "tags.0"),
        ({"config": {"baseUrl": "not an address"}}, "config.baseUrl"),
        ({"config": {"baseUrl": ["https://a.example"]}}, "config.baseUrl"),
        ({"config": {"baseUrl": "https://a.example", "expectStatus": "200"}},
         "config.expectStatus"),
        ({"config": []}, "config"),
        ({"credentials": {"password": 1}}, "credentials.password"),
        ({"credentials": {"password": "a\x01b"}}, "credentials.password"),
        ({"credentials": {"token": "a"}}, "credentials.token"),
        ({"credentials": "secret"}, "credentials"),
        ({"provider": "no such provider"}, "provider"),
        ({"surprise": 1}, "surprise"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/connectors", DRAFTS])
def test_a_value_that_cannot_be_is_named_and_nothing_is_stored_or_sent(
    path: str,
    change: dict[str, Any],
    field: str,
    ada: Api,
    service: Service,
    database: Database,
) -> None:
    answer = ada.post(path, {**draft(service.address), **change})
    problem = answer.json or {}
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in problem["errors"]] == [field], problem
    assert problem["errors"][0]["message"].endswith((".", "…"))
    assert (database.sql(STORED), service.calls) == (0, 0)


@pytest.mark.parametrize("body", ["[]", '"a"', "1", "null", "true", "{", '{"a":1,"a":2}'])
@pytest.mark.parametrize(
    "path", [DRAFTS, "/connectors/{}/checks", "/connectors/{}/credential-restorations"]
)
def test_a_body_that_is_no_object_is_refused(
    path: str, body: str, ada: Api, connector: Make, database: Database
) -> None:
    record = connector(enabled=False)
    before = database.sql(STORED)
    answer = ada.call(
        "POST", path.format(record["id"]), data=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {400, 422}, answer.text
    assert (answer.json or {})["detail"]
    assert database.sql(STORED) == before


@pytest.mark.parametrize(
    "version", [0, -1, 2**31, 2**63 - 1, "1", 1.5, True, None, [1], {"number": 1}]
)
def test_a_version_that_cannot_be_is_named(
    version: Any, ada: Api, connector: Make, database: Database
) -> None:
    record = connector(enabled=False)
    ok(ada.patch(f"/connectors/{record['id']}", {"credentials": {"password": "another"}}))
    before = database.sql(STORED)
    path = f"/connectors/{record['id']}/credential-restorations"
    answer = ada.post(path, {"version": version})
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in (answer.json or {})["errors"]] == ["version"]
    assert database.sql(STORED) == before


def test_a_version_of_too_many_digits_is_refused(
    ada: Api, connector: Make, database: Database
) -> None:
    record = connector(enabled=False)
    before = database.sql(STORED)
    path = f"/connectors/{record['id']}/credential-restorations"
    assert ada.post(path, {"version": 10**30}).status_code == 400
    assert database.sql(STORED) == before


# --- what belongs to others -----------------------------------------------------------------------


def test_a_check_of_another_tenant_is_not_there_under_ones_own_connector(
    ada: Api, gus: Api, connector: Make, service: Service, run_checks: RunChecks
) -> None:
    record = connector()
    run_checks()
    (check,) = checks(ada, record)
    own = gus.create("connectors", **draft(service.address))
    made_up = "chk_" + "0" * 26
    theirs = gus.get(f"/connectors/{own['id']}/checks/{check['id']}")
    nobodys = gus.get(f"/connectors/{own['id']}/checks/{made_up}")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert alike(theirs.json, check["id"]) == alike(nobodys.json, made_up)
    another = ada.create("connectors", **draft(service.address))
    assert ada.get(f"/connectors/{another['id']}/checks/{check['id']}").status_code == 404
    for path in ("checks", "credential-restorations"):
        body = {"version": 1} if path != "checks" else {}
        assert gus.post(f"/connectors/{record['id']}/{path}", body).status_code == 404
    assert read(ada, record)["sync_status"] == "healthy"


def alike(problem: Any, check_id: str) -> str:
    told = {
        name: value for name, value in problem.items() if name not in ("instance", "request_id")
    }
    return str(told).replace(check_id, "<id>")


@pytest.mark.parametrize(
    "check_id", ["chk_", "%00", "..", "a" * 500, "chk_%F0%9F%92%A9", "' OR 1=1"]
)
def test_an_id_of_a_check_that_cannot_be_is_not_found(
    check_id: str, ada: Api, connector: Make
) -> None:
    record = connector(enabled=False)
    assert ada.get(f"/connectors/{record['id']}/checks/{check_id}").status_code == 404
