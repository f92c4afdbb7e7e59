"""What nothing costs: a Flask view without work, to which the verification of keys is compared."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/nothing")
def nothing() -> dict[str, bool]:
    return {"valid": bool(request.get_json())}
