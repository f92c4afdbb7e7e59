# The workers of the portal (PORTAL_VAULT_WORKER_ROLE_ID or PORTAL_VAULT_WORKER_TOKEN). They read
# credentials and signing secrets, write older credentials as the newest again, and remove the
# secrets of records that are deleted for good. "secret" is PORTAL_VAULT_MOUNT.

path "secret/data/+/connectors/+/credentials" { capabilities = ["read", "update"] }
path "secret/data/+/webhooks/+/signing"       { capabilities = ["read"] }

path "secret/metadata/+/connectors/"              { capabilities = ["list"] }
path "secret/metadata/+/connectors/+/"            { capabilities = ["list"] }
path "secret/metadata/+/connectors/+/credentials" { capabilities = ["delete", "read"] }
path "secret/delete/+/connectors/+/credentials"   { capabilities = ["update"] }

# What a connector hands out for a short time. Web processes read it, workers do not.
path "secret/data/+/connectors/+/lease"     { capabilities = ["create", "update"] }
path "secret/metadata/+/connectors/+/lease" { capabilities = ["delete", "read"] }
path "secret/delete/+/connectors/+/lease"   { capabilities = ["update"] }

path "secret/metadata/+/webhooks/"          { capabilities = ["list"] }
path "secret/metadata/+/webhooks/+/"        { capabilities = ["list"] }
path "secret/metadata/+/webhooks/+/signing" { capabilities = ["delete", "read"] }
path "secret/delete/+/webhooks/+/signing"   { capabilities = ["update"] }

path "secret/metadata/+/keys/"      { capabilities = ["list"] }
path "secret/metadata/+/keys/+/"    { capabilities = ["list"] }
path "secret/metadata/+/keys/+/key" { capabilities = ["delete", "read"] }
path "secret/delete/+/keys/+/key"   { capabilities = ["update"] }

# The portal asks what it may do, to name a permission that is missing.
path "sys/capabilities-self" { capabilities = ["update"] }
