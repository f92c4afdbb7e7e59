-- Notes a lease, and returns a row if it may be given: neither the connector, nor its application,
-- nor the key that takes it was stopped while the secret was read. A key is stopped as in
-- check_acting_key.
INSERT INTO connector_lease (
    tenant_id, id, connector_id, key_id, application_id, kind, credential_version, expires_at,
    created_at
)
SELECT
    c.tenant_id, :id, c.id, taker.id, a.id, :kind, c.credential_version, :expires_at, :created_at
FROM connector AS c
JOIN application AS a ON a.tenant_id = c.tenant_id AND a.id = c.application_id
CROSS JOIN (SELECT CAST(:key_id AS text) AS id) AS taker
WHERE c.tenant_id = :tenant_id AND c.id = :connector_id AND c.application_id = :application_id
    AND c.enabled AND NOT c.is_deleted AND c.credential_version = :credential_version
    AND NOT a.is_deleted AND a.status NOT IN ('suspended', 'retired')
    AND NOT EXISTS (
        SELECT FROM api_key AS k
        WHERE k.tenant_id = c.tenant_id AND k.id IN (taker.id, (
            SELECT own.parent_key_id FROM api_key AS own
            WHERE own.tenant_id = c.tenant_id AND own.id = taker.id))
        AND (k.revoked_at IS NOT NULL OR k.blocked
            OR coalesce(least(k.revoke_at, k.expires_at) <= clock_timestamp(), false))
    )
RETURNING id
