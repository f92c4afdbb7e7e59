"""Keys found where they should not be: looked up by their hash, answered as the tenant decided."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal.audit import service as audit
from portal.db import Actor, session
from portal.errors import Invalid
from portal.events import service as events
from portal.identity.models import Tenant
from portal.keys import service
from portal.keys.models import ApiKey
from portal.keys.schemas import StopKey
from portal.keys.state import LEAK_ANSWERS, LeakPolicy

MOST = 50  # fingerprints in one question
DEFAULT = "revoke"


def found(actor: Actor, fingerprints: Sequence[str]) -> Sequence[ApiKey]:
    """The actor's keys among these hex SHA-256, in the order of the names."""
    actor.require("keys:read")
    if not fingerprints:
        return []
    own = ApiKey.seen_by(actor).where(ApiKey.key_hash.in_(fingerprints))
    return session.scalars(own.order_by(ApiKey.name_key, ApiKey.id)).all()


def key_code(actor: Actor) -> str:
    """The four characters in each of the tenant's keys."""
    return session.scalars(select(Tenant.key_code).where(Tenant.id == actor.tenant_id)).one()


def policy(actor: Actor) -> str:
    """What happens to a key of this tenant that is found in public."""
    known = select(LeakPolicy.answer).where(LeakPolicy.tenant_id == actor.tenant_id)
    return session.scalar(known) or DEFAULT


def set_policy(actor: Actor, answer: str) -> None:
    """Choose it. Raises Invalid for what is no answer."""
    actor.require("keys:write")
    if answer not in LEAK_ANSWERS:
        raise Invalid.field("answer", f"Choose one of {', '.join(LEAK_ANSWERS)}.")
    before = policy(actor)
    values = {"answer": answer, "updated_by": actor.person_id or actor.id}
    session.execute(
        insert(LeakPolicy)
        .values(tenant_id=actor.tenant_id, **values)
        .on_conflict_do_update(constraint="pk_leak_policy", set_=values)
    )
    audit.note(
        actor,
        "leak_policy.updated",
        record_kind="leak policy",
        record_id=actor.tenant_id,
        record_name="Answer to leaks",
        changes={"answer": (before, answer)},
    )


def answer_leak(actor: Actor, record: ApiKey, where: str) -> str:
    """Do with a leaked key what its tenant decided, say so in its history and as an event; gives
    what was done. `where` is the address that it was found at."""
    done = policy(actor)
    reason = f"Found in public: {where}"[:200]
    if record.revoked_at is None and done == "revoke":
        service.revoke(actor, record.id, StopKey.read({"reason": reason}))
    elif record.revoked_at is None and done == "block":
        service.block(actor, record.id, StopKey.read({"reason": reason}))
    audit.record(actor, "key.leaked", record, {"found_at": (None, where[:500])})
    data = {"id": record.id, "name": record.name, "found_at": where[:500], "answer": done}
    events.announce(actor, "api_key.leaked", data, subject=record.id)
    return done


def rule(code: str) -> str:
    """A gitleaks rule that finds the keys of one tenant: prefix, kind, 32 characters, checksum."""
    return f"""# Finds API keys of the platform in repositories: gitleaks detect --config this-file
title = "Platform API keys"

[extend]
useDefault = true

[[rules]]
id = "cpod-api-key"
description = "API key of the platform"
regex = '''(?:^|[^A-Za-z0-9])(sk-{code}-[usv][0-9A-Za-z]{{38}})(?:[^A-Za-z0-9]|$)'''
secretGroup = 1
keywords = ["sk-{code}-"]
entropy = 3.5
"""
