"""Build the SQL statements that publish events, independent of how they are sent.

One publication is one transaction. A thread sends the statements in its session
(`portal.events.service`), the event loop in its own transactions
(`portal.events.publishing.group_commit`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import ARRAY, String, any_, bindparam, select

from portal.core.errors import Conflict, FieldError
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.events.catalogue import event_types
from portal.events.listeners import Listener, Owed, Published, Rows, Work
from portal.events.models import Event, EventKey
from portal.events.schemas import EventInput, PublishedEvent
from portal.fast.statements import Bound, Statement

STORE = Statement.of_file("portal.events.publishing", "store.sql")
CLAIM = Statement.of_file("portal.events.publishing", "claim.sql")
CLAIMED = Statement(
    select(EventKey.client_id, EventKey.event_id).where(
        EventKey.tenant_id == bindparam("tenant_id"),
        EventKey.client_id == any_(bindparam("names", type_=ARRAY(String))),
    )
)
PUBLISHERS = Statement(
    select(Event.id, Event.app_id).where(
        Event.tenant_id == bindparam("tenant_id"),
        Event.id == any_(bindparam("ids", type_=ARRAY(String))),
    )
)
TAKEN = (
    "An event of another application has this id already. Ids are unique in a tenant: begin yours"
    " with a word that is your own."
)

FEW_WANTING = 100  # subscribed webhooks of a small publication, with filters of FEW_BYTES


class PublishAlone(Exception):
    """Events that must not be published together with others: those of some types, because they
    take much computing, or those with some ids, because they may be refused.

    A non-zero `owed_each` is the number of deliveries per event: then fewer events would be small
    enough.
    """

    def __init__(
        self, *, types: Collection[str] = (), ids: Collection[str] = (), owed_each: int = 0
    ) -> None:
        super().__init__()
        self.types, self.ids, self.owed_each = types, ids, owed_each


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of one published event."""

    id: str
    client_id: str | None
    type: str
    deliveries: int
    duplicate: bool


