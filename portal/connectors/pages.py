"""Pages of connectors: /connectors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, cast

from flask import Blueprint, Flask, current_app, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Select

from portal import web
from portal.applications import service as applications
from portal.applications.models import Application
from portal.applications.pages import Item, Part, show_on_application
from portal.audit import pages as audit_pages
from portal.connectors import service
from portal.connectors.forms import ConnectorForm
from portal.connectors.models import TYPES, Connector
from portal.connectors.overview import SOURCE
from portal.connectors.schemas import ConnectorDocument
from portal.connectors.table import TABLE, Beside
from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.record import find
from portal.identity import people
from portal.identity.sessions.login import recent_sign_in_required
from portal.overview.parts import add_source
from portal.providers import AUTH_WORDS, CUSTOM, PROVIDERS, Provider, name_of
from portal.records import listing
from portal.web import lists
from portal.web.drawing import faces, facts
from portal.web.forms import as_seen

bp = Blueprint("connectors", __name__, url_prefix="/connectors")
SHOWN_GROUPS = 20  # of a person, beside the field for one
SHOWN = 5  # connectors on an application's page
MOST_COUNTED = 100  # connectors that need a person
TYPE_WORDS = {"edr": "EDR", "siem": "SIEM", "itsm": "ITSM", "crm": "CRM"}
WebhookSource = Callable[[Actor, Iterable[str | None]], list[tuple[str, str]]]
Panel = Callable[[Connector], Mapping[str, Any]]
Explained = Callable[[Actor, Sequence[Connector], Select[Any]], tuple[Mapping[str, Any], int]]
PROVIDER_CHOICES = sorted(((p.key, p.name) for p in PROVIDERS.values()), key=lambda p: p[1].lower())


def init_app(app: Flask) -> None:
    """Register the pages, template helpers, and the connectors that other pages show."""
    app.register_blueprint(bp)
    app.jinja_env.globals.update(
        provider_name=name_of,
        provider_face=provider_face,
        auth_word=AUTH_WORDS.get,
        type_word=type_word,
    )
    show_on_application(app, part)
    add_source(app, SOURCE)


def add_panel(app: Flask, panel: Panel) -> None:
    """Register a function that returns template variables for the page of a connector."""
    app.extensions.setdefault("portal.connector_panels", []).append(panel)


def explain(app: Flask, source: Explained) -> None:
    """Register a source of the sentence for each connector of a page, and of a query's count."""
    app.extensions["portal.connector_explained"] = source


def provider_face(key: str | None) -> Markup:
    """Return the logo of a provider, or the tile of an unknown one."""
    provider = PROVIDERS.get(key or "", PROVIDERS[CUSTOM])
    return faces.provider_face(provider.key, provider.logo)


def type_word(key: str | None) -> str | None:
    """Return a type in readable words: `source_control` → “source control”."""
    return TYPE_WORDS.get(key, key.replace("_", " ")) if key else None


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the list of connectors; for htmx, only the rows."""
    web.actor().require("connectors:read")
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked = lists.list_request(TABLE)
    page = listing.page(web.actor(), service.LISTING, asked.query)
    owners = {record.application_id for record in page.items if record.application_id}
    owned = applications.of(web.actor(), owners)
    explained, needing = _explained(page.items)
    more = "+" if needing == MOST_COUNTED else ""
    caller = web.actor()
    persons = partial(people.makers, caller)
    return lists.render(
        "connectors/index.html",
        "connectors/_listing.html",
        asked,
        page,
        beside=Beside(web.actor(), explained, owned, dict(PROVIDER_CHOICES), provider_face),
        tick=lists.is_live,
        offered={
            "application_id": lists.Offer(partial(applications.choices, caller)),
            "webhook_endpoint_id": lists.Offer(_webhooks),
            "provider": lists.Offer(lambda _: PROVIDER_CHOICES),
            "type": lists.Offer(lambda _: [(key, type_word(key) or key) for key in TYPES]),
            "owner_id": lists.Offer(persons),
            "user_id": lists.Offer(persons),
            "created_by": lists.Offer(persons, is_whole=False),
        },
        questions=[("need_a_person", f"Need a person ({needing}{more})")],
    )


def _explained(records: Sequence[Connector]) -> tuple[Mapping[str, Any], int]:
    """Return what is said of each connector, and how many of the list need a person."""
    source: Explained = current_app.extensions["portal.connector_explained"]
    query = listing.Query(show="need_a_person")
    needing = listing.narrowed(web.actor(), service.LISTING, query)
    return source(web.actor(), records, needing.with_only_columns(Connector.id).limit(MOST_COUNTED))


# ---------------------------------------------------------------- create and change


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Ask for a provider, then for its form. The URL contains the choice."""
    web.actor().require("connectors:write")
    provider = _chosen_provider()
    if provider is None:
        return _choose("Add connector")
    form = _with_choices(
        ConnectorForm.of(provider, application_id=request.args.get("application_id"))
    )
    if (command := form.command()) is not None:
        with form.catching():
            record_id = web.already_done(form)
            if record_id is None:
                record_id = service.create(web.actor(), command).id
                web.note_done(form, record_id)
            web.toast("The connector is added.")
            return web.see_other(url_for("connectors.show", record_id=record_id))
    return _form_page("connectors/new.html", form, None)


