"""Look up leaked keys by their hash."""

from collections.abc import Sequence

from sqlalchemy import ARRAY, String, any_, literal
from sqlalchemy.orm import joinedload

from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.models import ApiKey

MOST = 5000  # fingerprints in one request, as many as fit into a form


def found(actor: Actor, fingerprints: Sequence[str]) -> Sequence[ApiKey]:
    """Return the actor's keys that have one of these hex SHA-256, ordered by name."""
    actor.require("keys:read")
    if not fingerprints:
        return []
    own = ApiKey.seen_by(actor).where(
        ApiKey.key_hash == any_(literal(list(fingerprints), ARRAY(String)))
    )
    with_owners = own.options(joinedload(ApiKey.owning_application))
    return session.scalars(with_owners.order_by(ApiKey.name_key, ApiKey.id)).all()


def rule(code: str) -> str:
    """Return a gitleaks rule that finds the keys of one tenant.

    It matches the prefix, the kind, 32 characters and the checksum.
    """
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
