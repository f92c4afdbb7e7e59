"""PostgreSQL is killed during calls that reserve money: every VALID call can still be settled."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.core.config import Config, libpq_url
from portal.database.session import db
from portal.fast import pipeline
from portal.keys.limits.counting import connect
from tests.cast import Api, Provider
from tests.delivery.crashes.test_restarts import KILL, Server
from tests.thorough import times

KILLS = times(1)
CALLERS = 4
CALLS = 100  # admitted before each kill


@pytest.fixture
def server(
    places: Callable[[], Path], make_config: Callable[..., Config], token_provider: Provider
) -> Iterator[Server]:
    server = Server(places() / "var", make_config, token_provider)
    yield server
    server.app.extensions["keys"].end()
    with server.app.app_context():
        db.engine.dispose()
    server.postgres.stop()


def settled(ada: Api, reservation: str) -> Any:
    path, bill = f"/api-keys/reservations/{reservation}/settle", {"cost_usd": 0.001}
    while (answer := ada.post(path, bill)).status_code == 503:
        pass
    return answer


@pytest.mark.proof
@pytest.mark.parametrize("slices", [True, False], ids=["lent", "one by one"])
def test_every_reservation_that_was_answered_is_billed_after_a_crash(server: Server, slices: bool):
    # With a maximum of uses, PostgreSQL counts each call.
    more: dict[str, Any] = {} if slices else {"max_uses": 1_000_000}
    issued = server.ada.create("api-keys", max_budget_usd=1000, **more)
    ask = {"key": issued["key"], "estimated_usd": 0.01}
    reserved: list[str] = []
    enough = threading.Semaphore(0)
    going = True

    def go_on() -> None:
        caller = Api(server.app.test_client(), server.ada.token)
        while going:
            answer = caller.post("/api-keys/verify", ask)
            if answer.status_code == 200 and answer.json and answer.json["valid"]:
                reserved.append(answer.json["reservation_id"])
                enough.release()

    callers = [threading.Thread(target=go_on) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(KILLS):
            for _ in range(CALLS):
                assert enough.acquire(timeout=60)
            server.goes(KILL)
            server.comes_back()
    finally:
        going = False
        for caller in callers:
            caller.join(60)
    assert len(set(reserved)) == len(reserved) >= KILLS * CALLS
    assert any("." in one for one in reserved) is slices
    assert {settled(server.ada, one).status_code for one in reserved} == {200}
    spent = server.database.sql("SELECT spent_usd FROM key_budget")
    assert spent == server.database.sql("SELECT sum(cost_usd) FROM spend_ledger")
    assert float(spent) == pytest.approx(len(reserved) * 0.001)


@pytest.mark.proof
@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
def test_a_statement_after_the_death_of_its_server_says_that_the_connection_is_lost(
    server: Server, how: signal.Signals
):
    ask = [pipeline.Ask(b"SELECT 1 + $1::int", (1,))]
    for _ in range(4):  # the error depends on how far the connection's end has come
        connection, kept = connect(libpq_url(server.database.app_url)), dict[Any, Any]()
        assert pipeline.run(connection, kept, ask) == [[(2,)]]
        server.goes(how)
        errors = 0
        while errors < 3:
            try:
                pipeline.run(connection, kept, ask)
            except psycopg.OperationalError:
                errors += 1
            else:
                assert not errors, "only its own process may still answer, until it notices"
        server.comes_back()
