"""The portal's own event types: part of every tenant's catalogue, published only by the portal."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _maybe(description: str) -> Schema:
    return {"type": ["string", "null"], "description": description}


def _number(description: str, kind: str = "integer") -> Schema:
    return {"type": kind, "description": description}


def _one_of(values: list[Any], description: str) -> Schema:
    return {"enum": values, "description": description}


def _schema(**properties: Schema) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_ID = _text("Id of the record.")
_NAME = _text("Name of the record.")
_RECORD = {
    "type": "object",
    "required": ["id", "name", "version", "changed", "by"],
    "properties": {
        "id": _ID,
        "name": _NAME,
        "version": _number("Version of the record after the change."),
        "app_id": _maybe("Slug of the application that the record belongs to."),
        "changed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names of the fields that changed; read the record for their values.",
        },
        "by": {
            "type": "object",
            "description": "Author of the change.",
            "properties": {
                "kind": _one_of(["person", "application", "system"], "Kind of the author."),
                "id": _text("Id of the author."),
                "name": _text("Name of the author."),
            },
        },
    },
}
_OF_KEY = {
    "id": _ID,
    "name": _NAME,
    "key_prefix": _text("First characters of the raw key."),
    "application_id": _maybe("Id of the owning application."),
}
_SCHEMAS: Mapping[str, Schema] = {
    "webhook.pausing": _schema(
        id=_ID, name=_NAME, consecutive_failures=_number("Number of failures in a row.")
    ),
    "webhook.expired": _schema(
        id=_ID, name=_NAME, expired=_number("Number of events, since the webhook was paused.")
    ),
    "webhook.ping": _schema(id=_ID, name=_NAME),
    "api_key.expiring": _schema(
        **_OF_KEY,
        expires_at=_text("Time of expiry."),
        days=_one_of([14, 7, 1], "Days until then."),
    ),
    "api_key.unused": _schema(
        **_OF_KEY,
        last_used_at=_maybe("Time of the last use."),
        days=_number("Days since then."),
    ),
    "api_key.leaked": _schema(
        **_OF_KEY,
        reporter=_one_of(["github", "scanner"], "Reporter of the leak."),
        place=_maybe("Kind of the place, such as a commit."),
        url=_maybe("Address of the place."),
        response=_one_of(["notify", "block", "revoke"], "Action that was taken."),
    ),
    "api_key.budget_threshold": _schema(
        id=_ID,
        percent=_one_of([50, 80, 100], "Part of the budget that is spent."),
        spent_usd=_number("US dollars that are spent.", "number"),
        max_usd=_number("US dollars that may be spent.", "number"),
    ),
    **dict.fromkeys(
        ("api_keys.revoked", "api_keys.blocked"),
        _schema(
            count=_number("Number of keys that this event is about."),
            reason=_maybe("Reason, in a sentence for people."),
            application_id=_maybe("Id of the application, if it was chosen by it."),
        ),
    ),
}
"""The schemas of types whose data does not describe a changed record."""
_KEY = {
    "id": "key_01K1EXAMPLE",
    "name": "Nightly export",
    "key_prefix": "sk-acme-sHk3",
    "application_id": "app_01K1EXAMPLE",
}
_WEBHOOK = {"id": "whk_01K1EXAMPLE", "name": "CRM events"}
_BULK = {"count": 214, "reason": "Laptop stolen", "application_id": "app_01K1EXAMPLE"}
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "webhook.pausing": {**_WEBHOOK, "consecutive_failures": 5},
    "webhook.expired": {**_WEBHOOK, "expired": 37},
    "webhook.ping": _WEBHOOK,
    "api_key.expiring": {**_KEY, "expires_at": "2026-12-01T09:00:00Z", "days": 7},
    "api_key.unused": {**_KEY, "last_used_at": "2026-08-26T07:12:00Z", "days": 90},
    "api_key.leaked": {
        **_KEY,
        "reporter": "github",
        "place": "commit",
        "url": "https://github.com/octocat/hello-world/blob/12345600b9cb/config.py",
        "response": "block",
    },
    "api_key.budget_threshold": {
        "id": "key_01K1EXAMPLE",
        "percent": 80,
        "spent_usd": 80.25,
        "max_usd": 100.0,
    },
    "api_keys.revoked": _BULK,
    "api_keys.blocked": _BULK,
}
_BY = {"kind": "person", "id": "per_01K1EXAMPLE", "name": "Ada Almeida"}
_VERBS = {
    "created": "A new {noun} is there.",
    "updated": "Settings of {a_noun} were changed.",
    "deleted": "{A_noun} was deleted; it can be restored for 30 days.",
    "restored": "A deleted {noun} was restored.",
}
_OTHERS = {
    "application.suspended": "An application was suspended: all that belongs to it has stopped.",
    "application.retired": "An application was retired: all that belongs to it has stopped.",
    "application.reopened": "A suspended or retired application works again.",
    "api_key.updated": "Settings of an API key were changed, or its rotation was prolonged.",
    "api_key.revoked": "An API key was revoked and verifies no more.",
    "api_key.blocked": "An API key was blocked: it is refused until it is unblocked.",
    "api_key.unblocked": "A blocked API key works again.",
    "api_key.rotated": "An API key has a successor; both work until the old one ends.",
    "api_key.rotation_taken_back": "A successor was revoked; the key before it goes on.",
    "api_key.revocation_planned": "An API key will be revoked at a time, or by a brown-out.",
    "api_key.revocation_cancelled": "A planned revocation was taken back.",
    "api_key.expiring": "An API key expires in 14 days, in 7 days, in 1 day: told once each.",
    "api_key.unused": "Nobody used an API key for 90 days: told once until it is used again.",
    "api_key.leaked": "An API key was found where it should not be.",
    "api_key.budget_threshold": "50, 80 or 100 % of a budget are spent: told once a period.",
    "api_keys.revoked": "Many API keys were revoked at once: up to 1,000 with each such event.",
    "api_keys.blocked": "Many API keys were blocked at once: up to 1,000 with each such event.",
    "connector.enabled": "A connector was enabled.",
    "connector.disabled": "A connector was disabled: it is not to be used.",
    "connector.credentials_removed": "The credentials of a connector were removed.",
    "connector.credentials_restored": "Older credentials of a connector are used again.",
    "connector.health_changed": "A check found that a connector works, or that it does not.",
    "connector.credentials_lost": "A connector was restored without its credentials.",
    "webhook.secret_retired": "The previous signing secret of a webhook signs no more.",
    "webhook.secret_rotated": "A webhook has a new signing secret; the old one signs for a day.",
    "webhook.pausing": "A webhook fails and will be paused if this goes on.",
    "webhook.paused": "A webhook was paused; its events are held.",
    "webhook.resumed": "Somebody resumed a paused webhook.",
    "webhook.expired": "Events were held for a webhook for too long and given up.",
    "webhook.ping": "Sent to a paused webhook that nothing is held for, to see whether it works.",
    "webhook.recovered": "A paused webhook works again and was resumed by itself.",
}


@dataclass(frozen=True, slots=True)
class PortalType:
    """One type of event that the portal itself publishes."""

    name: str
    description: str
    json_schema: Mapping[str, Any]
    example: Mapping[str, Any]


def _example(name: str) -> Mapping[str, Any]:
    return _EXAMPLES.get(name) or {
        "id": "rec_01K1EXAMPLE",
        "name": "CRM 360",
        "version": 2,
        "app_id": None,
        "changed": ["name"],
        "by": _BY,
    }


def _type(name: str, text: str) -> PortalType:
    return PortalType(name, text, _SCHEMAS.get(name, _RECORD), _example(name))


PORTAL_TYPES: dict[str, PortalType] = {
    name: _type(name, text) for name, text in sorted(_OTHERS.items())
}
"""By name. `describe_record` adds those of changed records."""
FAMILIES = {name.partition(".")[0] for name in PORTAL_TYPES}
"""The first words of their names. It is read for every event that is published."""


def describe_record(word: str, a_noun: str, verbs: Collection[str]) -> None:
    """Add the types of a record's changes: `word` begins their names, `a_noun` is for sentences."""
    FAMILIES.add(word)
    noun = a_noun.partition(" ")[2]
    capital = a_noun[0].upper() + a_noun[1:]
    for verb in verbs:
        name = f"{word}.{verb}"
        PORTAL_TYPES[name] = _type(
            name, _VERBS[verb].format(noun=noun, a_noun=a_noun, A_noun=capital)
        )


def is_own(name: str) -> bool:
    """Tell whether events of this name are the portal's alone: nobody else publishes or describes
    events below the first word of one of its own types."""
    family, dot, _ = name.partition(".")
    return bool(dot) and family in FAMILIES
