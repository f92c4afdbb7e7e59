"""Store secrets in a HashiCorp Vault or OpenBao KV v2 mount.

The server's own messages may contain paths, socket names and user names. They are neither shown nor
logged; only the operation and the status are. The behaviour noted in these files was measured on
OpenBao 2.7.

Read `transport` first (one request, its retries and its circuit breaker), then `login`, `store`
(the operations) and `health`.
"""

from portal.secretstore.vault.login import AppRole, StaticToken
from portal.secretstore.vault.store import VaultStore
from portal.secretstore.vault.transport import Breaker, Transport

__all__ = ["AppRole", "Breaker", "StaticToken", "Transport", "VaultStore"]
