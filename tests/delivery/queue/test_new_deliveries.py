"""Test that new deliveries are sent at once, although workers rarely search for due ones."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask

from portal.delivery import engine as engines
from portal.delivery.concurrency import FIRST_WIDTH
from portal.delivery.queue import new_deliveries, queue
from tests.cast import ACME, Api
from tests.databases import Database
from tests.delivery.test_engine import deliveries, delivering, publish, rfp, until
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import Hands, rows

Looks = list[int]


@pytest.fixture
def looks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """Yield a counter of a worker's searches for due deliveries; by itself it searches once an
    hour."""
    counted, due = [0], queue.due

    async def counting(*arguments: Any) -> Any:
        counted[0] += 1
        return await due(*arguments)

    monkeypatch.setattr(queue, "due", counting)
    monkeypatch.setattr(engines, "POLL_SECONDS", 3600)
    with delivering(app):
        until(lambda: counted[0])
        yield counted


def all_delivered(ada: Api, webhook: dict[str, Any], many: int) -> bool:
    return [one["state"] for one in deliveries(ada, webhook)] == ["delivered"] * many


def test_what_is_published_is_claimed_without_a_look(
    looks: Looks, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook, before = make(receiver.hook("crm")), looks[0]
    publish(ada, rfp(1))
    until(lambda: all_delivered(ada, webhook, 1))
    publish(ada, rfp(2), rfp(3))
    until(lambda: all_delivered(ada, webhook, 3))
    assert looks[0] == before
    assert sorted(one["sequence"] for one in deliveries(ada, webhook)) == [1, 2, 3]


def test_more_than_there_is_room_for_leaves_all_the_same(
    looks: Looks, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    publish(ada, *(rfp(n) for n in range(40)))
    until(lambda: all_delivered(ada, webhook, 40))


def test_what_comes_after_a_burst_that_filled_the_room_leaves_at_once(
    looks: Looks, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook, room = make(receiver.hook("crm")), int(FIRST_WIDTH)
    publish(ada, *(rfp(n) for n in range(room)))
    until(lambda: all_delivered(ada, webhook, room))
    publish(ada, rfp(room))
    until(lambda: all_delivered(ada, webhook, room + 1))


@pytest.mark.parametrize("settings", [{"ordered": True}, {"rate_limit": 50}], ids=str)
def test_a_webhook_with_an_order_or_a_rate_is_looked_for(
    settings: dict[str, Any], looks: Looks, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"), **settings)
    for number in range(3):
        publish(ada, rfp(number))
        until(partial(all_delivered, ada, webhook, number + 1))
    assert sorted(one["sequence"] for one in deliveries(ada, webhook)) == [1, 2, 3]


def test_a_publication_for_many_webhooks_reaches_all_of_them(
    looks: Looks, ada: Api, make: Make, receiver: Receiver
) -> None:
    hooks = [make(receiver.hook(f"crm{n}")) for n in range(new_deliveries.MOST_NOTICES + 1)]
    publish(ada, rfp(1))
    until(lambda: all(all_delivered(ada, webhook, 1) for webhook in hooks))


def test_a_webhook_that_is_kept_back_gets_nothing(
    looks: Looks, database: Database, ada: Api, make: Make, receiver: Receiver
) -> None:
    stopped = {name: ada.create("applications")["id"] for name in ("suspended", "retired")}
    hooks = {
        name: make(receiver.hook(name), application_id=stopped.get(name))
        for name in ("suspended", "retired", "paused", "off", "deleted", "slow", "works")
    }
    publish(ada, rfp(0))
    until(lambda: all(all_delivered(ada, hook, 1) for hook in hooks.values()))
    ids = {name: hook["id"] for name, hook in hooks.items()}
    for path, body in (
        (f"/applications/{stopped['suspended']}/suspend", {"reason": "A test."}),
        (f"/applications/{stopped['retired']}/retire", {"reason": "A test."}),
        (f"/webhooks/{ids['paused']}/pause", None),
    ):
        assert ada.post(path, body).status_code == 200, path
    assert ada.call("PATCH", f"/webhooks/{ids['off']}", json={"enabled": False}).status_code == 200
    assert ada.call("DELETE", f"/webhooks/{ids['deleted']}").status_code == 204
    later = "UPDATE endpoint SET not_before = now() + interval '1 hour' WHERE webhook_id = %s"
    rows(database, later, ids["slow"])
    publish(ada, rfp(1))
    until(lambda: all_delivered(ada, hooks["works"], 2))
    assert {name: len(receiver.mail(name)) for name in hooks} == dict.fromkeys(hooks, 1) | {
        "works": 2
    }


def test_a_webhook_that_was_turned_off_meanwhile_is_left_alone(
    database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    new = new_deliveries.Fresh(ACME, webhook["id"], "dlv_0", "dlv_Z")
    assert (
        ada.call("PATCH", f"/webhooks/{webhook['id']}", json={"enabled": False}).status_code == 200
    )
    with Hands(database) as hands:
        asked = new_deliveries.take(hands.connection, ACME, [(new, 10)], hands.presence.number or 0)
        assert hands.run(asked) == ([], {webhook["id"]})


def test_notices_name_the_first_and_the_last_of_each_webhook() -> None:
    owed = [
        {"id": "dlv_2", "webhook_id": "whk_a"},
        {"id": "dlv_3", "webhook_id": "whk_b"},
        {"id": "dlv_1", "webhook_id": "whk_a"},
    ]
    said = new_deliveries.notices("tnt_1", owed)
    assert [new_deliveries.read(one) for one in said] == [
        ("tnt_1", "whk_a", "dlv_1", "dlv_2"),
        ("tnt_1", "whk_b", "dlv_3", "dlv_3"),
    ]
    assert new_deliveries.read("not a notice") is None, "then all that is due is looked for"
    many = [
        {"id": "dlv_1", "webhook_id": f"whk_{n}"} for n in range(new_deliveries.MOST_NOTICES + 1)
    ]
    assert new_deliveries.notices("tnt_1", many) == [new_deliveries.LOOK]
