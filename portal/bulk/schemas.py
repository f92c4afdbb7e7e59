"""The commands and documents of bulk jobs."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from portal.bulk.kinds import KINDS, VERBS
from portal.records.schemas import Command, RecordId

if TYPE_CHECKING:  # mypy knows no literals that are made at the start
    ResourceName = str
    Verb = str
else:
    ResourceName = Literal[tuple(KINDS)]
    Verb = Literal[VERBS]
State = Literal["preview", "running", "done", "cancelled"]
RowState = Literal["waiting", "done", "failed", "skipped", "cancelled"]
MOST_NAMED = 1000
MOST_FIELDS = 30
MOST_PARAMETERS = 100

Parameter = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z_]+$")]
# Not stripped: a list does not strip what is searched for, either.
Asked = Annotated[
    str,
    StringConstraints(strip_whitespace=False, min_length=1, max_length=8000, pattern=r"^[^\x00]+$"),
]

Filter = Annotated[
    dict[Parameter, Asked],
    Field(max_length=MOST_PARAMETERS, json_schema_extra={"additionalProperties": False}),
]


class BulkJobInput(Command):
    """The change to make, and its records: those of these ids, or all that a filter matches."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    resource: ResourceName
    """Kind of the records."""
    verb: Verb
    """Name of the operation on each of them."""
    ids: Annotated[list[RecordId], Field(min_length=1, max_length=MOST_NAMED)] | None = None
    """Ids of the records. Give these or a filter."""
    filter: Filter | None = None
    """Query parameters of the list of these records, such as {"status": "active"}, without those
    that sort and page. An empty object matches all records."""
    arguments: Annotated[dict[str, Any], Field(max_length=MOST_FIELDS)] = {}
    """Fields that the verb takes: see the description of the operation."""


class BulkJobDocument(BaseModel):
    """A bulk job and its progress."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the job."""
    resource: ResourceName
    """Kind of the records."""
    verb: Verb
    """Name of the operation on each of them."""
    state: State
    """preview = it waits to be confirmed. running = the worker does it. done = each record had its
    turn. cancelled = the records that were left are not touched."""
    filter: dict[str, str]
    """Query parameters that chose the records; empty if they were named by id, and for an admin if
    a record is for others."""
    arguments: dict[str, Any]
    """Fields that the verb takes; empty for an admin if a record is for others."""
    total: int
    """Number of records."""
    waiting: int
    """Number of records that are left to do; of a cancelled job, that were left."""
    done: int
    """Number of records to which it was done."""
    failed: int
    """Number of records that were refused when their turn came."""
    skipped: int
    """Number of records that could not be done at the preview, or that were changed since."""
    asked_by: str
    """Id of the person or the credential that asked for it."""
    asked_by_name: str
    """Name of who asked for it."""
    created_at: datetime
    """Time of the preview."""
    confirmed_at: datetime | None
    """Time when it was confirmed."""
    ended_at: datetime | None
    """Time when it was done or cancelled."""


class BulkRowDocument(BaseModel):
    """One record of a bulk job."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    record_id: str
    """Id of the record."""
    record_name: str
    """Name of the record at the preview."""
    version: int
    """Version of the record at the preview."""
    state: RowState
    """waiting = its turn comes. done = it was done. failed = it was refused. skipped = it could not
    be done at the preview, or was changed since. cancelled = the job was cancelled before."""
    reason: str
    """Reason why it failed or was skipped; empty otherwise."""
    changes: dict[str, list[Any]]
    """Changed field → the value before and after it, as far as they are known at the preview."""
    done_at: datetime | None
    """Time of its turn."""
