-- The facts of a connector's health beside its own fields, as one JSON array: what its checks found,
-- and its version of the credentials.
json_build_array(
    now(),
    connector.credential_version,
    (SELECT row_to_json(s) FROM connector_standing AS s
        WHERE s.tenant_id = connector.tenant_id AND s.connector_id = connector.id)
)
