-- Offers our ids for publishers' own ones; the first offer for each counts. :offers is a JSON array
-- in the order of the publishers' ids, so that two callers never wait for each other crosswise.
INSERT INTO event_key (tenant_id, client_id, event_id)
SELECT :tenant_id, offered.client_id, offered.event_id
FROM jsonb_to_recordset(CAST(CAST(:offers AS text) AS jsonb)) AS offered (
    client_id text, event_id text
)
ON CONFLICT DO NOTHING
