"""Against servers that fail, a write takes effect once, and the caller learns what happened."""

import logging
import pickle
import socket
import threading
import traceback
from typing import Any

import pytest
from cpod_integration import (
    ApiError,
    Conflict,
    CpodError,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    TransportError,
    Unauthenticated,
    Unavailable,
)
from cpod_integration.transport import LONGEST_IDLE

from portal.ops.serving import HEADER_MILLISECONDS
from tests.sdk.python.both import KINDS, TOKEN, Work, call
from tests.sdk.python.failing import (
    RECORD,
    Behaviour,
    answers_broken_json,
    answers_html,
    closes,
    does_not_know,
    failing,
    is_slow,
    refuses,
    reply,
    resets_after_the_body,
    resets_before_the_body,
    says_no_http,
    truncates,
    works,
)
from tests.thorough import spread

pytestmark = pytest.mark.parametrize("kind", KINDS)

WITH_A_KEY: dict[str, Work] = {
    "create": lambda api: api.applications.create({"display_name": "CRM 360"}),
    "rotate": lambda api: api.api_keys.rotate("key_1"),
}
WITHOUT_A_KEY: dict[str, Work] = {
    "update": lambda api: api.applications.update("app_1", {"display_name": "CRM"}),
    "put": lambda api: api.event_settings.update({"redacted_fields": []}),
    "delete": lambda api: api.webhooks.delete("whk_1"),
    "take_lease": lambda api: api.connectors.take_lease("cnn_1"),
    "record_usage": lambda api: api.api_keys.record_usage("key_1", {"cost_usd": 1}),
}
WRITES = WITH_A_KEY | WITHOUT_A_KEY
LOST: dict[str, Behaviour] = {
    "reset before the body": resets_before_the_body,
    "reset after the body": resets_after_the_body,
    "closed without an answer": closes,
    "truncated answer": truncates,
    "no HTTP": says_no_http,
    "slow": is_slow,
}
UNREADABLE: dict[str, Behaviour] = {"HTML": answers_html, "broken JSON": answers_broken_json}
NOT_DONE = {"429": refuses(429, Retry_After="0"), "503": refuses(503, Retry_After="0")}
UNKNOWN: dict[str, Behaviour] = {"unknown outcome": does_not_know}
HASTE = {"slow": 0.5}
"""Seconds for an answer of a server that does not answer; any other gets all the time it needs."""
READ: Work = lambda api: api.applications.get("app_1")  # noqa: E731


@pytest.mark.proof
@pytest.mark.parametrize(
    ("write", "failure"), spread(WRITES, [*LOST, *UNREADABLE, *NOT_DONE, *UNKNOWN])
)
def test_a_write_takes_effect_once_at_most(kind, write, failure):
    with failing((LOST | UNREADABLE | NOT_DONE | UNKNOWN)[failure]) as server:
        try:
            call(kind, server.address, WRITES[write], read_timeout=HASTE.get(failure, 30))
        except CpodError:
            assert server.effects <= 1
        else:
            assert server.effects == 1


@pytest.mark.parametrize("failure", LOST)
@pytest.mark.parametrize("write", WITH_A_KEY)
def test_a_write_with_a_key_is_tried_again_with_the_same_key(kind, write, failure):
    with failing(LOST[failure]) as server:
        assert (
            call(kind, server.address, WITH_A_KEY[write], read_timeout=HASTE.get(failure, 30))
            == RECORD
        )
    assert len(server.received) == 2
    assert len({one.headers["idempotency-key"] for one in server.received}) == 1


@pytest.mark.proof
@pytest.mark.parametrize(("write", "failure"), spread(WITHOUT_A_KEY, LOST))
def test_a_write_without_a_key_is_sent_once_and_may_be_done(kind, write, failure):
    with failing(LOST[failure]) as server, pytest.raises(TransportError) as raised:
        call(kind, server.address, WITHOUT_A_KEY[write], read_timeout=HASTE.get(failure, 30))
    assert raised.value.may_be_done
    assert len(server.received) == 1


