"""Records are counted anew once a day, so that no count is wrong for longer; what is stored is
measured as it comes."""

from datetime import timedelta

from portal.db import Base, Record
from portal.housekeeping import Job
from portal.quotas import counts, storage


def _count_again(tenant_id: str) -> None:
    for model in counted_models():
        counts.count_again(tenant_id, model)


def counted_models() -> list[type[Record]]:
    """Every kind of record that a quota limits."""
    return [one.class_ for one in Base.registry.mappers if issubclass(one.class_, Record)]


HOUSEKEEPING = [
    Job("count records again", _count_again, timedelta(days=1), per_tenant=True),
    Job("measure storage", storage.measure, timedelta(minutes=1), per_tenant=True, repeats=True),
    Job("measure storage anew", storage.measure_anew, timedelta(days=7), per_tenant=True),
]
