-- Stores events as published now. :events is a JSON array of them.
INSERT INTO event (
    tenant_id, id, client_id, type, subject, data, occurred_at, received_at, application_id, app_id,
    actor_id, actor_name, only_for
)
SELECT
    :tenant_id, made.id, made.client_id, made.type, made.subject, made.data,
    coalesce(made.occurred_at, now()), now(), :application_id, :app_id, :actor_id, :actor_name,
    :only_for
FROM jsonb_to_recordset(CAST(CAST(:events AS text) AS jsonb)) AS made (
    id text, client_id text, type text, subject text, data jsonb, occurred_at timestamptz
)
