"""Move what the demo made today to the days when it is said to have happened.

The services write each time by the clock of the database, which cannot be set back. So the demo
lets them do everything now, and then shifts the stored times, as the owner of the tables. Ids that
begin with a time are shifted too, because lists, charts and partitions go by them. A request that
was sent stays as it was sent: its headers have the message's first id and the real time, or its
signature would be wrong.
"""

from importlib import resources

from portal.core.config import Config
from portal.database import app_role
from portal.ops import migrate


def move_records(config: Config, tenant_id: str, who_left: str) -> None:
    """Let the records of a tenant be some weeks old; does nothing the second time.

    `who_left` is the subject of a person who was last here long ago.
    """
    _run(config, "records.sql", tenant_id, who_left)


def move_events(config: Config, tenant_id: str) -> None:
    """Move the demo's events, whose deliveries have been tried, to when they happened.

    Those that were moved before stay where they are.
    """
    _run(config, "events.sql", tenant_id)


def _run(config: Config, name: str, tenant_id: str, who_left: str = "") -> None:
    sql = (resources.files("portal_devtools.demo") / name).read_text()
    with app_role.connect(migrate.owner_url(config)) as connection:
        settings = "SELECT set_config('app.tenant_id', %s, true), set_config('demo.left', %s, true)"
        connection.execute(settings, (tenant_id, who_left))
        connection.execute(sql)
