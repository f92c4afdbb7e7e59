"""Servers that do nothing, as the references for the verification of keys: one for each interface.

Only the Flask view reads the JSON, as every view does; the others just take the body.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, request

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from granian.rsgi import HTTPProtocol, Scope

ANSWER = b'{"valid":true}'
HEADERS = [("content-type", "application/json"), ("content-length", str(len(ANSWER)))]

view = Flask(__name__)


@view.post("/nothing")
def nothing() -> dict[str, bool]:
    return {"valid": bool(request.get_json())}


def wsgi(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", HEADERS)
    return [ANSWER]


async def rsgi(scope: "Scope", protocol: "HTTPProtocol") -> None:
    await protocol()
    protocol.response_bytes(200, HEADERS, ANSWER)
