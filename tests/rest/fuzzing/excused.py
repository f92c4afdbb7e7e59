"""Say which failures of schemathesis are none: what a JSON Schema cannot tell about a request."""

import re
from typing import Any

from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

from portal.bulk.kinds import KINDS
from portal.records.listing import MOST_VALUES

# What the tenant's state decides, or who calls, or the stored record that a PATCH is laid over.
STATE = (
    "There is no .* of this id",
    "There is no such .* in this tenant",
    "There is no person of this id",
    "There is no such version of these credentials",
    "This key was used for another request",
    "Its parent",
    "You can(not)? ",
    "A new application cannot be",
    "A program makes connectors of the whole organisation only",
    "Only the inbox fails when it is told to",
    "Say which user this key is issued to",
    ".* is fixed",
    "Choose a moment in the future",
    "A brown-out lasts 6 hours at most",
    "A library has no runtime identity",
    "Choose a group that you are in",
    "Choose how to sign in, then the check can try it",
    "Say which group",
    "Leave out (equal_bodies|audience|issuer|subject)",
    "Give the audience",
    "This credential's records belong to its own application",
    "The key that it comes from is not allowed",
    "There is nothing to send again in this window",
    "This is the version that is used now",
    "Only an inbound webhook",
    "Only an outbound webhook",
    "The scheme .* says itself where everything is",
    "This is how an outbound webhook signs",
    "Give the target URL, or leave the webhook off",
    "Choose at least one event, or leave the webhook off",
    "Give the schema that events are held against",
    ".* takes one of",
    ".* with .* takes",
    "Say which records: give ids or a filter",
    "Give a value to change",
    "Choose the provider, then the check knows what to ask",
)
# What no JSON Schema says: a rule between parameters, of free JSON, of names, of whole addresses.
UNSAYABLE = (
    "Its references lead to more than can be written out",
    ".* looks like .*; put it under credentials",
    "With after, only limit and cursor may be given",
    "Give a value before and after each comma",  # of what the document still calls a text
    f"Give at most {MOST_VALUES} values",
    "This has a number that is too large",
    "This has a NUL character, which cannot be stored",
    "It must be a Standard Webhooks secret",  # the scheme decides how a secret looks
    "This host name is not a public one",
    "The host name is not valid",
    "The host is not a valid internet address",
    "The address has no host name",
    "This address is not allowed",
    "This is not a complete address",
    "Leave user name and password out of the address",
    "Port .* is not open to webhooks",
    ".* is set by the sender and cannot be changed",
    ".* looks like a secret",
)
# Each resource has verbs of its own.
VERBS = tuple(f"Choose one of {', '.join(kind.by_verb)}" for kind in KINDS.values())
EXCUSED = re.compile("|".join((*STATE, *UNSAYABLE, *VERBS)))
# What these fields take is decided by another field: the verb, the resource, or the list.
OF_ANOTHER_FIELD = {
    "integration.bulkJobs.create": ("arguments.", "filter."),
    "integration.views.create": ("parameters.",),
    "integration.views.update": ("parameters.",),
}
CANNOT_VALIDATE = "cannot_validate"


def is_excused(operation_id: str, failure: Failure, answer: Any) -> bool:
    """Tell whether a failure is none: all problems of the answer are excused."""
    is_export = operation_id.endswith(".export")
    free = ("filter.",) if is_export else OF_ANOTHER_FIELD.get(operation_id, ())
    if isinstance(failure, RejectedPositiveData):
        if answer.get("code") == CANNOT_VALIDATE:
            return True
        problems = answer.get("errors", ())
        return bool(problems) and all(
            one["field"].startswith(free) or EXCUSED.match(one["message"]) for one in problems
        )
    if isinstance(failure, AcceptedNegativeData) and "results" in answer:
        # A batch that is not atomic answers 200, and each item has a status of its own.
        return any(one["status"] >= 400 for one in answer["results"])
    return False
