"""REST of saved views: /api/v1/integration/views."""

from typing import Any

from flask import Response, request

from portal.core.errors import one_of
from portal.records import listing
from portal.rest.api import Outcome, actor, answer, body, fields_of, listed, no_parameters, once
from portal.rest.openapi import PREFIX, Operation, Parameter
from portal.rest.resources import RETRY
from portal.saved_views import service
from portal.saved_views.models import SavedViewRow
from portal.saved_views.schemas import ChangedView, NewView, ViewDocument
from portal.saved_views.tables import with_views


def document(view: SavedViewRow) -> dict[str, Any]:
    """Return a view as the API returns it."""
    return fields_of(ViewDocument, view)


def _list() -> Response:
    given = listing.each_once(("list",), request.args)
    name = given.get("list", "")
    if name and name not in (known := with_views()):
        raise listing.refused("list", one_of(name, known))
    return listed([document(view) for view in service.all_seen(actor(), name)], None)


def _get(id: str) -> Response:
    no_parameters()
    return answer(document(service.get(actor(), id)))


def _create() -> Response:
    no_parameters()
    command = NewView.read(body())

    def work() -> Outcome:
        view = service.create(actor(), command)
        return Outcome(document(view), 201, f"{PREFIX}/views/{view.id}")

    return once(work)


def _update(id: str) -> Response:
    no_parameters()
    return answer(document(service.change(actor(), id, ChangedView.read(body()))))


def _delete(id: str) -> Response:
    no_parameters()
    service.delete(actor(), id)
    return Response(status=204)


def operations() -> tuple[Operation, ...]:
    """Return the operations, which name the lists of all features."""
    names = {"type": "string", "enum": [*with_views()]}
    of_list = Parameter("list", names, "Only the views of this list.")
    return (
        Operation(
            resource="views", name="list", method="GET", path="/views",
            summary="List saved views",
            description="Return your own views and those that are shared, of one list or of all"
            " that you may read: at most 100 of each, your own first.",
            scope="", view=_list, answer=ViewDocument, is_list=True, parameters=(of_list,),
        ),
        Operation(
            resource="views", name="get", method="GET", path="/views/{id}",
            summary="Get one saved view",
            description="Return one view of your own, or a shared one.",
            scope="", view=_get, answer=ViewDocument,
        ),
        Operation(
            resource="views", name="create", method="POST", path="/views",
            summary="Save a view",
            description="Save the filters, order and columns of a list under a name. A parameter"
            " that the list does not understand is a 422 that names it. A person has at most 50"
            " views of a list; the next one is a 409. Sharing needs the right to change the list's"
            " records.",
            scope="", view=_create, command=NewView, answer=ViewDocument, status=201,
            parameters=(RETRY,), refusals=(409,),
        ),
        Operation(
            resource="views", name="update", method="PATCH", path="/views/{id}",
            summary="Change a saved view",
            description="Change a view of your own: its name, its parameters, with whom it is"
            " shared. Admins change shared ones too. A field that is left out stays as it is.",
            scope="", view=_update, command=ChangedView, answer=ViewDocument,
        ),
        Operation(
            resource="views", name="delete", method="DELETE", path="/views/{id}",
            summary="Delete a saved view",
            description="Delete a view of your own. Admins delete shared ones too. The records"
            " that it showed stay.",
            scope="", view=_delete, status=204,
        ),
    )  # fmt: skip
