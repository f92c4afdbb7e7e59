"""Test that tenants take turns, whatever number of endpoints and deliveries each has."""

from typing import NamedTuple

import pytest
from flask import Flask

from portal.delivery.queue import turns
from portal.delivery.queue.turns import Round, in_turns
from tests.cast import ACME, GLOBEX, Api
from tests.databases import Database
from tests.delivery.test_engine import publish, rfp
from tests.webhooks.kit import Hands

URL = "https://hooks.example.com/"


class Thing(NamedTuple):
    tenant_id: str
    webhook_id: str
    number: int


def test_each_tenant_gets_one_before_another_gets_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "FEW", 2)
    many = [Thing("a", f"w{number % 3}", number) for number in range(9)]
    quiet, last = Thing("b", "v", 9), Thing("b", "v", 10)
    first, second, *rest = in_turns([*many, quiet, last])
    assert [first, second] == [many[0], quiet]
    assert rest == [many[1], last, many[3], many[4], many[6], many[7]]


def searched(hands: Hands, round_: Round, busy: list[str]) -> list[tuple[str, str]]:
    """Return the endpoints of the next turn that has any; none at the end of the round."""
    found = hands.run(round_.search(hands.connection, busy))
    while not found and not round_.is_over:
        found = hands.run(round_.search(hands.connection, busy))
    return [(one.tenant_id, one.webhook_id) for one in found]


def test_a_round_has_a_few_endpoints_of_each_tenant_and_the_next_one_those_after_them(
    app: Flask, database: Database, ada: Api, gus: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "FEW", 2)
    like = {"url": URL, "event_types": ["rfp.*"]}
    many = sorted(ada.create("webhooks", name=f"{n}", **like)["id"] for n in range(5))
    quiet = gus.create("webhooks", name="Other", **like)["id"]
    for api in (ada, gus):
        publish(api, rfp(1))
    a, other = [(ACME, id) for id in many], [(GLOBEX, quiet)]
    with Hands(database) as hands:
        round_ = Round()
        found = [searched(hands, round_, []) for _ in range(9)]
        nothing: list[tuple[str, str]] = []
        assert found[:4] == [a[:2], other, a[2:4], other]
        assert found[4:] == [[a[4], *other], nothing, a[:2], other, a[2:4]]
        assert not round_.is_whole
        round_ = Round()
        found = [searched(hands, round_, [many[4]]) for _ in range(6)]
        assert found == [a[:2], other, a[2:4], other, a[:2], other]
        whole = Round()
        assert searched(hands, whole, many) == other
        assert (whole.is_over, whole.is_whole) == (True, True)
