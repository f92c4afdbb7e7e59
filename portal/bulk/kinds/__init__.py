"""List what can be done to many records of each kind.

A module for each kind, and a place in `KINDS`: its bar below the list, its exports, its pages and
what programs may ask for follow.
"""

from collections.abc import Mapping

from portal.bulk.acts import Act, Kind
from portal.bulk.kinds import applications, connectors, keys, webhooks

KINDS: Mapping[str, Kind] = {
    kind.resource.name: kind
    for kind in (keys.KIND, webhooks.KIND, connectors.KIND, applications.KIND)
}
VERBS = tuple(dict.fromkeys(act.verb for kind in KINDS.values() for act in kind.acts))


def act_named(resource: str, verb: str) -> Act | None:
    """Return the act of a job, or None for one that only another release knows."""
    kind = KINDS.get(resource)
    return kind.by_verb.get(verb) if kind else None
