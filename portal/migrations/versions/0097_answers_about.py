"""0097 answers about events: an erasure finds the kept answers about its events by indexes, and
no longer reads all answers of a day.

The trigger also notes it for answers that a process of the release before keeps.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from portal.migrations import live
from portal.migrations.functions import replace

revision, down_revision = "0097", "0096"

COLUMNS = {"event_ids": ARRAY(sa.Text()), "subject": sa.Text()}
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
NOTE = """
WITH batch AS (
    SELECT tenant_id, actor_id, key FROM idempotency_key
    WHERE tenant_id = %s AND (actor_id, key) > (%s, %s) ORDER BY actor_id, key LIMIT 1000
), noted AS (
    UPDATE idempotency_key k SET answer = k.answer FROM batch b
    WHERE (k.tenant_id, k.actor_id, k.key) = (b.tenant_id, b.actor_id, b.key)
    AND k.event_ids IS NULL AND k.subject IS NULL
    AND k.answer ?| ARRAY['events', 'event_id', 'subject']
)
SELECT actor_id, key FROM batch ORDER BY actor_id DESC, key DESC LIMIT 1
"""


def upgrade() -> None:
    live.lock("idempotency_key")
    for name, kind in COLUMNS.items():
        op.add_column("idempotency_key", sa.Column(name, kind), if_not_exists=True)
    replace("0097", "note_answer", "idempotency_key_about", "answers_about")
    with live.in_steps():
        events = "idempotency_key USING gin (event_ids) WITH (fastupdate = off)"
        events += " WHERE event_ids IS NOT NULL"
        live.index("ix_idempotency_key_events", events)
        subjects = "idempotency_key (tenant_id, subject) WHERE subject IS NOT NULL"
        live.index("ix_idempotency_key_subject", subjects)
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            _note_answers(tenant_id)


def _note_answers(tenant_id: str) -> None:
    last = [("", "")]
    while last:
        with live.transaction():
            live.run(ENTER, tenant_id)
            last = [(actor_id, key) for actor_id, key in live.run(NOTE, tenant_id, *last[0])]


def downgrade() -> None:
    live.lock("idempotency_key")
    op.execute("DROP FUNCTION answers_about")
    op.execute("DROP TRIGGER idempotency_key_about ON idempotency_key")
    op.execute("DROP FUNCTION note_answer")
    for name in COLUMNS:
        op.drop_column("idempotency_key", name)