@bp.route("/<record_id>/edit", methods=["GET", "POST"])
def edit(record_id: str) -> ResponseReturnValue:
    """Change a connector. An empty secret input keeps the stored secret."""
    web.actor().require("connectors:write")
    record = find(Connector, web.actor(), record_id, lock=request.method == "POST")
    record.permit(web.actor(), {"config"})
    provider = _chosen_provider() or record.entry
    if provider is None or request.args.get("choose"):
        return _choose(f"Edit {record.name}", record)
    form = _with_choices(ConnectorForm.of(provider, record), record)
    if (command := form.command(stored=record)) is not None:
        with form.catching():
            form.check_version(record)
            service.update(web.actor(), record, command)
            web.toast("The connector is saved.")
            return web.see_other(url_for("connectors.show", record_id=record_id))
    return _form_page("connectors/edit.html", form, record)


def sent_form() -> ConnectorForm:
    """Return the form that was sent, for its provider and without a record. Raises NotFound."""
    provider = _chosen_provider()
    if provider is None:
        raise NotFound("There is no provider of this name. Choose one from the list.")
    form = _with_choices(ConnectorForm.of(provider))
    form.name.needed = ""  # to try a connection, it needs none
    return form


def _chosen_provider() -> Provider | None:
    key = request.form.get("provider") or request.args.get("provider")
    if not key:
        return None
    if key not in PROVIDERS:
        raise NotFound("There is no provider of this name. Choose one from the list.")
    return PROVIDERS[key]


def _choose(title: str, record: Connector | None = None) -> ResponseReturnValue:
    """Show the first step: a link to every provider, with the generic ones at the end."""
    providers = sorted(PROVIDERS.values(), key=_custom_last)
    return web.render("connectors/choose.html", title=title, record=record, providers=providers)


def _custom_last(provider: Provider) -> tuple[bool, bool, str]:
    return provider.category == CUSTOM, provider.is_open, provider.name.lower()


def offer_webhooks(app: Flask, source: WebhookSource) -> None:
    """Register a source of the webhooks that a connector's form offers, as (id, name)."""
    app.extensions["portal.connector_webhooks"] = source


def _with_choices(form: ConnectorForm, record: Connector | None = None) -> ConnectorForm:
    owners = applications.extendable_choices(web.actor(), also=[form.application_id.data])
    form.application_id.offer([("", "None"), *owners])
    persons = people.choices(web.actor(), [form.user_id.data, form.owner_id.data])
    # A personal connector is made for oneself.
    form.user_id.offer(_with(("", "You"), [], form.user_id.data, dict(persons)))
    form.owner_id.offer(_with(("", "None" if record else "You"), persons, form.owner_id.data))
    offered = _webhooks([form.webhook_endpoint_id.data])
    form.webhook_endpoint_id.offer(_with(("", "None"), offered, form.webhook_endpoint_id.data))
    if groups := ", ".join(sorted(web.actor().groups)[:SHOWN_GROUPS]):
        form.group_id.description = f"Needed when the scope is group. Yours: {groups}."
    return form


def _webhooks(also: Iterable[str | None]) -> list[tuple[str, str]]:
    source = cast("WebhookSource", current_app.extensions["portal.connector_webhooks"])
    return source(web.actor(), also)


