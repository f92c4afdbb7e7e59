"""The routes for signing in and out, including the provider's callbacks."""

import hmac
import logging
import secrets
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import flask
from flask import Blueprint, Response, current_app, g, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from portal.core.errors import Unauthenticated
from portal.database.actor import Actor
from portal.database.session import let_go, session, transaction
from portal.identity import people, sign_in_limits
from portal.identity.models import Person
from portal.identity.openid.relying_party import (
    LOGIN_LIFETIME,
    Identity,
    Pending,
    Reason,
    RelyingParty,
    SignInFailed,
)
from portal.identity.people import NoAccess, Rules
from portal.identity.sessions import kept_acts, sessions
from portal.identity.sessions.login import (
    TICKET,
    cookies,
    forget_visitor,
    live_session,
    place_to_return,
)
from portal.identity.sessions.sealed_text import Sealer
from portal.identity.sessions.sessions import PersonFacts
from portal.records.audit import trail as audit
from portal.rest import api
from portal.web import cookieless, public, render, see_other, toast

log = logging.getLogger("portal.identity")
auth = Blueprint("auth", __name__, url_prefix="/auth")

LARGEST_NOTICE = 64 * 1024  # bytes of a back-channel logout
SIGNED_IN_AGAIN = (
    "#signed-in-again"  # portal/web/static/js/again.js then restores the submitted form
)


@dataclass(frozen=True)
class SignIn:
    """The objects and settings that the sign-in routes need."""

    party: RelyingParty
    rules: Rules
    sealer: Sealer
    host: str | None  # the host of the cookies in development
    provider: str


def _ours() -> SignIn:
    found: SignIn = current_app.extensions["portal.signing_in"]
    return found


# ---------------------------------------------------------------- signing in


@auth.get("/login")
@public
def login() -> ResponseReturnValue:
    """Redirect to the provider. `next` is the page to return to, `again` requests a step-up, and
    `kept` tells that the browser keeps what was typed there."""
    if elsewhere := _other_name():
        return flask.redirect(elsewhere, 303)
    sign_in_limits.spend_of_address(request.remote_addr or "")
    place, live = place_to_return(request.args.get("next")), live_session()
    if request.args.get("kept") == "1":
        place += SIGNED_IN_AGAIN
    ticket = flask.session.pop(TICKET, "")
    step_up = live is not None and request.args.get("again") == "1"
    if live is not None and not step_up:
        return flask.redirect(place, 303)
    let_go()  # do not hold a database connection while the provider responds
    try:
        url, pending = _ours().party.start(
            place,
            max_age=0 if step_up else None,
            subject=live.person.subject if live is not None else None,
        )
    except SignInFailed as failure:
        return _failed(failure, place)
    response = _redirect(url)
    if step_up:
        pending = replace(pending, ticket=ticket)
    cookies().set_pending(response, [*_pending(), pending])
    return response


@auth.get("/callback")
@public
def callback() -> ResponseReturnValue:
    """Handle the provider's response. A pending sign-in can be used only once, even if it fails."""
    sign_in_limits.spend_of_address(request.remote_addr or "")
    started, answer = _pending(), request.args.to_dict(flat=False)
    state = request.args.get("state", "")
    mine = next((one for one in started if one.state == state), None)
    try:
        identity = _ours().party.finish(answer, started)
        response = _come_in(identity, mine) if mine else _redirect("/")
    except SignInFailed as failure:
        response = _refused(failure, mine)
    if mine is not None:
        cookies().set_pending(response, [one for one in started if one is not mine])
    return response


def _come_in(identity: Identity, pending: Pending) -> Response:
    """Begin a session and redirect, or show a page that explains which access is missing."""
    sign_in_limits.spend_of_account(identity.issuer, identity.subject)
    before, act = live_session(), None
    if before is not None:
        act = kept_acts.give_up(before.session, pending.ticket, pending.place)
        sessions.leave(before.session)
        let_go()
        forget_visitor()
    try:
        _, person = people.admit(identity, _ours().rules)
    except NoAccess as refusal:
        return _no_access(identity, refusal)
    row, cookie = sessions.begin(
        person,
        identity,
        api.origin(),
        sealed_id_token=_ours().sealer.seal(identity.id_token),
        renews=before is not None,
    )
    place = pending.place
    if act is not None and before is not None and _is_same(before.person, person):
        kept_acts.hold_ready(row, act)
        place = url_for("auth.go_on")
        if act.asks_again:
            toast("You are signed in again. Type the secret again: it was not kept.")
    elif pending.subject is not None:
        toast("You are signed in again. Press the button again to go on.")
        place += SIGNED_IN_AGAIN
    else:
        flask.session.clear()  # invalidate forms of the previous person
    response = _redirect(place)
    cookies().set(response, cookies().session, cookie)
    return response


def _is_same(before: PersonFacts, now: Person) -> bool:
    return (before.tenant_id, before.id) == (now.tenant_id, now.id)


@auth.get("/go-on")
def go_on() -> ResponseReturnValue:
    """Do what the person signed in again for. It waits for them once: a reload does nothing."""
    live = live_session()
    if live is None:
        raise Unauthenticated
    act = kept_acts.take_ready(live.session)
    return kept_acts.perform(act) if act is not None else _redirect("/")


def _refused(failure: SignInFailed, pending: Pending | None) -> Response:
    live = live_session()
    if failure.reason == "state" and live is not None:
        return _redirect("/")  # the Back button or a reload after a successful sign-in
    if failure.reason == "other_person" and live is not None:
        with transaction():
            sessions.end(live.actor(api.origin()), live.session)
        forget_visitor()
        response = _failed(failure, "/")
        cookies().drop(response, cookies().session)
        return response
    return _failed(failure, pending.place if pending else "/")


