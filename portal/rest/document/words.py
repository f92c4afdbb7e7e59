"""Hold the texts of the document that belong to no single operation: tags and scopes."""

from collections.abc import Mapping

ABOUT = """External apps, connectors, API keys, and webhooks.

Send `Authorization: Bearer …` with an access token of the identity provider, an API key, or a token
of `/oauth/token`. Bodies are JSON; unknown fields are refused by name, and fields that only the
server writes are accepted and ignored. Errors are RFC 9457 problem details with a stable `code`.
Lists return `items` and `next_cursor`: repeat the request with `cursor` until it is null. A POST
with an `Idempotency-Key` can be repeated safely."""

# A resource has its own: `Resource.about`.
TAGS: Mapping[str, str] = {
    "deliveries": "The delivery of one event to one webhook, with its attempts.",
    "replays": "Events of a period that are sent to a webhook again.",
    "signature-checks": "Find out why the signature of a request is right or wrong.",
    "event-settings": "Retention of events, and the fields that are hidden in them.",
    "events": "Publish events, find them, and erase those of a subject.",
    "quotas": "The limits of the tenant, and how much of each is used.",
    "people": "The people of the tenant. For admins.",
    "sessions": "Your own sessions in browsers.",
    "audit": "All changes of the tenant, newest first.",
    "deleted": "Deleted records of every kind, as long as they can be restored.",
    "bulk-jobs": "One change of many records: its preview, its progress, and what became of each.",
    "overview": "The first page: what matters most, figures, and records that need somebody.",
    "me": "The caller itself.",
    "providers": "The catalogue of providers that connectors know.",
    "inbox": "The tenant's own receiver for tests.",
    "search": "Search records of every kind.",
    "views": "The filters, order and columns of a list, saved under a name.",
    "notices": "Conditions that need attention.",
    "oauth": "Tokens in exchange for keys, and introspection, as the OAuth standards define them.",
    "secret-scanning": "Reports of GitHub about keys that it found in public.",
    "portal-events": "Events that the portal itself publishes and sends to your webhooks.",
}

# What the scopes of a resource open, it says itself: `Resource.what_opens`.
_THINGS: Mapping[str, str] = {
    "events": "events",
    "audit": "the audit log and quotas",
}
_VERBS: Mapping[str, str] = {"read": "Read", "write": "Create and change"}
_SCOPES: Mapping[str, str] = {
    "events:publish": "Publish and erase events.",
    "keys:verify": "Verify API keys, and record what their calls cost.",
    "keys:reopen": "Unblock API keys.",
    "connectors:use": "Take a lease of a connector's credentials.",
    "applications:suspend": "Suspend applications.",
    "applications:retire": "Retire applications.",
    "applications:reopen": "Reopen suspended and retired applications.",
}


def of_scope(scope: str, opened: Mapping[str, str]) -> str:
    """Return a sentence on a scope; its own name if there is none.

    `opened` has the words for what the scopes of each resource open.
    """
    if scope in _SCOPES:
        return _SCOPES[scope]
    thing, _, verb = scope.partition(":")
    things = {**_THINGS, **opened}
    if thing in things and verb in _VERBS:
        return f"{_VERBS[verb]} {things[thing]}."
    return scope


_PARAMETERS: Mapping[str, str] = {
    "show": "Only entries of this view.",
    "include_deleted": "Include deleted entries.",
}

# Times whose names do not end in `_at`.
_WHOLE_NAMES = frozenset({"brownout_from", "next_rotation_due"})


def of_parameter(name: str) -> str:
    """Return a sentence on a list's parameter that has none of its own."""
    if name in _PARAMETERS:
        return _PARAMETERS[name]
    stem, _, end = name.rpartition("_")
    if end in ("after", "before"):
        field = stem if stem in _WHOLE_NAMES else f"{stem}_at"
        since = "at or after" if end == "after" else "before"
        return f"Only entries with `{field}` {since} this time."
    return f"Only entries with this `{name}`."
