"""The events of Acme in the weeks before the demo began: the same ones for the same start."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from portal.events.schemas import EventInput

DAYS = 21
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENTS_AN_HOUR = 8  # when Acme is busy
ALERTS_OF_LAST_DAY, BETWEEN_ALERTS = 14, timedelta(minutes=90)
STAGES = ("lead", "proposal", "negotiation", "won")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the application with this slug tells others about."""

    app: str
    type: str
    subject: str
    data: dict[str, Any]

    def event(self, **of_past: Any) -> EventInput:
        """Return the event. One of the past has its `id`, so that it is published once, and the
        time when it happened, `occurred_at`."""
        told = {"type": self.type, "subject": self.subject, "data": self.data}
        return EventInput.read({**told, **of_past})


def of_day(begun_at: datetime, number: int) -> dict[str, list[EventInput]]:
    """Return the events of the day that ended `number` - 1 days before the beginning, by slug."""
    chance = Random(f"day {number}")  # noqa: S311  no secret
    found: dict[str, list[EventInput]] = {}
    for serial, (at, what) in enumerate(_moments(begun_at, number, chance), 1):
        event = what.event(id=name_of(number, serial), occurred_at=at.isoformat())
        found.setdefault(what.app, []).append(event)
    return found


def name_of(number: int, serial: int) -> str:
    """Return the publisher's id of an event of a day."""
    return f"demo-{number:02}-{serial:03}"


def _moments(
    begun_at: datetime, number: int, chance: Random
) -> Iterator[tuple[datetime, Happening]]:
    first = begun_at - number * DAY
    for hour in range(24):
        at = first + hour * HOUR
        for _ in range(int(busyness(at) * EVENTS_AN_HOUR + chance.random())):
            yield at + chance.random() * HOUR, any_of(chance)
    if number == 1:
        for serial in range(ALERTS_OF_LAST_DAY):
            at = begun_at - (ALERTS_OF_LAST_DAY - serial) * BETWEEN_ALERTS
            yield at, alert(chance)


def busyness(at: datetime) -> float:
    """Return how busy Acme is, from 0 to 1: by day more than at night, less at the weekend."""
    by_day = 1.0 if 7 <= at.hour < 17 else 0.5 if at.hour in {6, 17, 18} else 0.12
    return by_day * (0.4 if at.weekday() >= 5 else 1)


def any_of(chance: Random) -> Happening:
    """Return something that happens every day."""
    [make] = chance.choices((_rfp, _deal, _invoice), (3, 4, 3))
    return make(chance)


def alert(chance: Random) -> Happening:
    """Return an alert that somebody on duty has to see."""
    name = f"alert-{chance.randrange(1000, 9999)}"
    severity = chance.choice(("low", "medium", "high"))
    data = {"id": name, "severity": severity, "title": "Unusual sign-in"}
    return Happening("alert-router", "alert.created", name, data)


def _rfp(chance: Random) -> Happening:
    name = f"rfp-{chance.randrange(2000, 2060)}"
    if chance.random() < 0.3:
        title = chance.choice(("Warehouse automation", "Cold chain sensors", "Fleet telematics"))
        return Happening("rfp-desk", "rfp.created", name, {"id": name, "title": title})
    data = {"id": name, "from": "draft", "to": chance.choice(("in_review", "sent"))}
    return Happening("rfp-desk", "rfp.status_changed", name, data)


def _deal(chance: Random) -> Happening:
    name = f"deal-{chance.randrange(80, 160)}"
    step = chance.randrange(len(STAGES) - 1)
    if STAGES[step + 1] == "won":
        data = {"id": name, "amount": f"{chance.randrange(20, 900) * 100}.00", "currency": "EUR"}
        return Happening("crm-360", "deal.won", name, data)
    data = {"id": name, "from": STAGES[step], "to": STAGES[step + 1]}
    return Happening("crm-360", "deal.stage_changed", name, data)


def _invoice(chance: Random) -> Happening:
    name = f"invoice-{chance.randrange(7000, 7400)}"
    word = "matched" if chance.random() < 0.85 else "disputed"
    data = {"id": name, "amount": f"{chance.randrange(100, 9000)}.50", "currency": "EUR"}
    return Happening("invoice-match", f"invoice.{word}", name, data)
