"""Decide which operations a person has to confirm, as their pages do."""

from portal.rest.openapi import Operation

DESTROYING = frozenset(
    {
        "clear",
        "delete",
        "discard",
        "erase",
        "finish",
        "remove",
        "retire",
        "revoke",
        "suspend",
    }
)
# Operations that destroy nothing, whose pages ask for a recent sign-in.
SIGN_IN = frozenset(
    {
        "integration.apiKeys.cancelRevocation",
        "integration.apiKeys.extendRotation",
        "integration.apiKeys.repairMany",
        "integration.apiKeys.takeBackRotation",
        "integration.apiKeys.unblock",
        "integration.apiKeys.updateLeakPolicy",
        "integration.applications.reopen",
        "integration.bulkJobs.confirm",  # its page asks only if the job does what needs it
        "integration.connectors.restoreCredentials",
        "integration.webhooks.rotateSecret",
    }
)


def destroys(operation: Operation) -> bool:
    """Tell whether to ask a person to type the operation's verb first."""
    return operation.method == "DELETE" or operation.name.partition("_")[0] in DESTROYING


def needs_recent_sign_in(operation: Operation) -> bool:
    """Tell whether a person must have signed in within the last minutes."""
    reveals = bool(operation.once) or operation.name == "create_many"
    makes_key = reveals and operation.scope == "keys:write"
    return destroys(operation) or makes_key or operation.id in SIGN_IN


def word_of(operation: Operation) -> str:
    """Return the word to type as a confirmation: the last part of the operation's id."""
    return operation.id.rpartition(".")[2]
