# portal secrets move and portal secrets remove (PORTAL_VAULT_MOVE_TOKEN), for the time that they
# take: they read and write every secret. Give it to no process of the portal. "secret" is
# PORTAL_VAULT_MOUNT.

path "secret/data/*"     { capabilities = ["create", "read", "update"] }
path "secret/metadata/*" { capabilities = ["delete", "list", "read"] }
path "secret/delete/*"   { capabilities = ["update"] }
path "secret/undelete/*" { capabilities = ["update"] }

path "sys/capabilities-self" { capabilities = ["update"] }
