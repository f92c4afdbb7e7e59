"""Deliver a new key: in the answer, by a one-time link, or into the secret store."""

from portal.core.config import running
from portal.database.actor import Actor
from portal.keys import service
from portal.keys.issuing import one_time_links
from portal.keys.models import ApiKey
from portal.keys.schemas import IssueKey
from portal.records.audit import trail as audit
from portal.records.verbs import Revealed
from portal.secretstore import SecretRef, store

LINK_PAGE = "/keys/link"


def issue(actor: Actor, command: IssueKey) -> Revealed[ApiKey]:
    """Issue a key, and deliver it as the command says. Raises any error of the secret store."""
    return delivered(actor, service.issue(actor, command), command.delivery)


def delivered(actor: Actor, made: Revealed[ApiKey], way: str) -> Revealed[ApiKey]:
    """Return the new key with what its creator may see of it: the key, a link, or a path."""
    if way == "link":
        return Revealed(made.record, {"link": link(actor, made.record, made.once["key"])})
    if way == "store":
        return Revealed(made.record, {"vault_path": keep(actor, made.record, made.once["key"])})
    return made


def link(actor: Actor, record: ApiKey, raw: str) -> str:
    """Return the address of a one-time link to a new key."""
    secret = one_time_links.new_secret()
    one_time_links.seal(actor, record, raw, secret, "link")
    audit.record(actor, "key.link_made", record)
    return f"{running().base_url}{LINK_PAGE}#{secret}"


def keep(actor: Actor, record: ApiKey, raw: str) -> str:
    """Write a new key to the secret store, and return its path there."""
    ref = SecretRef(record.tenant_id, "keys", record.id, "key")
    store().put(ref, {"key": raw}, cas=0)
    path = ref.path(running().vault_mount)
    audit.record(actor, "key.stored", record, {"path": (None, path)})
    return path