def _with(
    nothing: tuple[str, str],
    choices: list[tuple[str, str]],
    chosen: str | None,
    names: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[str, str]]:
    """Return the choices with the chosen one, of which perhaps only the id is known."""
    offered = [nothing, *choices]
    if chosen is None or chosen in {value for value, _ in offered}:
        return offered
    return [*offered, (chosen, names.get(chosen, chosen))]


def _form_page(template: str, form: ConnectorForm, record: Connector | None) -> ResponseReturnValue:
    return web.render(
        template,
        "forms/_sentence.html",
        form=form,
        record=record,
        status=form.answer_status,
    )


# ---------------------------------------------------------------- one connector


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show one connector: its settings, the state of its credentials, and its application.

    An admin without access sees only that it exists, whose it is, and its state.
    """
    record = service.get(web.actor(), record_id, include_deleted=True)
    named = (record.owner_id, record.user_id, record.created_by, record.updated_by)
    persons = people.names(web.actor(), named)
    if not record.is_open_to(web.actor()):
        return web.render("connectors/restricted.html", record=record, persons=persons)
    panels: list[Panel] = current_app.extensions.get("portal.connector_panels", [])
    return web.render(
        "connectors/show.html",
        record=record,
        others=facts.others(
            "connectors/show.html",
            ConnectorDocument,
            record,
            ("application_status", "is_restricted"),
        ),
        application=record.owning_application,
        persons=persons,
        **{name: value for panel in panels for name, value in panel(record).items()},
    )


@bp.post("/<record_id>/switch")
def switch(record_id: str) -> ResponseReturnValue:
    """Turn a connector on or off. It needs no confirmation, because the same button undoes it."""
    enabled = request.form.get("on") == "1"
    record = service.set_enabled(web.actor(), record_id, enabled)
    web.toast(f"{record.name} is {'enabled' if enabled else 'disabled'}.")
    return web.see_other(url_for("connectors.show", record_id=record_id))


@bp.post("/<record_id>/credentials/delete")
@recent_sign_in_required
def remove_credentials(record_id: str) -> ResponseReturnValue:
    """Delete all credentials of a connector."""
    record = service.remove_credentials(web.actor(), record_id)
    web.toast(f"The credentials of {record.name} are removed.")
    return web.see_other(url_for("connectors.show", record_id=record_id))


@bp.post("/<record_id>/delete")
@recent_sign_in_required
def delete(record_id: str) -> ResponseReturnValue:
    """Delete a connector, if its version is still the one that the person saw."""
    web.actor().require("connectors:write")
    record = as_seen(Connector, record_id)
    service.delete(web.actor(), record)
    web.toast(f"{record.name} is deleted.", link=("Restore…", url_for("deleted.index")))
    return web.see_other(url_for("connectors.show", record_id=record_id))


@bp.post("/<record_id>/restore")
def restore(record_id: str) -> ResponseReturnValue:
    """Restore a deleted connector, with its credentials."""
    record = service.restore(web.actor(), record_id)
    web.toast(f"{record.name} is back.")
    return web.see_other(url_for("connectors.show", record_id=record_id))


@bp.get("/<record_id>/history")
def history(record_id: str) -> ResponseReturnValue:
    """Show the history of a connector."""
    record = service.get(web.actor(), record_id, include_deleted=True)
    entries = audit_pages.of_record(record_id)
    return web.render("connectors/history.html", record=record, entries=entries)


# ---------------------------------------------------------------- what other pages show


def part(actor: Actor, application: Application) -> Part:
    """Return an application's connectors, for its page."""
    own = listing.Query(filters={"application_id": application.id}, limit=SHOWN)
    page = listing.page(actor, service.LISTING, own)
    new = url_for("connectors.create", application_id=application.id)
    return Part(
        title="Connectors",
        items=[
            Item(
                record,
                url_for("connectors.show", record_id=record.id),
                name_of(record.provider) or "Draft",
            )
            for record in page.items
        ],
        all_url=url_for("connectors.index", application_id=application.id),
        new_url=new if actor.can("connectors:write") and not application.is_stopped else None,
        new_label="Add a connector",
        empty="No connectors yet.",
        stopped="Whoever runs these connectors reads that their application has stopped. None can"
        " be added.",
    )
