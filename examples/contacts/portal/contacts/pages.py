"""Pages of contacts: /contacts."""

from functools import partial
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.applications import service as applications
from portal.audit import pages as audit_pages
from portal.contacts import service
from portal.contacts.forms import ContactForm
from portal.contacts.models import Contact
from portal.contacts.schemas import ContactDocument
from portal.contacts.table import TABLE
from portal.database.record import find
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.records import listing
from portal.web import lists
from portal.web.drawing import facts
from portal.web.forms import as_seen

bp = Blueprint("contacts", __name__, url_prefix="/contacts")


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the list of contacts; for htmx, only the rows."""
    web.actor().require("contacts:read")
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = listing.page(web.actor(), service.LISTING, asked.query)
    owners = {record.application_id for record in page.items if record.application_id}
    return lists.render(
        "contacts/index.html",
        "contacts/_listing.html",
        asked,
        page,
        beside=applications.names(web.actor(), owners),
        offered={
            "application_id": lists.Offer(partial(applications.choices, web.actor())),
            "created_by": lists.Offer(partial(people.makers, web.actor()), is_whole=False),
        },
        said=None if web.portal_request().wants_fragment else service.summary(web.actor()),
    )


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Add a contact."""
    web.actor().require("contacts:write")
    form = _offering(ContactForm(data={"application_id": request.args.get("application_id")}))
    if (command := form.command()) is not None:
        with form.catching():
            record_id = web.already_done(form)
            if record_id is None:
                record_id = service.create(web.actor(), command).id
                web.note_done(form, record_id)
            web.toast("The contact is added.")
            return web.see_other(url_for("contacts.show", record_id=record_id))
    return web.render("contacts/form.html", form=form, record=None, status=form.answer_status)


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change a contact."""
    web.actor().require("contacts:write")
    record = find(Contact, web.actor(), record_id, lock=request.method == "POST")
    form = _offering(ContactForm(obj=record))
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            service.update(web.actor(), record, command)
            web.toast("The contact is saved.")
            return web.see_other(url_for("contacts.show", record_id=record_id))
    return web.render("contacts/form.html", form=form, record=record, status=form.answer_status)


def _offering(form: ContactForm) -> ContactForm:
    owners = applications.extendable_choices(web.actor(), also=[form.application_id.data])
    form.application_id.offer([("", "None"), *owners])
    return form


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one contact, also a deleted one."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    others = facts.others("contacts/show.html", ContactDocument, record)
    return web.render("contacts/show.html", others=others, **_head(record))


def _head(record: Contact) -> dict[str, Any]:
    """Return what the top of its pages shows: the contact, its application, and a sentence."""
    owner_id = record.application_id or ""
    owner = applications.names(web.actor(), {owner_id}).get(owner_id)
    return {"record": record, "owner": owner, "said": service.of_whom(record, owner)}


@bp.post("/<record_id>/delete")
@recent_sign_in_required
def delete(record_id: str) -> ResponseReturnValue:
    """Delete a contact, if its version is still the one that the person saw."""
    web.actor().require("contacts:write")
    record = as_seen(Contact, record_id)
    service.delete(web.actor(), record)
    web.toast(f"{record.name} is deleted.", link=("Restore…", url_for("deleted.index")))
    return web.see_other(url_for("contacts.show", record_id=record_id))


@bp.post("/<record_id>/restore")
def restore(record_id: str) -> ResponseReturnValue:
    """Restore a deleted contact."""
    record = service.restore(web.actor(), record_id)
    web.toast(f"{record.name} is back.")
    return web.see_other(url_for("contacts.show", record_id=record_id))


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """Show the history of a contact."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    entries = audit_pages.of_record(record_id)
    return web.render("contacts/history.html", entries=entries, **_head(record))