@pytest.mark.parametrize("write", WITHOUT_A_KEY)
def test_a_write_whose_outcome_the_portal_does_not_know_is_sent_once(kind, write):
    with failing(does_not_know) as server, pytest.raises(Unavailable) as raised:
        call(kind, server.address, WITHOUT_A_KEY[write])
    assert raised.value.code == "unknown_outcome"
    assert len(server.received) == 1


@pytest.mark.parametrize("failure", [*LOST, *NOT_DONE])
def test_a_read_is_tried_again(kind, failure):
    with failing((LOST | NOT_DONE)[failure]) as server:
        assert call(kind, server.address, READ, read_timeout=HASTE.get(failure, 30)) == RECORD
    assert len(server.received) == 2


@pytest.mark.parametrize("failure", UNREADABLE)
def test_an_answer_that_is_not_the_portals_is_no_record(kind, failure):
    with failing(UNREADABLE[failure]) as server, pytest.raises(TransportError, match="base_url"):
        call(kind, server.address, READ)
    assert len(server.received) == 1


def test_a_list_that_is_none_is_refused(kind):
    with failing() as server, pytest.raises(TransportError, match="not a list"):
        call(kind, server.address, lambda api: api.applications.list())


def test_a_list_that_leads_back_to_itself_ends(kind):
    def same_page(server: Any, connection: Any, received: Any) -> bool:
        reply(connection, 200, {"items": [RECORD], "next_cursor": "again"})
        return True

    with failing(*[same_page] * 5) as server, pytest.raises(TransportError, match="does not go on"):
        call(kind, server.address, lambda api: api.applications.list())
    assert len(server.received) == 2


def test_it_gives_up_after_the_retries(kind):
    with failing(*[refuses(503, Retry_After="0")] * 9) as server, pytest.raises(Unavailable):
        call(kind, server.address, READ, retries=2)
    assert len(server.received) == 3


def test_it_does_not_wait_beyond_the_deadline(kind):
    with failing(refuses(429, Retry_After="3600")) as server, pytest.raises(RateLimited) as raised:
        call(kind, server.address, READ)
    assert raised.value.retry_after == 3600
    assert len(server.received) == 1


@pytest.mark.parametrize("when", ["soon", "-1", f"Sun, 1 Jan {'9' * 20} 00:00:00 GMT"])
def test_a_time_to_wait_that_cannot_be_read_is_left_out(kind, when):
    with failing(refuses(429, Retry_After=when)) as server, pytest.raises(RateLimited) as raised:
        call(kind, server.address, READ, retries=0)
    assert raised.value.retry_after is None


def test_all_attempts_have_one_deadline(kind):
    with failing(*[is_slow] * 9) as server, pytest.raises(DeadlineExceeded):
        call(kind, server.address, READ, timeout=0.5)
    assert len(server.received) == 1


def test_a_server_that_sends_a_byte_now_and_then_does_not_outlast_the_deadline(kind):
    def drips(server: Any, connection: socket.socket, received: Any) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not server.end.wait(0.1):
            connection.sendall(b"x: y\r\n")
        return False

    with failing(drips) as server, pytest.raises(DeadlineExceeded):
        call(kind, server.address, READ, timeout=0.8, read_timeout=0.5)


def test_nobody_listens(kind):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(TransportError, match="No connection") as raised:
        call(kind, address, WITHOUT_A_KEY["update"], retries=1)
    assert not raised.value.may_be_done


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example"])
def test_a_host_that_is_not_there(kind, host):
    with pytest.raises(TransportError, match="No connection"):
        call(kind, f"http://{host}", READ, retries=0)


def test_a_connection_is_used_again(kind):
    def several(server: Any, connection: Any, received: Any) -> bool:
        page = {"items": [RECORD], "next_cursor": "2" if "cursor" not in received.target else None}
        reply(connection, 200, page)
        ports.add(connection.getpeername())
        return True

    ports: set[Any] = set()
    with failing(several, several) as server:
        found = call(kind, server.address, lambda api: api.applications.list(limit=1))
    assert found == [RECORD, RECORD]
    assert len(ports) == 1


