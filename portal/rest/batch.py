"""Create many records of a resource with one request: POST …/batch."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.config import JsonDict

from portal.core.config import running
from portal.core.errors import Invalid, PortalError
from portal.database.actor import Actor
from portal.records import batches
from portal.records.schemas import SECRET, Command, field_errors
from portal.records.verbs import Revealed
from portal.rest.api import Outcome, actor, body, no_parameters, once, problem_document, request_id
from portal.rest.openapi import Operation, Parameter

MOST_AT_ONCE = 500
ATOMIC = (
    "true: all are created, or none, and the error names every item that is refused. false: each is"
    " created on its own, and its result says what became of it."
)


class Creatable(Protocol):
    """The part of a resource that creates its records; see `portal.rest.resources.Resource`."""

    @property
    def name(self) -> str: ...
    @property
    def singular(self) -> str: ...
    @property
    def command(self) -> type[Command]: ...
    @property
    def document(self) -> type[BaseModel]: ...
    @property
    def once(self) -> Mapping[str, str]: ...
    @property
    def create(self) -> Callable[[Actor, Any], Any]: ...
    @property
    def create_all(self) -> Callable[[Actor, Sequence[Any]], Sequence[Any]] | None: ...
    def represent(self, record: Any, *, is_new: bool = False) -> dict[str, Any]:
        """Return a record as the answer shows it."""


class Problem(BaseModel):
    """Problem details (RFC 9457) of one item that was refused."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    type: str
    """Address of the kind of problem."""
    title: str
    """Short summary of the kind of problem."""
    status: int
    """HTTP status that a single create request would have had."""
    detail: str
    """Explanation of this problem."""
    code: str
    """Stable code of the kind of problem."""
    request_id: str
    """Id of the request, for support."""


def operation(resource: Creatable, scope: str, parameters: tuple[Parameter, ...]) -> Operation:
    """Return the operation that creates many records of a resource."""
    return Operation(
        resource=resource.name,
        name="create_many",
        method="POST",
        path=f"/{resource.name}/batch",
        summary=f"Create up to {MOST_AT_ONCE} {resource.singular}s at once",
        scope=scope,
        view=lambda: _create(resource),
        command=_command(resource.command, MOST_AT_ONCE),
        answer=_answer(resource.document, tuple(resource.once.items())),
        parameters=parameters,
    )


@cache
def _command(item: type[BaseModel], most: int) -> type[BaseModel]:
    name = item.__name__.removesuffix("Input")
    return create_model(
        f"{name}Batch",
        __config__=ConfigDict(extra="forbid"),
        __doc__=f"Up to {most} records to create with one request.",
        items=(list[item], Field(min_length=1, max_length=most, description="The new records.")),  # type: ignore[valid-type]
        atomic=(bool, Field(True, description=ATOMIC)),
    )


def _mark(field: str) -> JsonDict | None:
    """Mark a field that is shown once as a secret. A time and a path in the store are none."""
    return None if field.endswith(("_at", "_path")) else SECRET


@cache
def _answer(document: type[BaseModel], once: tuple[tuple[str, str], ...]) -> type[BaseModel]:
    name = document.__name__.removesuffix("Document")
    shown: dict[str, Any] = {
        field: (str | None, Field(None, description=text, json_schema_extra=_mark(field)))
        for field, text in once
    }
    created = (
        create_model(f"{name}Created", __base__=document, __doc__="A new record.", **shown)
        if shown
        else document
    )
    item: Any = created | None
    result = create_model(
        f"{name}BatchResult",
        __doc__="Result of one item.",
        status=(int, Field(description="201, or the status of the problem.")),
        item=(item, Field(None, description="The new record.")),
        problem=(Problem | None, Field(None, description="Reason for which the item was refused.")),
    )
    return create_model(
        f"{name}BatchAnswer",
        __doc__="The results of a batch.",
        results=(
            list[result],  # type: ignore[valid-type]
            Field(description="One result for each item, in the order of the request."),
        ),
    )


class _BatchBody(BaseModel):
    """The body of the request, before its items are validated one by one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    items: list[Any]
    atomic: bool = True


def _create(resource: Creatable) -> Response:
    no_parameters()
    batch = _read(body())
    if not 1 <= len(batch.items) <= MOST_AT_ONCE:
        raise Invalid.field("items", f"Give 1 to {MOST_AT_ONCE} items.")
    commands = batches.checked(resource.command.read, batch.items)
    if batch.atomic:
        batches.raise_together(
            {n: one for n, one in enumerate(commands) if isinstance(one, PortalError)}
        )
    return once(lambda: _created(resource, commands, batch.atomic))


def _read(data: dict[str, Any]) -> _BatchBody:
    try:
        return _BatchBody.model_validate(data)
    except ValidationError as error:
        raise Invalid(field_errors(error, _BatchBody)) from None


def _created(resource: Creatable, commands: Sequence[Any], atomic: bool) -> Outcome:
    made: Sequence[Any]
    if atomic:
        made = batches.all_or_none(actor(), commands, resource.create, resource.create_all)
    else:
        sound = [one for one in commands if not isinstance(one, PortalError)]
        done = iter(batches.each_alone(actor(), sound, resource.create))
        made = [one if isinstance(one, PortalError) else next(done) for one in commands]
    kept, shown = [], []
    for one in made:
        result, secrets = _result(resource, one)
        kept.append(_with(result, dict.fromkeys(secrets)))
        shown.append(_with(result, secrets))
    has_secrets = any(isinstance(one, Revealed) and one.once for one in made)
    return Outcome({"results": kept}, 200, revealed={"results": shown} if has_secrets else None)


def _with(result: dict[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "item": {**result["item"], **secrets}} if secrets else result


def _result(resource: Creatable, made: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the result of one item, and the secrets that only the first answer has."""
    if isinstance(made, PortalError):
        problem = problem_document(made, request_id(), running().base_url)
        return {"status": made.status, "item": None, "problem": problem}, {}
    record, secrets = (made.record, made.once) if isinstance(made, Revealed) else (made, {})
    return {
        "status": 201,
        "item": resource.represent(record, is_new=True),
        "problem": None,
    }, secrets
