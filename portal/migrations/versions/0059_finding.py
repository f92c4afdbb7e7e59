"""0059 finding: what the search over everything reads: changes by request, people, words of tags.

People and tags that are there already get their words here; new ones get them as they are written.
"""

from alembic import op

from portal.migrations import live

revision, down_revision = "0059", "0058"

BY_REQUEST = "(tenant_id, request_id) WHERE request_id IS NOT NULL"
MONTHS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass
ORDER BY 1
"""
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
KINDS = ("key", "application", "event type", "webhook")  # a connector has the words since 0051
PEOPLE = """
WITH batch AS (
    SELECT tenant_id, id, name, email FROM person WHERE tenant_id = %s AND id > %s
    ORDER BY id LIMIT 1000 FOR KEY SHARE
), noted AS (
    INSERT INTO search_term (tenant_id, kind, term, record_id)
    SELECT b.tenant_id, 'person', left(word[1], 60), b.id
    FROM batch b CROSS JOIN regexp_matches(
        lower(concat_ws(' ', b.id, b.name, b.email)), '[[:alnum:]]+', 'g'
    ) word
    ON CONFLICT DO NOTHING
)
SELECT max(id) FROM batch
"""
TAGS = """
WITH batch AS (
    SELECT tenant_id, kind, term, record_id FROM search_term
    WHERE tenant_id = %s AND kind = %s AND term >= 'tag:' AND term < 'tag;'
    AND (term, record_id) > (%s, %s)
    ORDER BY term, record_id LIMIT 1000
), noted AS (
    INSERT INTO search_term (tenant_id, kind, term, record_id)
    SELECT b.tenant_id, b.kind, left(word[1], 60), b.record_id
    FROM batch b CROSS JOIN regexp_matches(substr(b.term, 5), '[[:alnum:]]+', 'g') word
    ON CONFLICT DO NOTHING
)
SELECT term, record_id FROM batch ORDER BY term DESC, record_id DESC LIMIT 1
"""


def upgrade() -> None:
    with live.in_steps():
        for (month,) in live.run(MONTHS):
            live.index(f"{month}_request_idx", f"{month} {BY_REQUEST}")
        with live.transaction("audit_entry"):
            # It takes in the indexes of the months; a month that was made meanwhile is empty.
            live.run(
                f"CREATE INDEX IF NOT EXISTS ix_audit_entry_request ON audit_entry {BY_REQUEST}"
            )
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            _note_people(tenant_id)
            for kind in KINDS:
                _note_tags(tenant_id, kind)


def _note_people(tenant_id: str) -> None:
    last = ""
    while last is not None:
        with live.transaction():
            live.run(ENTER, tenant_id)
            [[last]] = live.run(PEOPLE, tenant_id, last)


def _note_tags(tenant_id: str, kind: str) -> None:
    last = [("", "")]
    while last:
        with live.transaction():
            live.run(ENTER, tenant_id)
            last = [(term, id) for term, id in live.run(TAGS, tenant_id, kind, *last[0])]


def downgrade() -> None:
    op.execute("DROP INDEX ix_audit_entry_request")
