"""Describe the successful responses: their schema, headers and examples."""

from typing import Any

from portal.records.schemas import Document
from portal.rest.document.schemas import answer_name, ref
from portal.rest.openapi import Operation


def _text(description: str, **rules: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string", **rules}}


HEADERS: dict[str, Any] = {
    "X-Request-Id": _text("Id of the request in logs and in the audit log."),
    "ETag": _text('Version of what was returned, such as `"3"`: send it as `If-Match`.'),
    "Location": _text("Path of the new record.", format="uri-reference"),
    "Link": _text('Address of the next page, with `rel="next"`, if there is one (RFC 8288).'),
    "Retry-After": {
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit": _text("Name of the quota, what remains of it, and seconds until it is reset."),
    "RateLimit-Policy": _text("Name of the quota, its size, and the seconds that it is for."),
    "Idempotency-Replayed": _text(
        "The work was done before: this is the answer that was given then.", enum=["true"]
    ),
    "Preference-Applied": _text("The preference that was honoured.", enum=["validate-only"]),
    "WWW-Authenticate": _text("The way to authenticate, and the scope that is missing, if any."),
}
DONE = {
    200: "The request was carried out.",
    201: "The record was created.",
    202: "The request was accepted; the work follows.",
    204: "It was done; no body.",
}
NOT_MODIFIED = "304"


def success(operation: Operation) -> dict[str, Any]:
    """Return the response of an operation that did what was asked."""
    response: dict[str, Any] = {
        "description": DONE[operation.status],
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _named(operation)},
    }
    if operation.answer:
        response["content"] = {"application/json": {"schema": ref(answer_name(operation))}}
    elif operation.media_types:
        response["content"] = {
            media_type: {"schema": {"type": "string"}, "example": file}
            for media_type, file in operation.media_types.items()
        }
    return response


def unchanged() -> dict[str, Any]:
    """Return the response to a caller who has the current version."""
    return {
        "description": "You have the current version; no body.",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
    }


def _named(operation: Operation) -> list[str]:
    sent = {parameter.name for parameter in operation.accepts}
    is_record = bool(operation.answer and issubclass(operation.answer, Document))
    found = {
        "X-Request-Id": True,
        "ETag": (is_record and not operation.is_list) or "If-None-Match" in sent,
        "Location": operation.status == 201,
        "Link": operation.is_list and "cursor" in sent,
        "Idempotency-Replayed": "Idempotency-Key" in sent,
        "Preference-Applied": "Prefer" in sent,
    }
    return [name for name, is_sent in found.items() if is_sent]
