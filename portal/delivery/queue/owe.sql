-- Owes deliveries to webhooks, and wakes the workers with notices of them. :deliveries and
-- :notices are JSON arrays.
WITH owed AS (
    INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, subject)
    SELECT :tenant_id, made.id, made.webhook_id, made.event_id, made.event_type, made.subject
    FROM jsonb_to_recordset(CAST(CAST(:deliveries AS text) AS jsonb)) AS made (
        id text, webhook_id text, event_id text, event_type text, subject text
    )
)
SELECT pg_notify(:channel, notice)
FROM jsonb_array_elements_text(CAST(CAST(:notices AS text) AS jsonb)) AS notice
