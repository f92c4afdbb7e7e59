"""Each kind of record is counted anew once a day, so that no count is wrong for longer."""

from datetime import timedelta

from portal.db import Base, Record
from portal.housekeeping import Job
from portal.quotas import counts


def _count_again(tenant_id: str) -> None:
    for model in counted_models():
        counts.count_again(tenant_id, model)


def counted_models() -> list[type[Record]]:
    """Every kind of record that a quota limits."""
    return [one.class_ for one in Base.registry.mappers if issubclass(one.class_, Record)]


HOUSEKEEPING = [Job("count records again", _count_again, timedelta(days=1), per_tenant=True)]
