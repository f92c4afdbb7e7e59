"""List what can be done to many records of each kind."""

from collections.abc import Mapping

from portal.bulk.acts import Act, Kind
from portal.bulk.kinds import applications, connectors, keys, webhooks

KINDS: Mapping[str, Kind] = {
    kind.resource.name: kind
    for kind in (keys.KIND, webhooks.KIND, connectors.KIND, applications.KIND)
}


def act_named(resource: str, verb: str) -> Act | None:
    """Return the act of a job, or None for one that only another release knows."""
    kind = KINDS.get(resource)
    return kind.by_verb.get(verb) if kind else None
