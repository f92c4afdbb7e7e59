"""The daily recount of records, so that an error lasts a day at most, and storage measurement."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import array

from portal.core.jobs import Job, due_by, every_tenant
from portal.database.base import Base
from portal.database.record import Record
from portal.database.session import session
from portal.records.quotas import counts, stored_bytes
from portal.records.quotas.models import QuotaCount


def _count_again(tenant_id: str) -> None:
    for model in counted_models():
        counts.count_again(tenant_id, model)


def _count_first(tenant_id: str) -> None:
    counted = select(QuotaCount.kind).where(QuotaCount.tenant_id == tenant_id).distinct()
    known = set(session.scalars(counted))
    for model in counted_models():
        if model.quota not in known:
            counts.begin(tenant_id, model)


def _uncounted(after: str, at_most: int) -> Any:
    # Compute the kinds on each call: they are complete only after all features are imported.
    kinds = array([model.quota for model in counted_models()])
    return due_by("due_first_counts", kinds)(after, at_most)


def counted_models() -> list[type[Record]]:
    """Return every kind of record that has a quota."""
    return [one.class_ for one in Base.registry.mappers if issubclass(one.class_, Record)]


HOUSEKEEPING = [
    Job("count records first", _count_first, timedelta(minutes=1), _uncounted),
    Job("count records again", _count_again, timedelta(days=1), every_tenant),
    Job(
        "measure storage",
        stored_bytes.measure,
        timedelta(minutes=1),
        due_by("due_measurements"),
        repeats=True,
    ),
    Job("measure storage anew", stored_bytes.measure_anew, timedelta(days=7), every_tenant),
]
