"""REST of quotas: /api/v1/integration/quotas."""

from datetime import datetime

from flask import Response
from pydantic import BaseModel, Field

from portal.quotas import standing
from portal.quotas.standing import State
from portal.records.quotas.limits import STORED
from portal.rest.api import actor, answer, no_parameters
from portal.rest.openapi import Operation


class QuotaDocument(BaseModel):
    """One quota and the tenant's use of it."""

    name: str = Field(description="Name of the quota.")
    used: int | None = Field(
        description="Rates: the average of the last full minute. null: nobody has counted yet."
    )
    limit: int = Field(description="Number that the tenant may have or do.")
    state: State = Field(
        description="near: from 80 % on. reached: full, or refused in the last five minutes."
    )
    counted_at: datetime | None = Field(description="null: the count is exact now.")


class QuotasDocument(BaseModel):
    """All quotas of the tenant."""

    items: list[QuotaDocument] = Field(description="All quotas.")


def _read() -> Response:
    no_parameters()
    fields = QuotaDocument.model_fields
    found = standing.of(actor())
    return answer({"items": [{name: getattr(one, name) for name in fields} for one in found]})


OPERATIONS = (
    Operation(
        resource="quotas",
        name="get",
        method="GET",
        path="/quotas",
        summary="Get the quotas of the tenant and their use",
        description="Return every limit of the tenant, how much of it is used, and"
        f" whether it is nearly or fully reached. {STORED.counts}",
        scope="audit:read",
        view=_read,
        answer=QuotasDocument,
    ),
)
