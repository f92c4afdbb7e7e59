"""REST of people and their sessions in browsers: /api/v1/integration/people and /sessions."""

from datetime import datetime
from typing import Any

from flask import Response, request
from pydantic import BaseModel, ConfigDict

from portal.core.errors import Forbidden
from portal.database.actor import Actor
from portal.identity import people
from portal.identity.models import Person, WebSession
from portal.identity.sessions import sessions
from portal.records import listing
from portal.rest.api import Outcome, actor, answer, fields_of, listed, no_parameters, once
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY, list_parameters


class PersonDocument(BaseModel):
    """A person who has signed in to the tenant. The identity provider decides about the role."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the person."""
    name: str
    """Name, as the identity provider gives it."""
    email: str | None
    """Verified e-mail address."""
    role: str
    """Role at the last sign-in: viewer, editor or admin."""
    groups: list[str]
    """Groups at the last sign-in."""
    last_seen_at: datetime
    """Time of the last sign-in, or of a call with a token of their own, to the day."""
    live_sessions: int
    """Number of sessions in browsers that have not ended."""


class SessionDocument(BaseModel):
    """A session of the caller in a browser."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Id of the session."""
    created_at: datetime
    """Time of the sign-in."""
    last_seen_at: datetime
    """Time of the last request, to the minute."""
    ip: str | None
    """Address that the sign-in came from."""
    user_agent: str | None
    """Browser that signed in, as it names itself."""


class EndedDocument(BaseModel):
    """The result of ending sessions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ended: int
    """Number of sessions that were live."""


def _admin() -> Actor:
    caller = actor()
    people.require_admin(caller, caller.role)
    return caller


def _person() -> Actor:
    caller = actor()
    if caller.person_id is None or not caller.role:
        raise Forbidden(
            "Only people have sessions: send a person's access token, not narrowed to scopes."
        )
    return caller


def _list_people() -> Response:
    caller = _admin()
    found = people.page(caller, listing.parse(people.LISTING, request.args, people.NOT_HERE))
    live = sessions.counts(caller)
    return listed([_of_person(one, live.get(one.id, 0)) for one in found.items], found.next_cursor)


def _get_person(id: str) -> Response:
    no_parameters()
    caller = _admin()
    found = people.find(caller, id)
    return answer(_of_person(found, sessions.counts(caller).get(found.id, 0)))


def _of_person(person: Person, live: int) -> dict[str, Any]:
    return fields_of(PersonDocument, person, {"live_sessions"}) | {"live_sessions": live}


def _end_of_person(id: str) -> Response:
    no_parameters()
    caller = _admin()
    found = people.find(caller, id)
    return once(lambda: Outcome({"ended": sessions.end_of_person(caller, found)}, 200))


def _list_sessions() -> Response:
    no_parameters()
    items = [_of_session(one) for one in sessions.mine(_person())]
    return listed(items, None)


def _of_session(row: WebSession) -> dict[str, Any]:
    return fields_of(SessionDocument, row)


def _end(id: str) -> Response:
    no_parameters()
    sessions.end_mine(_person(), id)
    return Response(status=204)


def _end_all() -> Response:
    no_parameters()
    return answer({"ended": sessions.end_my_others(_person(), keep="")})


OPERATIONS = (
    Operation(
        resource="people",
        name="list",
        method="GET",
        path="/people",
        summary="List the people who have signed in to the tenant; for admins",
        description="Return one page of the people who have signed in to the tenant,"
        " with their roles, by name. `q` finds them by the words of their name or e-mail address."
        " Only an admin may read it; anybody else gets 403.",
        scope="",
        view=_list_people,
        for_admins=True,
        answer=PersonDocument,
        is_list=True,
        parameters=list_parameters(people.LISTING, people.NOT_HERE),
    ),
    Operation(
        resource="people",
        name="get",
        method="GET",
        path="/people/{id}",
        summary="Get one person; for admins",
        description="Return one person. Only an admin may read it; anybody else gets 403.",
        scope="",
        view=_get_person,
        for_admins=True,
        answer=PersonDocument,
    ),
    Operation(
        resource="people",
        name="end_sessions",
        method="POST",
        path="/people/{id}/session-endings",
        summary="End all sessions of a person; for admins",
        description="Sign a person out of every browser now, and refuse the access tokens that"
        " they have. Only an admin may do it; anybody else gets 403.",
        scope="",
        view=_end_of_person,
        for_admins=True,
        answer=EndedDocument,
        parameters=(RETRY,),
    ),
    Operation(
        resource="sessions",
        name="list",
        method="GET",
        path="/sessions",
        summary="List your own sessions in browsers",
        description="Return your own sessions in browsers, with the place and the"
        " browser of each. A credential of a program has none.",
        scope="",
        view=_list_sessions,
        answer=SessionDocument,
        is_list=True,
    ),
    Operation(
        resource="sessions",
        name="end",
        method="DELETE",
        path="/sessions/{id}",
        summary="End one of your own sessions",
        description="Sign yourself out of one browser. A session of somebody else is a 404.",
        scope="",
        view=_end,
        status=204,
    ),
    Operation(
        resource="sessions",
        name="end_all",
        method="DELETE",
        path="/sessions",
        summary="End all of your own sessions",
        description="Sign yourself out of every browser, and return how many sessions ended.",
        scope="",
        view=_end_all,
        answer=EndedDocument,
    ),
)
