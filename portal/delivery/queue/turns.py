"""Take turns by tenant, so that no tenant waits until all endpoints of another one had theirs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Protocol, TypeVar

from portal.delivery.queue import queue
from portal.delivery.queue.queue import DueEndpoint, Place
from portal.fast.pipeline import Connection

FEW = 20
"""Endpoints of one tenant in one turn. A claim or a record of one endpoint takes a few
milliseconds, for which all others wait."""

WALKED = 200
"""Endpoints with waiting deliveries that one search looks at, which takes up to 20 ms. Meanwhile no
delivery is claimed."""

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
    the next round those after them. One search walks a limited number of endpoints, due or not: so
    a tenant with many of which none is due takes no more of the others' time than any other."""

    def __init__(self) -> None:
        self._place = BEGINNING
        self._left: dict[str, Place] = {}
        self._goes_on = False
        self.is_whole = False
        """True after a search that found all that was due."""
        self.is_behind = False
        """True if in this round, or in the one that is over, a tenant had only a few due ones, and
        more endpoints than were walked."""

    @property
    def is_over(self) -> bool:
        """Tell whether each tenant has had its turn: the next search begins another round."""
        return self._place == BEGINNING

    async def search(self, connection: Connection, busy: Sequence[str]) -> list[DueEndpoint]:
        """Return the next endpoints with due deliveries whose turn it is, without the busy ones.
        There may be none although the round is not over."""
        begins = self.is_over
        self.is_behind &= not begins
        found, place = await queue.due(connection, self._place, busy, list(self._left), FEW, WALKED)
        turn = self._turn_of(found, place)
        self.is_whole = begins and self.is_over and len(turn) == len(found)
        return turn

    def _turn_of(self, found: list[DueEndpoint], place: Place | None) -> list[DueEndpoint]:
        """Return those whose turn it is, and set the place where the search goes on. `place` is the
        one that was reached."""
        tenant_id, was_left = self._place[0], self._goes_on
        self._goes_on = False
        nearest = found[0].tenant_id if found else place and place[0]
        if was_left and nearest != tenant_id:
            self._place = (tenant_id, "")  # nothing comes after that place: from the first one
            return []
        begun_again = self._place == (tenant_id, "")
        self._place = place or BEGINNING
        if place is None:
            return found
        reached = place[0]
        if reached in self._left:
            self._place, self._goes_on = self._left.pop(reached), True
        elif reached == tenant_id or (len(found) == FEW and nearest == reached):
            self.is_behind |= len(found) < FEW and not begun_again
            self._left[reached] = place
            self._place = (reached, END)
        return found
