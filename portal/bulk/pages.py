"""Pages of bulk jobs: /bulk-jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import web
from portal.bulk import job_texts, selection, service
from portal.bulk.acts import Act, Kind
from portal.bulk.kinds import KINDS, forms
from portal.bulk.models import ROW_STATES, BulkJob
from portal.bulk.schemas import BulkJobInput
from portal.core.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound, PortalError
from portal.database.actor import Actor
from portal.database.session import session
from portal.identity.sessions.login import live_session, to_step_up
from portal.keys.editing.forms import PAST, is_past
from portal.rest.findable import Find
from portal.web import lists

bp = Blueprint("bulk_jobs", __name__, url_prefix="/bulk-jobs")
SHOWN = 50
MOST_TICKED = 200
SURE_UP_TO = 10  # records; for more, the number is typed to confirm a grave act


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar below a list: its acts, the filter of the list as a query string, and all of its
    records in words."""

    resource: str
    noun: str
    acts: list[Act]
    filter: str
    all_to_choose: str
    all_to_export: str


def offered(asked: lists.ListRequest) -> Bar | None:
    """Return the bar of a list; None if it is of no kind. It has no acts for somebody who may
    change nothing there."""
    kind = KINDS.get(asked.table.name)
    if kind is None:
        return None
    return Bar(
        kind.resource.name,
        kind.resource.singular,
        kind.for_actor(web.actor()),
        urlencode(asked.matching),
        *job_texts.every(kind, asked.total, is_narrowed=bool(asked.matching)),
    )


