-- Tells how common each of some words is. A row for each line of :lines, a JSON array, in its order.
-- Each line is a word of one kind of record: terms from `low` to before `high` mean it.
--
-- `share` 0, for a list that is not by id: `hits` are counted, no further than :few + 1.
-- Otherwise, if no more than :most_terms terms mean the word, `terms` are they, and `reached` is the
-- record where `share` postings of the word end, in the direction of the list and within its bounds;
-- NULL if it has fewer. If more terms mean it, `hits` are counted.
WITH settings AS MATERIALIZED (
    -- For the statements that follow in this transaction. A prepared statement's plan would not know
    -- whether the words are rare or common, and the right plans differ a hundredfold; and what was
    -- found is looked up by its id, where statistics may suggest to read the table for it.
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
        set_config('enable_hashjoin', 'off', true),
        set_config('enable_mergejoin', 'off', true)
)
SELECT found.terms, found.reached, found.hits
FROM settings
CROSS JOIN ROWS FROM (
    jsonb_to_recordset(CAST(CAST(:lines AS text) AS jsonb)) AS (
        kind text, low text, high text, share integer, downward boolean,
        after text, before text, since text, until text
    )
) WITH ORDINALITY AS line (
    kind, low, high, share, downward, after, before, since, until, number
)
CROSS JOIN LATERAL (
    WITH RECURSIVE leap (term, nth) AS (
        SELECT (
            SELECT s.term FROM search_term AS s
            WHERE s.tenant_id = :tenant_id AND s.kind = line.kind
                AND s.term >= line.low AND s.term < line.high
            ORDER BY s.term LIMIT 1
        ), 1
        WHERE line.share > 0
        UNION ALL
        SELECT (
            SELECT s.term FROM search_term AS s
            WHERE s.tenant_id = :tenant_id AND s.kind = line.kind
                AND s.term > leap.term AND s.term < line.high
            ORDER BY s.term LIMIT 1
        ), leap.nth + 1
        FROM leap WHERE leap.term IS NOT NULL AND leap.nth <= :most_terms
    ), meant AS (
        SELECT coalesce(array_agg(leap.term) FILTER (WHERE leap.term IS NOT NULL), '{}') AS terms
        FROM leap
    )
    SELECT
        CASE WHEN is_read THEN meant.terms END AS terms,
        -- Twice, because an index is read only in an order that stands in the statement.
        CASE
            WHEN is_read AND line.downward THEN (
                SELECT posting.record_id FROM leap CROSS JOIN LATERAL (
                    SELECT s.record_id FROM search_term AS s
                    WHERE s.tenant_id = :tenant_id AND s.kind = line.kind AND s.term = leap.term
                        AND s.record_id > line.after AND s.record_id >= line.since
                        AND s.record_id < line.before AND s.record_id < line.until
                    ORDER BY s.record_id DESC LIMIT line.share
                ) AS posting
                ORDER BY posting.record_id DESC OFFSET line.share - 1 LIMIT 1
            )
            WHEN is_read THEN (
                SELECT posting.record_id FROM leap CROSS JOIN LATERAL (
                    SELECT s.record_id FROM search_term AS s
                    WHERE s.tenant_id = :tenant_id AND s.kind = line.kind AND s.term = leap.term
                        AND s.record_id > line.after AND s.record_id >= line.since
                        AND s.record_id < line.before AND s.record_id < line.until
                    ORDER BY s.record_id LIMIT line.share
                ) AS posting
                ORDER BY posting.record_id OFFSET line.share - 1 LIMIT 1
            )
        END AS reached,
        CASE WHEN NOT is_read THEN (
            SELECT count(*) FROM (
                SELECT FROM search_term AS s
                WHERE s.tenant_id = :tenant_id AND s.kind = line.kind
                    AND s.term >= line.low AND s.term < line.high
                LIMIT :few + 1
            ) AS hit
        ) END AS hits
    FROM meant
    CROSS JOIN LATERAL (
        SELECT line.share > 0 AND cardinality(meant.terms) <= :most_terms AS is_read
    ) AS way
) AS found
ORDER BY line.number
