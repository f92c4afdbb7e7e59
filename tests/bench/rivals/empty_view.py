"""A Flask view that does nothing, as the reference for the verification of keys."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/nothing")
def nothing() -> dict[str, bool]:
    return {"valid": bool(request.get_json())}
