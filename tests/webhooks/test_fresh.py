"""What was published a moment ago leaves at once, though workers seldom look for what is due."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask

from portal.webhooks import engine as engines
from portal.webhooks import fresh, queue
from portal.webhooks.lanes import FIRST_WIDTH
from tests.cast import Api
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.test_engine import deliveries, delivering, publish, rfp, until

Looks = list[int]


@pytest.fixture
def looks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """How often a worker has looked for what is due; it does so by itself once an hour."""
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
    hooks = [make(receiver.hook(f"crm{n}")) for n in range(fresh.MOST_NOTICES + 1)]
    publish(ada, rfp(1))
    until(lambda: all(all_delivered(ada, webhook, 1) for webhook in hooks))


def test_a_paused_webhook_and_one_of_a_suspended_application_get_nothing(
    looks: Looks, ada: Api, make: Make, receiver: Receiver
) -> None:
    application = ada.create("applications")
    paused, works = make(receiver.hook("paused")), make(receiver.hook("crm"))
    make(receiver.hook("stopped"), application_id=application["id"])
    assert ada.post(f"/webhooks/{paused['id']}/pause").status_code == 200
    suspended = ada.post(f"/applications/{application['id']}/suspend", {"reason": "a test"})
    assert suspended.status_code == 200, suspended.text
    publish(ada, rfp(1))
    until(lambda: all_delivered(ada, works, 1))
    assert not receiver.mail("paused")
    assert not receiver.mail("stopped")


def test_notices_name_the_first_and_the_last_of_each_webhook() -> None:
    owed = [
        {"id": "dlv_2", "webhook_id": "whk_a"},
        {"id": "dlv_3", "webhook_id": "whk_b"},
        {"id": "dlv_1", "webhook_id": "whk_a"},
    ]
    said = fresh.notices("tnt_1", owed)
    assert [fresh.read(one) for one in said] == [
        ("tnt_1", "whk_a", ("dlv_1", "dlv_2")),
        ("tnt_1", "whk_b", ("dlv_3", "dlv_3")),
    ]
    assert fresh.read("not a notice") is None, "then all that is due is looked for"
    many = [{"id": "dlv_1", "webhook_id": f"whk_{n}"} for n in range(fresh.MOST_NOTICES + 1)]
    assert fresh.notices("tnt_1", many) == [fresh.LOOK]
