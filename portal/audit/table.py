"""The audit log as a table of filters; a template of its own draws its entries."""

from portal.records.audit import log
from portal.web.lists import Table

TABLE = Table(
    "audit",
    "audit.index",
    "entries",
    log.LISTING,
    (),
    {
        "record_kind": "Kind of record",
        "record_name": "Name of record",
        "actor_id": "Done by",
        "occurred": "Happened",
    },
    is_log=True,
    read_with="audit",
    since="occurred_at",
)
