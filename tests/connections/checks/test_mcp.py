"""Test the greeting of MCP servers, and how one learns who signs in to them."""

import json

import pytest

from tests.connections.checks.fake import BEARER, TOKEN, Fake, check, reply

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "serverInfo": {"name": "acme-tools", "version": "1.4"},
    },
}
MCP = {"who": {"driver": "mcp", "url": "https://{host}/mcp"}}
CLIENT = {"client_id": "c1", "client_secret": "s3cret of the client"}
AT_RESOURCE = {"kind": "token", "resource": "https://{host}/mcp"}


def greeting(answer: bytes):
    """Return the behaviour of a server that answers this to whoever has the token."""

    def greet(seen):
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            place = f"https://{seen.headers['host']}/.well-known/oauth-protected-resource/mcp"
            return reply({}, 401, WWW_Authenticate=f'Bearer resource_metadata="{place}"')
        return answer

    return greet


@pytest.fixture
def server(fake) -> Fake:
    """Return an MCP server that asks for a token, and its authorization server beside it."""
    fake.routes["/mcp"] = greeting(reply(HELLO, Mcp_Session_Id="s1"))
    fake.routes["/.well-known/oauth-protected-resource/mcp"] = lambda seen: reply(
        {
            "resource": f"https://{seen.headers['host']}/mcp",
            "authorization_servers": [f"https://{seen.headers['host']}/as"],
        }
    )
    fake.routes["/.well-known/oauth-authorization-server/as"] = lambda seen: reply(
        {
            "issuer": f"https://{seen.headers['host']}/as",
            "token_endpoint": f"https://{seen.headers['host']}/token",
        }
    )
    fake.routes["/token"] = reply({"access_token": TOKEN})
    return fake


def test_a_server_is_greeted_and_left(server):
    done = check(server, BEARER, MCP)
    assert (done.report.outcome, done.report.account) == ("passed", "acme-tools, 1.4")
    assert [seen.method for seen in server.seen] == ["POST", "DELETE", "POST"]
    assert "authorization" not in server.seen[2].headers, "it asks whether everybody is let in"
    sent = json.loads(server.seen[0].body)
    assert (sent["method"], sent["params"]["protocolVersion"]) == ("initialize", "2025-06-18")
    assert server.seen[1].headers["mcp-session-id"] == "s1"


def test_a_server_that_greets_everybody_proves_no_token(server):
    server.routes["/mcp"] = reply(HELLO, Mcp_Session_Id="s1")
    done = check(server, BEARER, MCP)
    assert done.report.outcome == "unproven"
    assert [seen.method for seen in server.seen] == ["POST", "DELETE"] * 2


@pytest.mark.parametrize("stays_open", [False, True])
def test_a_greeting_may_come_as_an_event_stream(server, stays_open, monkeypatch):
    event = f"event: message\ndata: {json.dumps(HELLO)}\n\n"
    answer = reply(event, Content_Type="text/event-stream")
    if stays_open:
        monkeypatch.setattr("portal.connections.checks.visit.BODY_SECONDS", 0.2)
        length = str(len(event))
        answer = answer.replace(f"Content-Length: {length}".encode(), b"Content-Length: 999999")
    server.routes["/mcp"] = greeting(answer)
    done = check(server, BEARER, MCP)
    assert (done.report.outcome, done.report.account) == ("passed", "acme-tools, 1.4")


def test_a_refused_token_is_told_with_the_server_that_gives_good_ones(server):
    done = check(server, BEARER, MCP, credentials={"token": "an old token of mine"})
    assert (done.report.outcome, done.step("sign_in").state) == ("auth_invalid", "failed")
    assert "/as" in done.report.said


def test_the_servers_metadata_name_who_gives_a_token(server):
    done = check(server, AT_RESOURCE, MCP, credentials=CLIENT)
    assert done.report.outcome == "passed", done.report
    sent = next(seen for seen in server.seen if seen.path == "/token")
    assert b"resource=https%3A%2F%2Fprovider.example" in sent.body


@pytest.mark.parametrize(
    "lie",
    [
        {"resource": "https://elsewhere.example/mcp"},
        {"authorization_servers": ["http://provider.example/as"]},
        {"authorization_servers": []},
        {"authorization_servers": "x"},
        {"resource": None},
    ],
)
def test_metadata_that_mislead_get_no_secret(server, lie):
    def metadata(seen):
        host = seen.headers["host"]
        truth = {"resource": f"https://{host}/mcp", "authorization_servers": [f"https://{host}/as"]}
        return reply({**truth, **lie})

    server.routes["/.well-known/oauth-protected-resource/mcp"] = metadata
    done = check(server, AT_RESOURCE, MCP, credentials=CLIENT)
    assert (done.report.outcome, done.step("sign_in").state) == ("config", "failed")
    assert all(b"s3cret" not in seen.body for seen in server.seen)


@pytest.mark.parametrize(
    "answer",
    [reply("<!doctype html>"), reply({"jsonrpc": "2.0", "error": {"code": -32600}}), reply({}),
     reply({"result": []}), reply({}, 404), reply("data: x", Content_Type="text/event-stream")],
)  # fmt: skip
def test_what_is_no_mcp_server_is_a_wrong_setting(server, answer):
    server.routes["/mcp"] = greeting(answer)
    assert check(server, BEARER, MCP).report.outcome == "config"