def test_a_connection_is_given_up_before_the_portal_closes_it(kind):
    """A write that is on its way at that moment would be lost, and nobody could repeat it."""
    assert LONGEST_IDLE < HEADER_MILLISECONDS / 1000


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(kind):
    def says_goodbye(server: Any, connection: Any, received: Any) -> bool:
        reply(connection, 200, {"items": [RECORD], "next_cursor": "2"})
        # A proxy tells an idle connection so, and closes it.
        assert is_idle.wait(30)
        reply(connection, 408, b"late")
        said.set()
        return False

    def last(server: Any, connection: Any, received: Any) -> bool:
        reply(connection, 200, {"items": [RECORD], "next_cursor": None})
        return True

    def token() -> str:
        if server.received:
            is_idle.set()
            assert said.wait(30)
        return TOKEN

    is_idle, said = threading.Event(), threading.Event()
    with failing(says_goodbye, last) as server:
        found = call(
            kind, server.address, lambda api: api.applications.list(), retries=0, token=token
        )
    assert found == [RECORD, RECORD]


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ApiError), (401, Unauthenticated), (403, Forbidden), (404, NotFound), (409, Conflict),
     (412, PreconditionFailed), (422, Invalid), (429, RateLimited), (500, ApiError),
     (503, Unavailable), (302, ApiError)],
)  # fmt: skip
def test_each_status_has_its_error(kind, status, error):
    with failing(refuses(status)) as server, pytest.raises(error) as raised:
        call(kind, server.address, READ, retries=0)
    known = raised.value
    assert (known.status, known.code, known.request_id) == (status, "no", "req_1")
    assert "Not now." in str(known)
    again = pickle.loads(pickle.dumps(known))  # noqa: S301
    assert (type(again), str(again)) == (type(known), str(known))


@pytest.mark.parametrize("failure", [*LOST, *UNREADABLE, *NOT_DONE])
def test_no_error_and_no_log_contains_the_token_or_the_body(kind, failure, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "a credential that nobody may see"
    with failing((LOST | UNREADABLE | NOT_DONE)[failure]) as server, pytest.raises(CpodError) as e:
        call(
            kind, server.address, lambda api: api.connectors.create({"credentials": {"k": secret}}),
            read_timeout=HASTE.get(failure, 30), retries=0,
        )  # fmt: skip
    told = "".join(traceback.format_exception(e.value)) + repr(e.value) + caplog.text
    for link in (e.value.__cause__, e.value.__context__):
        told += repr(link) + repr(getattr(link, "__dict__", ""))
    assert TOKEN not in told
    assert secret not in told


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "schlüssel"])
def test_a_token_that_is_none_is_refused_and_not_quoted(kind, token):
    with failing() as server, pytest.raises(ValueError, match="token") as raised:
        call(kind, server.address, READ, token=token)
    assert not server.received
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize("id", ["", ".", "..", {"name": "x"}, None])
def test_an_id_that_is_none_is_refused(kind, id):
    with failing() as server, pytest.raises((ValueError, AttributeError)):
        call(kind, server.address, lambda api: api.webhooks.delete(id))
    assert not server.received


def test_an_id_cannot_leave_its_place_in_the_path(kind):
    with failing(works) as server:
        call(kind, server.address, lambda api: api.webhooks.get("../api-keys?x=1#"))
    assert server.received[0].target == "/api/v1/integration/webhooks/..%2Fapi-keys%3Fx%3D1%23"


def test_a_header_cannot_be_smuggled_in(kind):
    with failing() as server, pytest.raises(ValueError, match="printable"):
        call(kind, server.address, lambda api: api.webhooks.delete("whk_1", if_match="1\r\nA: b"))
    assert not server.received


def test_the_token_may_be_asked_for_at_each_call(kind):
    tokens = iter(["first", "second"])
    with failing() as server:
        call(kind, server.address, READ, token=lambda: next(tokens))
    assert server.received[0].headers["authorization"] == "Bearer first"
