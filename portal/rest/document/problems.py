"""Describe the refusals: one schema and one response for each status, with its codes."""

from http import HTTPStatus
from typing import Any

from portal.rest import problem_codes
from portal.rest.document.schemas import ref
from portal.rest.openapi import PROBLEM, Operation
from portal.rest.problem_codes import ProblemCode

RESPONSES = "#/components/responses/"
NAMES = {
    400: "BadRequest",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "NotFound",
    408: "RequestTimeout",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "TooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    423: "Locked",
    429: "RateLimited",
    500: "InternalError",
    503: "Unavailable",
}
ALWAYS = (400, 401, 403, 429, 500, 503)
WITH_BODY = (408, 413, 415, 422)
HEADERS = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}
MORE: dict[int, dict[str, Any]] = {
    409: {
        "current": {"type": "object", "description": "The record as it is stored now."},
        "quota": {"type": "string", "description": "Name of the quota that is reached."},
        "used": {"type": "integer", "description": "Number that the tenant has."},
        "limit": {"type": "integer", "description": "Number that the tenant may have."},
    },
    422: {
        "errors": {
            "type": "array",
            "description": "Every field that needs attention.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "description": "Path of the field, `a.b.0`."},
                    "message": {"type": "string", "description": "The rule, as a sentence."},
                },
            },
        }
    },
    429: {
        "quota": {"type": "string", "description": "Name of the quota that is exceeded."},
        "limit": {
            "type": "integer",
            "description": "Requests or events per second, as `quota` says.",
        },
    },
}
MORE[400] = MORE[422]  # a parameter is named like a field


def statuses(operation: Operation) -> list[int]:
    """Return the statuses with which an operation may refuse a request."""
    found = {*ALWAYS, *operation.refusals}
    if "{" in operation.path:
        found.add(404)
    if operation.method != "GET":
        found |= {404, 409, 422}
    if operation.command:
        found |= {*WITH_BODY}
    if any(parameter.name == "If-Match" for parameter in operation.accepts):
        found.add(412)
    return sorted(found)


def responses_of(operation: Operation) -> dict[str, Any]:
    """Return the refusals of an operation, as references."""
    return {str(status): {"$ref": RESPONSES + NAMES[status]} for status in statuses(operation)}


def responses() -> dict[str, Any]:
    """Return the response component of each status."""
    return {name: _response(status) for status, name in NAMES.items()}


def schemas() -> dict[str, Any]:
    """Return the schema of problems, and one for each status."""
    found = {name + "Problem": _of_status(status) for status, name in NAMES.items()}
    return {"Problem": PROBLEM_SCHEMA, **found}


def _response(status: int) -> dict[str, Any]:
    codes = [f"- `{kind.code}`: {kind.title}." for kind in _kinds(status)]
    named = ("X-Request-Id", *HEADERS.get(status, ()))
    return {
        "description": "\n".join([f"{HTTPStatus(status).phrase}.", "", *codes]),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in named},
        "content": {PROBLEM: {"schema": ref(NAMES[status] + "Problem")}},
    }


def _of_status(status: int) -> dict[str, Any]:
    codes = [kind.code for kind in _kinds(status)]
    properties = {
        "status": {"const": status, "description": "The HTTP status."},
        # Not an enumeration: a program must not break when a code is added.
        "code": {"type": "string", "examples": codes, "description": "Stable name of the problem."},
        **MORE.get(status, {}),
    }
    return {
        "description": f"A problem with the status {status}.",
        "allOf": [ref("Problem"), {"type": "object", "properties": properties}],
    }


def _kinds(status: int) -> list[ProblemCode]:
    kinds = (kind for kind in problem_codes.CODES.values() if kind.status == status)
    return [kind for kind in kinds if not kind.of_pages]


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "Address of the kind of problem.",
        },
        "title": {"type": "string", "description": "The kind of problem, in a few words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "A sentence on this problem, for people."},
        "code": {"type": "string", "description": "Stable name of the problem, for programs."},
        "request_id": {
            "type": "string",
            "description": "Id of the request in logs and in the audit log.",
        },
    },
}
