"""Compare the portal with each shortcut to the portal without it (PORTAL_PLAIN)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.load import Ask
from tests.bench.questions import KEYS_PAGE
from tests.bench.servers import portal_serving

if TYPE_CHECKING:
    from tests.bench.__main__ import Bench

WORTH = 1.1  # a shortcut that gives less is removed
CELLS = {
    "statements": ("REST get", "REST list of 50", "REST create", "list page of 50"),
    "rows": ("REST get", "REST list of 50"),
    "insert": ("REST create",),
    "templates": ("list page of 50",),
}


def measure(bench: "Bench") -> Iterator[Figure]:
    """Compare in turn; each shortcut is left out alone, in a process of its own."""
    asks = _asks(bench)
    for shortcut, cells in CELLS.items():
        with portal_serving({**bench.place.settings, "PORTAL_PLAIN": shortcut}) as plain:
            for cell in cells:
                ours = asks[cell]
                theirs = [replace(ask, port=plain.port) for ask in ours]
                title = f"{cell}, with {shortcut} against without"
                yield from bench.compare(ours, [(theirs, plain)], [(title, WORTH)])


def _asks(bench: "Bench") -> dict[str, list[Ask]]:
    create = bench.rest(world.SMALL, "/api-keys")
    return {
        "REST get": [bench.rest(world.BIG, f"/api-keys/{id}") for id in world.many_keys(world.BIG)],
        "REST list of 50": [bench.rest(world.BIG, "/api-keys")],
        "REST create": [replace(create, body='{"scopes": ["connectors:read"]}')],
        "list page of 50": [bench.again(bench.page(world.BIG, KEYS_PAGE))],
    }
