-- Moves the records that the demo has just made into the past: 24 days, and those of the person who
-- left half a year. Used by the demo alone, as the owner of the tables, once for each tenant:
-- a tenant whose applications are older than itself was done before.
-- Reads: app.tenant_id, demo.left (the subject of the person who left).
CREATE TEMPORARY TABLE shift ON COMMIT DROP AS
SELECT t.id AS tenant_id, t.created_at AS begun_at, interval '24 days' AS ago,
    (SELECT p.id FROM person p
    WHERE p.tenant_id = t.id AND p.subject = current_setting('demo.left')) AS person_who_left
FROM tenant t
WHERE t.id = current_setting('app.tenant_id')
AND NOT EXISTS (SELECT FROM application a WHERE a.tenant_id = t.id AND a.created_at < t.created_at);

UPDATE shift SET person_who_left = coalesce(person_who_left, '');

UPDATE application r SET created_at = created_at - s.ago, updated_at = updated_at - s.ago
FROM shift s WHERE r.tenant_id = s.tenant_id;

UPDATE connector r SET created_at = created_at - s.ago, updated_at = updated_at - s.ago,
    credential_last_rotated_at = credential_last_rotated_at - s.ago
FROM shift s WHERE r.tenant_id = s.tenant_id;

UPDATE connector_credentials r SET set_at = set_at - s.ago
FROM shift s WHERE r.tenant_id = s.tenant_id;

UPDATE webhook r SET created_at = created_at - s.ago, updated_at = updated_at - s.ago,
    secret_rotated_at = secret_rotated_at - s.ago
FROM shift s WHERE r.tenant_id = s.tenant_id;

UPDATE api_key r SET created_at = created_at - s.ago * past.times,
    updated_at = updated_at - s.ago * past.times
FROM shift s, (VALUES (true, 8), (false, 1)) AS past (has_left, times)
WHERE r.tenant_id = s.tenant_id
AND past.has_left = (coalesce(r.issued_to_user_id, '') = s.person_who_left);

UPDATE person r SET created_at = created_at - s.ago * past.created,
    last_seen_at = last_seen_at - s.ago * past.seen
FROM shift s, (VALUES (true, 9, 5), (false, 2, 0)) AS past (has_left, created, seen)
WHERE r.tenant_id = s.tenant_id AND past.has_left = (r.id = s.person_who_left);

UPDATE audit_entry r SET occurred_at = occurred_at - s.ago * past.times
FROM shift s, (VALUES (true, 8), (false, 1)) AS past (has_left, times)
WHERE r.tenant_id = s.tenant_id AND past.has_left = (r.actor_id = s.person_who_left);
