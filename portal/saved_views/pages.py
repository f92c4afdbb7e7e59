"""Pages of saved views: the tabs of each list, and what their forms send to /views."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.core.errors import BadRequest, Conflict, Forbidden, Invalid, one_of
from portal.database.actor import Actor
from portal.database.session import session
from portal.saved_views import service
from portal.saved_views.models import SavedViewRow
from portal.saved_views.schemas import ChangedView, NewView
from portal.saved_views.tables import may_share, with_views
from portal.web import lists
from portal.web.lists import SavedView, Source

bp = Blueprint("views", __name__, url_prefix="/views")


def init_app(app: Flask) -> None:
    """Register the pages, and offer the views to every list."""
    app.register_blueprint(bp)
    lists.from_source(app, Source(service.column, of_list))


def of_list(actor: Actor, name: str, found: list[dict[str, Any]] | None) -> list[SavedView]:
    """Return the views of a list as its tabs, from what `service.column` reads."""
    return [
        SavedView(
            id=view["id"],
            name=view["name"],
            args={key: str(text) for key, text in view["parameters"].items()},
            is_shared=view["is_shared"],
            is_default=view["is_default"],
            is_mine=service.is_mine(actor, view["owner_id"]),
            may_change=service.may_change(actor, view["owner_id"], is_shared=view["is_shared"]),
            may_share=may_share(actor, name),
            position=view["position"],
        )
        for view in found or ()
    ]


@bp.post("")
def create() -> ResponseReturnValue:
    """Save what a list shows as a new view."""
    name = request.form.get("list", "")
    if name not in (known := with_views()):
        raise BadRequest(one_of(name, known))
    fields = {
        "list": name,
        "name": request.form.get("name", ""),
        "parameters": _parameters(),
        "is_shared": "is_shared" in request.form,
        "is_default": "is_default" in request.form,
    }
    return _done(
        lambda: service.create(web.actor(), NewView.read(fields)), "The view is saved.", name
    )


@bp.post("/<view_id>")
def change(view_id: str) -> ResponseReturnValue:
    """Save what a list shows into an open view, or change the view's name, rights and place."""
    view = service.get(web.actor(), view_id)
    if request.form.get("do") == "save":
        fields: dict[str, object] = {"parameters": _parameters()}
    else:
        place = request.form.get("position", "0")
        fields = {
            "name": request.form.get("name", ""),
            "is_default": "is_default" in request.form,
            "position": int(place)
            if place.isascii() and place.isdigit() and len(place) < 5
            else -1,
        }
        # Who may not share has no box, and the view stays as it is.
        if "is_shared" in request.form or may_share(web.actor(), view.list):
            fields["is_shared"] = "is_shared" in request.form
    return _done(
        lambda: service.change(web.actor(), view_id, ChangedView.read(fields)),
        "The view is changed.",
        view.list,
        view_id,
    )


@bp.post("/<view_id>/delete")
def delete(view_id: str) -> ResponseReturnValue:
    """Delete a view. The records that it showed stay."""
    view = service.delete(web.actor(), view_id)
    web.toast(f"The view “{view.name}” is deleted.")
    return web.see_other(lists.whole(url_for(with_views()[view.list].endpoint)))


def _parameters() -> dict[str, str]:
    """Return the parameters of the list that the form was drawn for."""
    return lists.arguments_of(request.form.get("parameters", ""))


def _done(
    work: Callable[[], SavedViewRow], words: str, name: str, view_id: str = ""
) -> ResponseReturnValue:
    """Do the work and open the view; if it is refused, say why on the page that asked, with what
    was typed in its form."""
    try:
        view = work()
    except (Invalid, Conflict, Forbidden) as refusal:
        session.rollback()  # the answer is a redirect, and nothing of it may be saved
        errors = [f"{one.field}: {one.message}" for one in getattr(refusal, "errors", ())]
        web.toast(" ".join(errors) or refusal.detail, "bad")
        lists.keep_typed(name, view_id, request.form)
        back = {**_parameters(), "view": request.form.get("back", "") or lists.ALL}
        return web.see_other(lists.address(url_for(with_views()[name].endpoint), back))
    web.toast(words)
    shown = {"view": view.id, **{key: str(text) for key, text in view.parameters.items()}}
    return web.see_other(lists.address(url_for(with_views()[name].endpoint), shown))
