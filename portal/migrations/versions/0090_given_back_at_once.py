"""0090 given back at once: whoever stops or deletes a record waits for nobody who makes others.

What is given back may go to part 16 of a count. A process of the release before that counts all
records again during the upgrade writes the other parts only, so part 16 is subtracted once more
until the next recount by this release.
"""

from portal.migrations import live
from portal.migrations.functions import replace

revision, down_revision = "0090", "0089"

ENTER = "SELECT set_config('app.tenant_id', %s, true)"
LATE = "SELECT tenant_id, kind FROM quota_count WHERE part = 16 ORDER BY 1, 2"
HOLD = "SELECT FROM quota_count WHERE tenant_id = %s AND kind = %s ORDER BY part FOR UPDATE"
FOLD = """
WITH late AS (
    DELETE FROM quota_count WHERE tenant_id = %s AND kind = %s AND part = 16
    RETURNING tenant_id, kind, live, room
)
UPDATE quota_count c SET live = c.live + late.live, room = c.room + late.room FROM late
WHERE c.tenant_id = late.tenant_id AND c.kind = late.kind AND c.part = 0
"""


def upgrade() -> None:
    replace("0090", "take_record", "take_records", "give_back_records")


def downgrade() -> None:
    with live.in_steps():
        # The old functions use part 16 as any other and make none. First them, or more would come.
        with live.transaction():
            replace("0055", "take_records")
            replace("0044", "take_record")
            replace("0039", "give_back_records")
        # The lock waits for those that still give back with the new function.
        with live.transaction("quota_count", mode="SHARE ROW EXCLUSIVE"):
            late = live.run(LATE)
        for tenant_id, kind in late:
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(HOLD, tenant_id, kind)
                live.run(FOLD, tenant_id, kind)
