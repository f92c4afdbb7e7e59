"""The pages about sessions and people, and the wiring of the sign-in."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Blueprint, Flask, url_for
from flask.typing import ResponseReturnValue

from portal.core.config import Config
from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.session import database_now
from portal.identity import people, user_agents
from portal.identity.models import Person, WebSession
from portal.identity.openid.issuer import Issuer
from portal.identity.openid.relying_party import Client, RelyingParty
from portal.identity.people import Rules
from portal.identity.sessions import login, sessions
from portal.identity.sessions.cookies import Cookies
from portal.identity.sessions.id_tokens import sealer_of
from portal.identity.sessions.login import live_session
from portal.identity.sign_in import SignIn, auth
from portal.records.health import clock, counted
from portal.rest.findable import Choice, Find, SearchQuery
from portal.web import actor, lists, portal_request, render, see_other, signed_in, toast
from portal.web.lists import Table

account = Blueprint("sessions", __name__, url_prefix="/account/sessions")
directory = Blueprint("people", __name__, url_prefix="/people")
# Like a log: people come and go at the identity provider, so nothing here is deleted or has tags.
TABLE = Table(
    "people",
    "people.list_people",
    "people",
    people.LISTING,
    (),
    {"last_seen": "Last seen"},
    is_log=True,
    search="Name or e-mail address",
)


def init_app(app: Flask, config: Config, issuer: Issuer) -> None:
    """Set up the sign-in of people to `app`, through the provider `issuer`."""
    client = Client(
        config.oidc_client_id,
        config.oidc_client_secret,
        redirect_uri=f"{config.base_url}/auth/callback",
        after_logout_uri=f"{config.base_url}/auth/logged-out",
        needed_claims=(config.oidc_tenant_claim, config.oidc_roles_claim),
    )
    app.extensions["portal.signing_in"] = SignIn(
        RelyingParty(issuer, client),
        Rules(
            config.oidc_tenant_claim,
            config.oidc_roles_claim,
            config.oidc_role_map,
            config.oidc_groups_claim,
        ),
        sealer_of(config),
        None if config.is_production else urlsplit(config.base_url).hostname,
        urlsplit(config.oidc_issuer).hostname or config.oidc_issuer,
    )
    login.init_app(app, Cookies.of(config))
    for blueprint in (auth, account, directory):
        app.register_blueprint(blueprint)
    app.jinja_env.filters["browser"] = user_agents.in_words


# ---------------------------------------------------------------- sessions and people


@account.get("")
def index() -> ResponseReturnValue:
    """Show the signed-in person's own sessions."""
    mine, current = sessions.mine(actor()), _current_id()
    return render(
        "identity/sessions.html",
        sessions=mine,
        current=current,
        is_admin=_role() == "admin",
        said=_where_else([one for one in mine if one.id != current]),
    )


@account.post("/<session_id>/end")
def end(session_id: str) -> ResponseReturnValue:
    """End one of the person's own sessions. Ending the current one signs the person out."""
    sessions.end_mine(actor(), session_id)
    toast("That session has ended.")
    return see_other(url_for("sessions.index"))


@account.post("/end-others")
def end_others() -> ResponseReturnValue:
    """End all of the person's sessions but the current one."""
    ended = sessions.end_my_others(actor(), keep=_current_id())
    toast(f"{ended} other session{'' if ended == 1 else 's'} ended.")
    return see_other(url_for("sessions.index"))


@directory.get("")
def list_people() -> ResponseReturnValue:
    """Show the people who have signed in to this tenant; for admins."""
    people.require_admin(actor(), _role())
    if (better := lists.better_address(TABLE)) is not None:
        return better
    asked, counts = lists.list_request(TABLE), sessions.counts(actor())
    return lists.render(
        "identity/people.html",
        "identity/_people.html",
        asked,
        people.page(actor(), asked.query),
        counts=counts,
        said=None if portal_request().wants_fragment else _signed_in(len(counts)),
    )


def _signed_in(now: int) -> str:
    known = people.counted(actor())
    some = f"{known} {'person' if str(known) == '1' else 'people'}"
    return f"{some} signed in so far, {now:,} of them now."


@directory.post("/<person_id>/end-sessions")
def end_sessions(person_id: str) -> ResponseReturnValue:
    """End every session of a person; for admins."""
    people.require_admin(actor(), _role())
    person = people.find(actor(), person_id)
    ended = sessions.end_of_person(actor(), person)
    toast(f"{ended} session{'' if ended == 1 else 's'} of {person.name} ended.")
    return see_other(url_for("people.list_people"))


# ---------------------------------------------------------------- found by the search


def find_people(actor: Actor, asked: SearchQuery) -> list[Find]:
    """Return the people whose name or email address has the words."""
    return [_line(person) for person in people.named(actor, asked.text)]


def choose_people(actor: Actor, text: str) -> list[Choice]:
    """Return a few people whose name or email address has the words; the first for no words."""
    found = people.named(actor, text) if text else people.first(actor, people.FOUND)
    if actor.is_admin:
        return [Choice(one.id, one.name, one.email or one.role) for one in found]
    # Only admins see the addresses of people, so nobody else finds a person by one.
    return [Choice(one.id, one.name, one.role) for one in found if people.is_called(one, text)]


def find_person(actor: Actor, person_id: str) -> Find | None:
    """Return the line of one person of the tenant."""
    try:
        return _line(people.find(actor, person_id))
    except NotFound:
        return None


def _line(person: Person) -> Find:
    url = url_for("people.list_people", id=person.id)
    return Find(person.name, url, "Person", "user", person.email or person.role, id=person.id)


def _where_else(others: Sequence[WebSession]) -> str:
    """Return in a sentence where the person is signed in, besides here."""
    if not others:
        return "You are signed in here and nowhere else."
    last = clock(max(one.last_seen_at for one in others), database_now())
    elsewhere = counted(len(others), "other session")
    return f"You are signed in here and in {elsewhere}, last used at {last}."


def _role() -> str:
    person = signed_in()
    return person.role if person else ""


def _current_id() -> str:
    live = live_session()
    return live.session.id if live else ""