def _no_access(identity: Identity, refusal: NoAccess) -> Response:
    """Show a page that names the person, the missing access and whom to ask."""
    session.rollback()
    log.warning("sign-in without access: %s", refusal.missing)
    if refusal.tenant is not None:
        with transaction(refusal.tenant.id):
            sessions.take_away(refusal.tenant.id, identity.issuer, identity.subject)
            system = Actor(refusal.tenant.id, "system", "system", "Sign-in", origin=api.origin())
            audit.note(
                system,
                "sign_in.refused",
                record_kind="person",
                record_id=identity.subject[:60],
                record_name=identity.name,
            )
    response = render(
        "identity/no_access.html",
        status=403,
        identity=identity,
        missing=refusal.missing,
        tenant=refusal.tenant,
        claims=_ours().rules,
    )
    cookies().drop(response, cookies().session)
    return response


FAILURES: dict[Reason, tuple[int, str, str]] = {
    "state": (
        400,
        "This sign-in cannot be finished",
        "It was started in another browser, took longer than ten minutes, or was finished before. "
        "Nothing has happened. Please start again.",
    ),
    "denied": (
        403,
        "You were not signed in",
        "The identity provider ended the sign-in. Perhaps it was cancelled there.",
    ),
    "invalid": (
        400,
        "You were not signed in",
        "The identity provider's answer did not pass our checks, so it was not accepted. Please "
        "start again. If it happens twice, tell the people who run this portal the request id.",
    ),
    "unavailable": (
        503,
        "The identity provider does not answer",
        "Signing in is not possible at the moment. Nothing is wrong with your account.",
    ),
    "other_person": (
        403,
        "Somebody else signed in",
        "You were asked to confirm that it is you, and another person signed in instead. Your "
        "session was ended for safety.",
    ),
}


def _failed(failure: SignInFailed, place: str) -> Response:
    """Show an error page in plain words; the details go to the log."""
    log.warning("sign-in failed, %s: %s", failure.reason, failure.detail)
    session.rollback()
    status, title, text = FAILURES[failure.reason]
    again = url_for("auth.login", next=None if place == "/" else place)
    response = render(
        "identity/failed.html",
        status=status,
        title=title,
        text=text,
        again=again,
        provider=_ours().provider,
        request_id=g.request_id,
    )
    if status == 503:
        response.headers["Retry-After"] = "10"
    return response


# ---------------------------------------------------------------- signing out


@auth.post("/logout")
@public
def logout() -> ResponseReturnValue:
    """End the session here first, then at the provider."""
    id_token, live = None, live_session()
    if live is not None:
        id_token = _ours().sealer.open(live.session.id_token)
        sessions.end(live.actor(api.origin()), live.session)
        let_go()
        forget_visitor()
    flask.session.clear()
    state = secrets.token_urlsafe(24)
    url = _ours().party.logout_url(state, id_token)
    response = current_app.make_response(see_other(url or url_for("auth.logged_out")))
    cookies().drop(response, cookies().session)
    if url:
        cookies().set(response, cookies().logout, cookies().sealer.seal(state), LOGIN_LIFETIME)
    return response


@auth.get("/logged-out")
@public
def logged_out() -> ResponseReturnValue:
    """Show the page after a logout; check that the provider returned the state that was sent."""
    sealed = request.cookies.get(cookies().logout)
    expected = cookies().sealer.open(sealed, max_age=LOGIN_LIFETIME)
    given = request.args.get("state")
    asked = expected is not None or given is not None
    confirmed = hmac.compare_digest((expected or "").encode(), (given or "").encode())
    response = render(
        "identity/logged_out.html",
        status=200 if confirmed or not asked else 400,
        unconfirmed=asked and not confirmed,
        provider=_ours().provider,
    )
    cookies().drop(response, cookies().logout)
    return response


@auth.post("/backchannel-logout")
@cookieless
def backchannel_logout() -> ResponseReturnValue:
    """End the sessions named by the provider (OpenID Connect Back-Channel Logout 1.0)."""
    try:
        if (request.content_length or 0) > LARGEST_NOTICE:
            raise SignInFailed("invalid", "too large")
        tokens = request.form.getlist("logout_token")
        if len(tokens) != 1:
            raise SignInFailed("invalid", f"{len(tokens)} logout tokens")
        notice = _ours().party.read_logout_token(tokens[0])
        if sessions.obey(notice, api.origin()) is None:
            raise SignInFailed("invalid", "seen before")
    except SignInFailed as failure:
        log.warning("back-channel logout refused: %s", failure.detail)
        status = 503 if failure.reason == "unavailable" else 400
        return _uncached(jsonify(error="invalid_request"), status)
    return _uncached(Response(), 200)


def _uncached(response: Response, status: int) -> Response:
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


# ---------------------------------------------------------------- small parts


def _pending() -> list[Pending]:
    return cookies().read_pending(request.cookies.get(cookies().login))


def _redirect(url: str) -> Response:
    return current_app.make_response(flask.redirect(url, 303))


def _other_name() -> str | None:
    """Return the login URL on the configured host if development used another name for it.

    Cookies of 127.0.0.1 are not sent to localhost, so a sign-in started there could not finish.
    """
    host = _ours().host
    if host is None or request.host.rpartition(":")[0] in (host, "") or request.host == host:
        return None
    base = _ours().party.client.redirect_uri.removesuffix("/auth/callback")
    return f"{base}/auth/login?{urlencode(request.args.to_dict())}"
