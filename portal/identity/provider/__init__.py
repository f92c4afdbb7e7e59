"""The development identity provider: a real OpenID provider for one machine.

It signs anybody in with one click, so it answers on loopback only, and production refuses an
issuer on loopback (`portal.config`). Keys are kept in the data directory; everything else lives
in memory, so it runs as one process.
"""

from portal.identity.provider.app import create_provider
from portal.identity.provider.keys import issue_token
from portal.identity.provider.people import PEOPLE, ProviderClient, ProviderPerson

__all__ = ["PEOPLE", "ProviderClient", "ProviderPerson", "create_provider", "issue_token"]
