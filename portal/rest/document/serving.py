"""Serve the document: it is built once in a process, and answered from its bytes."""

from collections.abc import Callable
from functools import cache

import orjson
from flask import Flask

from portal.core.compression import Kept
from portal.rest.api import A_FEW_MINUTES
from portal.rest.document.build import Surface, document
from portal.rest.openapi import PREFIX

PATH = f"{PREFIX}/openapi.json"


def init_app(app: Flask, surface: Callable[[], Surface]) -> Callable[[], Kept]:
    """Keep the function that returns the document, for the routes and for the event loop.

    Everybody may read it: it describes the portal, not anybody's data.
    """

    @cache
    def described() -> Kept:
        body = orjson.dumps(document(surface()))
        headers = [("Cache-Control", A_FEW_MINUTES), ("X-Content-Type-Options", "nosniff")]
        return Kept(body, "application/json", headers)

    app.extensions["document"] = described
    return described
