"""List what can be done to many records of each kind."""

from collections.abc import Mapping

from portal.bulk.acts import Kind
from portal.bulk.kinds import applications, connectors, keys, webhooks

KINDS: Mapping[str, Kind] = {
    kind.resource.name: kind
    for kind in (keys.KIND, webhooks.KIND, connectors.KIND, applications.KIND)
}