class Publication:
    """A publication of events by one actor. An event whose id was published before is ignored.

    Send the statements of `looks`, of `claims`, of `doubts` and of `writes`. Call `check` before
    the claims, and `check_ids` before the writes. In a batch, errors name the event's place. The
    event loop has little time: it calls `glances` and `size` instead of `looks` and `check`.
    """

    def __init__(
        self,
        actor: Actor,
        events: Sequence[EventInput],
        listeners: Sequence[Listener],
        *,
        is_batch: bool = False,
    ) -> None:
        self._actor, self._events, self._listeners = actor, events, listeners
        self._is_batch = is_batch
        self._types = {event.type for event in events}
        self._ids = [new_id(Event.id_prefix) for _ in events]
        # A batch may contain one id twice: the first event is published.
        self._named: dict[str, str] = {}
        for event_id, event in zip(self._ids, events, strict=True):
            if event.id is not None:
                self._named.setdefault(event.id, event_id)
        self._is_new = [True] * len(events)
        self._deliveries: Mapping[str, int] = {}

    def __len__(self) -> int:
        return len(self._events)

    def looks(self) -> list[Bound]:
        """Return the statements that read the schemas and subscriptions of the events."""
        return [event_types.schemas_query(self._actor, self._types), *self._wanting()]

    def glances(self) -> list[Bound]:
        """Return the statements that replace `looks` for a small publication.

        They report whether it is small, and read its subscriptions. A small one has no schema to
        check.
        """
        asking = event_types.checked_types_query(self._actor, self._types)
        return [asking, *self._wanting(FEW_WANTING + 1)]

    def _wanting(self, at_most: int | None = None) -> list[Bound]:
        tenant_id = self._actor.tenant_id
        return [one.who_wants(tenant_id, self._types, at_most) for one in self._listeners]

    def size(self, glanced: Sequence[Rows]) -> int:
        """Return the highest possible number of deliveries, from the rows of `glances`.

        Raises PublishAlone.
        """
        [schemas, *wanting] = glanced
        if schemas:
            raise PublishAlone(types=[name for (name,) in schemas])
        many = sum(len(rows) for rows in wanting)
        are_read = all(text is not None for rows in wanting for row in rows for text in row)
        if many > FEW_WANTING or not are_read:
            raise PublishAlone(types=self._types)
        return many * len(self._events)

    def claims(self) -> list[Bound]:
        """Return the statements that claim our ids for the publisher's, and read the valid claims.

        They wait for another transaction that publishes the same ids.
        """
        if not self._named:
            return []
        offers = [
            {"client_id": client_id, "event_id": event_id}
            for client_id, event_id in sorted(self._named.items())
        ]
        tenant = {"tenant_id": self._actor.tenant_id}
        return [
            Bound(CLAIM, {**tenant, "offers": orjson.dumps(offers).decode()}),
            Bound(CLAIMED, {**tenant, "names": list(self._named)}),
        ]

    def doubts(self, claimed: Sequence[Rows]) -> Iterable[Bound]:
        """Return the statement that reads which applications published the ids that an application
        repeats: most publications need none. One that sees all events may repeat each."""
        repeated = self.repeated(claimed)
        if not repeated or self._actor.app_id is None:
            return []
        ids = list(repeated.values())
        return [Bound(PUBLISHERS, {"tenant_id": self._actor.tenant_id, "ids": ids})]

    def repeated(self, claimed: Sequence[Rows]) -> dict[str, str]:
        """Return the publisher's ids that were published before, each with the event's id."""
        rows = claimed[-1] if claimed else ()
        return {name: event_id for name, event_id in rows if event_id != self._named[name]}

    def others(self, doubted: Rows) -> set[str]:
        """Return the ids of other applications' events among the rows of `doubts`."""
        return {id for id, app_id in doubted if app_id != self._actor.app_id}

    def check(self, looked: Sequence[Rows]) -> None:
        """Check the events against the rows of `looks`. Raises Invalid."""
        tenant_id = self._actor.tenant_id
        event_types.check(tenant_id, self._events, looked[0], is_batch=self._is_batch)

    def check_ids(self, claimed: Sequence[Rows], doubted: Sequence[Rows]) -> None:
        """Check with the rows of `doubts` that no id is that of another application's event, which
        this one does not see. Raises Conflict."""
        others = {id for rows in doubted for id in self.others(rows)}
        if not others:
            return
        known: dict[str, str] = dict(claimed[-1])
        problems = [
            FieldError(f"events.{number}.id" if self._is_batch else "id", TAKEN)
            for number, event in enumerate(self._events)
            if event.id is not None and known[event.id] in others
        ]
        raise Conflict(TAKEN, errors=problems)

    def writes(self, looked: Sequence[Rows], claimed: Sequence[Rows]) -> Iterable[Bound]:
        """Return the statements that store the new events and their deliveries. Raises Invalid if
        these are too many."""
        self._settle(claimed)
        new = [
            (event_id, event)
            for event_id, event, is_new in zip(self._ids, self._events, self._is_new, strict=True)
            if is_new
        ]
        if not new:
            return []
        owed = owed_for(self._actor, new, self._listeners, looked[1:], Work())
        self._deliveries = owed.deliveries
        return chain([store(self._actor, new)], owed.writes)

    def accepted(self) -> list[Accepted]:
        """Return the results of the events, in their order, after everything is written."""
        return [
            Accepted(event_id, event.id, event.type, self._deliveries.get(event_id, 0), not is_new)
            for event_id, event, is_new in zip(self._ids, self._events, self._is_new, strict=True)
        ]

    def _settle(self, claimed: Sequence[Rows]) -> None:
        """Replace ids with the claimed ones, and mark the events that were published before."""
        if not claimed:
            return
        known: dict[str, str] = dict(claimed[-1])
        for number, event in enumerate(self._events):
            if event.id is not None:
                self._is_new[number] = known[event.id] == self._ids[number]
                self._ids[number] = known[event.id]


def store(
    actor: Actor, events: Sequence[tuple[str, EventInput]], only_for: str | None = None
) -> Bound:
    """Return the statement that stores events under these ids.

    `only_for` restricts them to one record of one listener.
    """
    made = [
        {"id": event_id, "client_id": event.id, "type": event.type, "subject": event.subject,
         "data": event.data, "occurred_at": event.occurred_at}
        for event_id, event in events
    ]  # fmt: skip
    values = {
        "tenant_id": actor.tenant_id, "events": orjson.dumps(made).decode(),
        "application_id": actor.application_id, "app_id": actor.app_id, "actor_id": actor.id,
        "actor_name": actor.name[:200], "only_for": only_for,
    }  # fmt: skip
    return Bound(STORE, values)


def owed_for(
    actor: Actor,
    events: Sequence[tuple[str, EventInput]],
    listeners: Sequence[Listener],
    wanting: Sequence[Rows],
    work: Work,
) -> Owed:
    """Return the deliveries of new events for all listeners; `wanting` has the rows of each.

    Adds to `work`. Raises Invalid if that is then too much for one publication.
    """
    published = [
        Published(event_id, event.type, event.subject, event.data) for event_id, event in events
    ]
    owed = [
        listener.owes(actor.tenant_id, published, found, work)
        for listener, found in zip(listeners, wanting, strict=True)
    ]
    deliveries = sum((Counter(one.deliveries) for one in owed), Counter[str]())
    return Owed(chain.from_iterable(one.writes for one in owed), deliveries)


def published(accepted: Sequence[Accepted]) -> dict[str, Any]:
    """Return the JSON document of published events."""
    fields = PublishedEvent.model_fields
    return {"events": [{name: getattr(one, name) for name in fields} for one in accepted]}
