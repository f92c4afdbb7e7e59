"""Take turns by tenant, so that no tenant waits until all endpoints of another one had theirs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Protocol, TypeVar

from portal.delivery.queue import queue
from portal.delivery.queue.queue import DueEndpoint
from portal.fast.pipeline import Connection

FEW = 20
"""Endpoints of one tenant in one turn. A claim or a record of one endpoint takes a few
milliseconds, for which all others wait."""

BEGINNING = ("", "")
END = "zzz"  # after the ids of all webhooks, in every collation


Thing = TypeVar("Thing", bound="OfEndpoint")


class OfEndpoint(Protocol):
    """Something of an endpoint."""

    @property
    def tenant_id(self) -> str: ...

    @property
    def webhook_id(self) -> str: ...


def in_turns(things: Iterable[Thing]) -> list[Thing]:
    """Return the things of a few endpoints of each tenant: one of each tenant, then a second one of
    each, and so on. Those of an endpoint stay in their order."""
    endpoints: dict[str, set[str]] = defaultdict(set)
    turns: Counter[str] = Counter()
    found = []
    for one in things:
        few = endpoints[one.tenant_id]
        if one.webhook_id in few or len(few) < FEW:
            few.add(one.webhook_id)
            turns[one.tenant_id] += 1
            found.append((turns[one.tenant_id], one))
    return [one for _, one in sorted(found, key=itemgetter(0))]


class Round:
    """The search for due endpoints, which goes round the tenants: a few endpoints of each, and in
    the next round those after them."""

    def __init__(self) -> None:
        self._place = BEGINNING
        self._left: dict[str, tuple[str, str]] = {}
        self._goes_on = False
        self.is_whole = False
        """True after a search that found all that was due."""

    @property
    def is_over(self) -> bool:
        """Tell whether each tenant has had its turn: the next search begins another round."""
        return self._place == BEGINNING

    async def search(self, connection: Connection, busy: Sequence[str]) -> list[DueEndpoint]:
        """Return the endpoints with due deliveries whose turn it is, without the busy ones."""
        while True:
            begins = self.is_over
            found = await queue.due(connection, self._place, busy, FEW)
            turn = self._turn_of(found)
            self.is_whole = begins and self.is_over and len(turn) == len(found)
            if turn or self.is_over:
                return turn

    def _turn_of(self, found: list[DueEndpoint]) -> list[DueEndpoint]:
        """Return those whose turn it is, and set the place where the search goes on."""
        tenant_id, was_left = self._place[0], self._goes_on
        self._goes_on = False
        if was_left and not (found and found[0].tenant_id == tenant_id):
            self._place = (tenant_id, "")  # nothing comes after that place: from the first one
            return []
        for number, one in enumerate(found):
            if one.tenant_id in self._left:
                self._place, self._goes_on = self._left.pop(one.tenant_id), True
                return found[:number]
        if len(found) < FEW:
            self._place = BEGINNING
            return found
        last = found[-1]
        self._place = (last.tenant_id, last.webhook_id)
        if found[0].tenant_id == last.tenant_id:
            self._left[last.tenant_id] = self._place
            self._place = (last.tenant_id, END)
        return found
