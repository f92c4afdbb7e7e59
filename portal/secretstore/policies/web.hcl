# The web processes of the portal (PORTAL_VAULT_ROLE_ID or PORTAL_VAULT_TOKEN). They write the
# credentials of connectors and cannot read them. "secret" is PORTAL_VAULT_MOUNT.

path "secret/data/+/connectors/+/credentials"     { capabilities = ["create", "patch", "update"] }
path "secret/metadata/+/connectors/+/credentials" { capabilities = ["read"] }
path "secret/delete/+/connectors/+/credentials"   { capabilities = ["update"] }
path "secret/undelete/+/connectors/+/credentials" { capabilities = ["update"] }

# What a connector hands out for a short time: the worker writes it, a lease reads it.
path "secret/data/+/connectors/+/lease" { capabilities = ["read"] }

# Web processes verify the requests of inbound webhooks, and sign tests and rotations.
path "secret/data/+/webhooks/+/signing"     { capabilities = ["create", "read", "update"] }
path "secret/metadata/+/webhooks/+/signing" { capabilities = ["read"] }

# API keys that people let the portal store here.
path "secret/data/+/keys/+/key"     { capabilities = ["create", "update"] }
path "secret/metadata/+/keys/+/key" { capabilities = ["read"] }

# The portal asks what it may do, to name a permission that is missing.
path "sys/capabilities-self" { capabilities = ["update"] }