def found(actor: Actor, job_id: str) -> Find | None:
    """Return the line of a job for the search, or None if the actor may not see it."""
    try:
        job = service.find(actor, job_id)
    except (Forbidden, NotFound):
        return None
    url = url_for("bulk_jobs.show", record_id=job.id)
    return Find(job_texts.title(job), url, "Bulk job", "list-check", status=job.state)


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the bulk jobs that the person may see, newest first."""
    found, onward = service.page(web.actor(), SHOWN, request.args.get("cursor"))
    return web.render(
        "bulk/index.html",
        jobs=[(job, job_texts.title(job)) for job in found],
        newest=job_texts.newest(found[0]) if found and not request.args.get("cursor") else None,
        next_url=url_for("bulk_jobs.index", cursor=onward) if onward else None,
    )


@bp.route("/new", methods=["GET", "POST"])
def create() -> ResponseReturnValue:
    """Ask for the values of an act on many records, then make its preview."""
    asked = request.form if request.method == "POST" else request.args
    offers = [(kind, kind.for_actor(web.actor())) for kind in KINDS.values()]
    if not any(acts for _, acts in offers):
        raise Forbidden("You may read here and change nothing. Ask an admin of your tenant.")
    if request.method == "GET" and not asked.get("verb"):
        named = [(job_texts.name_of(kind), kind, acts) for kind, acts in offers if acts]
        return web.render("bulk/choose.html", offers=named)
    kind, act = _chosen_act(asked.get("resource", ""), asked.get("verb", ""))
    web.actor().require(act.scope)
    ids = asked.getlist("id")[:MOST_TICKED] if asked.get("which") != "all" else []
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            if not ids and asked.get("which") != "all":
                raise Invalid.field("ids", "Nothing is selected. Go back and tick some rows.")
            job = _preview(kind, act, ids, asked.get("filter", ""), asked)
        except (Invalid, Conflict) as error:
            session.rollback()
            problems = _problems(error)
        else:
            return web.see_other(url_for("bulk_jobs.show", record_id=job.id))
    return web.render(
        "bulk/new.html",
        kind=kind,
        act=act,
        fields=forms.fields_of(act),
        sent=asked,
        removed=asked.getlist(forms.REMOVE),
        heading=job_texts.heading(kind, act, len(ids) if asked.get("which") != "all" else None),
        kind_name=job_texts.name_of(kind),
        kept=[(name, value) for name, value in asked.items(multi=True) if name in KEPT],
        problems=problems,
        status=422 if problems else 200,
    )


KEPT = frozenset({"resource", "verb", "which", "id", "filter"})


def _chosen_act(resource: str, verb: str) -> tuple[Kind, Act]:
    kind = KINDS.get(resource)
    if kind is None or verb not in kind.by_verb:
        raise BadRequest("This is nothing that can be done to many records at once.")
    return kind, kind.act(verb)


def _preview(kind: Kind, act: Act, ids: list[str], narrowed: str, sent: Any) -> BulkJob:
    which: dict[str, Any] = {"ids": ids} if ids else {"filter": selection.sent(narrowed)}
    values = forms.values_of(act, sent) if act.command.model_fields else {}
    _check_end(values)
    named = {"resource": kind.resource.name, "verb": act.verb, "arguments": values}
    return service.create(web.actor(), BulkJobInput.read({**named, **which}))


def _check_end(values: Mapping[str, Any]) -> None:
    """Raise Invalid for a time in the past, which only a program may ask for: it ends the keys
    without what is asked for to revoke them."""
    if is_past(values.get("expires_at")):
        raise Invalid.field("arguments.expires_at", PAST)


def _problems(error: PortalError) -> dict[str, str]:
    """Return field → sentence; "" is about no field of the form."""
    if not error.errors:
        return {"": error.detail}
    return {
        one.field.removeprefix("arguments.")
        if one.field.startswith("arguments.")
        else "": one.message
        for one in error.errors
    }


@bp.get("/<record_id>")
def show(record_id: str) -> ResponseReturnValue:
    """Show a job: its preview, progress or result. The page refreshes itself while it runs."""
    return _shown(service.find(web.actor(), record_id))


def _shown(job: BulkJob, problem: str = "") -> ResponseReturnValue:
    caller = web.actor()
    tag = f"{job.id[-8:]}.{job.state}.{job.waiting}"
    is_same = web.portal_request().wants_fragment and request.headers.get("HX-PTag") == tag
    if is_same and not problem:
        return "", 304
    state = request.args.get("state", "")
    chosen = state if state in ROW_STATES else None
    rows, onward = service.rows(caller, job, chosen, SHOWN, request.args.get("cursor"))
    kind, act = KINDS[job.resource], service.act_of(job)
    answer = web.render(
        "bulk/show.html",
        "bulk/_job.html",
        job=job,
        kind=kind,
        act=act,
        texts=job_texts.texts_of(job, kind, act),
        rows=rows,
        state=state,
        is_mine=job.asked_by == caller.person_id,
        types_count=act.is_grave and job.waiting > SURE_UP_TO,
        next_url=_address(job, state, onward) if onward else None,
        text_of=job_texts.value,
        here=_address(job, state, request.args.get("cursor", "")),
        problem=problem,
        status=422 if problem else 200,
    )
    answer.headers["HX-PTag"] = tag
    return answer


def _address(job: BulkJob, state: str, cursor: str) -> str:
    return url_for("bulk_jobs.show", record_id=job.id, state=state or None, cursor=cursor or None)


@bp.post("/<record_id>/confirm")
def confirm(record_id: str) -> ResponseReturnValue:
    """Start a confirmed job. It needs a recent sign-in if that is needed for one record."""
    job = service.find(web.actor(), record_id)
    act = service.act_of(job)
    try:
        _check_end(job.arguments)
    except Invalid as error:
        return _shown(job, error.errors[0].message)
    typed = request.form.get("confirm", "").strip().replace(",", "")
    if act.is_grave and job.waiting > SURE_UP_TO and typed != str(job.waiting):
        return _shown(job, f"Type {job.waiting} to confirm: {job.waiting} are selected.")
    live = live_session()
    if act.needs_recent_sign_in and not (live and live.is_recent):
        return to_step_up()
    try:
        service.confirm(web.actor(), record_id)
    except Conflict as error:
        session.rollback()  # a failed statement may be the reason
        web.toast(error.detail, "warn")
    return _back(record_id)


@bp.post("/<record_id>/cancel")
def cancel(record_id: str) -> ResponseReturnValue:
    """Cancel a job. What was done stays done."""
    service.cancel(web.actor(), record_id)
    web.toast("The job is cancelled. What was done stays done.", "warn")
    return _back(record_id)


@bp.post("/<record_id>/retry")
def retry(record_id: str) -> ResponseReturnValue:
    """Preview a new job for the records that were not done."""
    try:
        again = service.again(web.actor(), record_id)
    except Conflict as error:
        session.rollback()
        web.toast(error.detail, "warn")
        return _back(record_id)
    return _back(again.id)


def _back(record_id: str) -> ResponseReturnValue:
    return web.see_other(url_for("bulk_jobs.show", record_id=record_id))
