"""The portal's own events: in every tenant's catalogue, published by the portal alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_RECORD = {
    "type": "object",
    "required": ["id", "name", "version", "changed", "by"],
    "properties": {
        "id": {"type": "string", "description": "Of the record."},
        "name": {"type": "string", "description": "What people call it."},
        "version": {"type": "integer"},
        "app_id": {"type": ["string", "null"]},
        "changed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names of the fields that changed; read the record for their values.",
        },
        "by": {
            "type": "object",
            "properties": {
                "kind": {"enum": ["person", "application", "system"]},
                "id": {"type": "string"},
                "name": {"type": "string"},
            },
        },
    },
}
_FAILING = {
    "type": "object",
    "required": ["id", "name", "consecutive_failures"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "consecutive_failures": {"type": "integer"},
    },
}
_BY = {"kind": "person", "id": "per_01K1EXAMPLE", "name": "Ada Almeida"}
_VERBS = {
    "created": "A new {noun} is there.",
    "updated": "Settings of {a_noun} were changed.",
    "deleted": "{A_noun} was deleted; it can be restored for 30 days.",
    "restored": "A deleted {noun} was restored.",
}
_NOUNS = {
    "application": ("application", "an application", ("created", "updated")),
    "connector": ("connector", "a connector", tuple(_VERBS)),
    "api_key": ("API key", "an API key", ("created", "updated")),
    "webhook": ("webhook", "a webhook", tuple(_VERBS)),
}
_OTHERS = {
    "api_key.revoked": "An API key was revoked and verifies no more.",
    "webhook.secret_rotated": "A webhook has a new signing secret; the old one signs for a day.",
    "webhook.pausing": "A webhook fails and will be paused if this goes on.",
    "webhook.paused": "A webhook was paused; its events are held.",
    "webhook.resumed": "Somebody resumed a paused webhook.",
    "webhook.recovered": "A paused webhook works again and was resumed by itself.",
}


@dataclass(frozen=True, slots=True)
class OwnType:
    """One type of event that the portal itself publishes."""

    name: str
    description: str
    json_schema: Mapping[str, Any]
    example: Mapping[str, Any]


def _example(name: str) -> dict[str, Any]:
    if name == "webhook.pausing":
        return {"id": "whk_01K1EXAMPLE", "name": "CRM events", "consecutive_failures": 5}
    return {
        "id": "rec_01K1EXAMPLE",
        "name": "CRM 360",
        "version": 2,
        "app_id": None,
        "changed": ["name"],
        "by": _BY,
    }


def _own() -> list[OwnType]:
    texts = dict(_OTHERS)
    for word, (noun, a_noun, verbs) in _NOUNS.items():
        capital = a_noun[0].upper() + a_noun[1:]
        for verb in verbs:
            texts[f"{word}.{verb}"] = _VERBS[verb].format(noun=noun, a_noun=a_noun, A_noun=capital)
    return [
        OwnType(name, text, _FAILING if name == "webhook.pausing" else _RECORD, _example(name))
        for name, text in sorted(texts.items())
    ]


OWN: Mapping[str, OwnType] = {one.name: one for one in _own()}
FAMILIES = frozenset(name.split(".")[0] for name in OWN)
"""Nobody else publishes or describes events below these words."""


def is_own(name: str) -> bool:
    """Whether events of this name are the portal's alone."""
    return name.split(".", maxsplit=1)[0] in FAMILIES and "." in name
