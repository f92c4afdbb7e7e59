"""Test the log: readable, one line each, and never with a secret."""

import json
import logging
import time

import pytest
import structlog

from portal.core import logs

SECRETS = {
    "an API key": ("sk-acme-u0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789a", "0aBcDeFg"),
    "a signing secret": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8G"),
    "a bearer token": ("Authorization: Bearer abc.def-ghi_jkl", "abc.def"),
    "a header in a dict": ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpw"),
    "a cookie": ("Cookie: portal=abcdef0123; theme=dark", "abcdef0123"),
    "a sign-in code": ("GET /auth/callback?code=abcdef0123&state=zyxwv98765", "abcdef0123"),
    "a state": ("GET /auth/callback?code=abcdef0123&state=zyxwv98765", "zyxwv98765"),
    "a JWT": ("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl here", "c2lnbmF0"),
    "a password in a URL": ("postgresql://portal_app:hunter2@db/portal", "hunter2"),
    "a Vault token": ("token hvs.CAESIJlU02LQZq9xNd", "CAESIJlU"),
    "a client secret": ("client_secret=hunter2hunter2&grant_type=x", "hunter2"),
}


@pytest.fixture(autouse=True)
def _as_it_was():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("production", [True, False])
def test_secrets_are_removed_wherever_they_stand(capsys, name: str, production: bool):
    line, secret = SECRETS[name]
    logs.configure(production=production)
    structlog.stdlib.get_logger("t").warning(line, other=line, nested={"deep": [line]})
    logging.getLogger("library").warning("it said %s", line)
    try:
        raise ValueError(line)
    except ValueError:
        structlog.stdlib.get_logger("t").exception("failed")
    said = capsys.readouterr().out
    assert said
    assert secret not in said
    assert logs.REMOVED in said


@pytest.mark.parametrize("key", ["password", "client_secret", "Authorization", "api_key", "token"])
def test_a_secret_is_known_by_its_name(capsys, key: str):
    logs.configure(production=True)
    structlog.stdlib.get_logger("t").info("hello", **{key: "anything"})
    assert json.loads(capsys.readouterr().out)[key] == logs.REMOVED


def test_production_writes_one_json_object_a_line(capsys):
    logs.configure(production=True)
    structlog.stdlib.get_logger("t").info('Authorization: Bearer "abcdef\\"ghi"\nnext', n=1)
    logging.getLogger("library").info("plain")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in lines] == ["info", "info"]
    assert lines[0]["n"] == 1
    assert lines[1]["event"] == "plain"
    assert lines[0]["timestamp"].endswith("Z")


def test_ordinary_words_stay(capsys):
    logs.configure(production=False)
    words = (
        "GET /api/v1/integration/keys key_01K0 whk_01K0 https://example.com/code/of/conduct"
        " a risk-based-approach"
    )
    structlog.stdlib.get_logger("t").info(words, status=200)
    assert words in capsys.readouterr().out


def test_configuring_twice_writes_once(capsys):
    logs.configure(production=True)
    logs.configure(production=True)
    logging.getLogger("library").info("once")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_request_is_one_line_without_its_query(client, capsys):
    logs.configure(production=True)
    client.get("/applications?q=private-words")
    client.get("/healthz")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["logger"] == "portal.web"]
    assert line["event"] == "GET /applications"
    assert line["status"] in (302, 303)
    assert line["ms"] >= 0
    assert line["request"].startswith("req_")


@pytest.mark.parametrize("before", ["x_", "_", "a", "9"])
@pytest.mark.parametrize("name", ["an API key", "a signing secret"])
def test_what_stands_before_a_secret_does_not_hide_it(client, capsys, name: str, before: str):
    line, secret = SECRETS[name]
    logs.configure(production=True)
    for path in ("/", "/in/", "/api/v1/integration/applications/"):
        client.get(f"{path}{before}{line}")
    said = capsys.readouterr().out
    assert said.count(logs.REMOVED) == 3
    assert secret not in said


@pytest.mark.parametrize("name", ["a JWT", "a password in a URL"])
def test_nor_does_an_underscore(name: str):
    line, secret = SECRETS[name]
    assert secret not in logs.redact(f"_{line.removeprefix('got ')}")


@pytest.mark.parametrize("part", ["sk-", "_sk-a1b2-", "whsec_", "eyJ", "a.", "_eyJa-", "://", "a:"])
def test_a_long_line_is_read_quickly(part: str):
    begun = time.process_time()
    logs.redact(f"://sk-eyJ {part * 100_000}")
    assert time.process_time() - begun < 1


FORGED = "\r\n12:00:00 [info     ] ada signed in\x1b[2K\x1b[1A\u2028"


def test_nobody_begins_a_line_of_the_readable_log(client, capsys):
    logs.configure(production=False)
    client.get("/events%0d%0a12:00:00 [info     ] ada signed in%1b[2K")
    structlog.stdlib.get_logger("t").warning(FORGED, other=FORGED)
    logging.getLogger("library").warning("it said %s", FORGED)
    said = capsys.readouterr().out
    assert len(said.rstrip("\n").split("\n")) == 3, said
    assert r"/events\r\n12:00:00" in said
    assert not set("\r\x1b\u2028") & set(said)


def test_nor_does_an_error_that_repeats_what_was_sent(capsys):
    logs.configure(production=False)
    for log in (structlog.stdlib.get_logger("t"), logging.getLogger("library")):
        try:
            raise ValueError(FORGED)
        except ValueError:
            log.exception("failed")
    said = capsys.readouterr().out
    assert "Traceback" in said
    assert not set("\r\x1b\u2028") & set(said)
    begun = [line for line in said.splitlines() if line and not line.startswith("  ")]
    assert [line[10:15] for line in begun] == ["error"] * 2, begun
