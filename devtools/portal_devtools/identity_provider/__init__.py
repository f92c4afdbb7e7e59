"""The development identity provider: a real OpenID provider for one machine.

It signs anybody in with one click. So it listens on loopback only, and production refuses an issuer
on loopback (`portal.core.config`). Keys are stored in the data directory; everything else is in
memory, so it runs as one process.
"""

from portal_devtools.identity_provider.app import create_provider
from portal_devtools.identity_provider.people import PEOPLE, ProviderClient, ProviderPerson
from portal_devtools.identity_provider.signing_key import issue_token

__all__ = ["PEOPLE", "ProviderClient", "ProviderPerson", "create_provider", "issue_token"]
