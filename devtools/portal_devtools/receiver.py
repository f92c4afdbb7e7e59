"""A demo receiver that shows which webhooks arrived and whether their signatures are valid.

For development, on this machine only. Of the portal it uses only the signature verification, as any
receiver would, and it stores everything in the memory of its one process.

    POST /hooks/<name>                  accept a webhook, respond with 200
    POST /hooks/<name>?status=503&retry_after=30     … with another status
    POST /hooks/<name>?delay=2.5        … after so many seconds; 0.1-0.8 varies between the two
    POST /hooks/<name>?fail_every=9     … with 500 to each ninth
    POST /hooks/<name>/slow             … after 20 seconds
    POST /acme/<name>                   the same as /hooks/<name>, and nothing is kept: for the
                                        many webhooks of the demo tenant Acme
    POST /hooks/<name>?status=302&location=https://… … with a redirect
    GET  /service                       a service that a connector can sign in to (Basic): the user
                                        `svc-portal`, and any password that begins with demo-
    GET  /                              show received webhooks, newest first
    GET  /received.json?name=<name>     the same as JSON
    POST /secrets                       name, secret: the secret to verify that name's signatures
"""

import json
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from portal.webhooks.signing.standard_webhooks import InvalidKey, Verification, fingerprint, verify

HERE = Path(__file__).resolve().parent
KEPT = 100
KEPT_SECRETS = 4
"""The secrets stored per name: during a rotation the old secret still signs."""

MAX_BODY = 1024 * 1024
MAX_DELAY = 60.0
SLOW = 20.0
GOLDEN = 0.618
"""Multiples of it, less their whole part, are spread evenly between 0 and 1."""

SERVICE_USER = "svc-portal"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook as it was received. `at` is in seconds since 1970."""

    number: int
    name: str
    at: float
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    answered: int

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def pretty(self) -> str:
        """Return indented JSON; any other body unchanged."""
        try:
            return json.dumps(json.loads(self.body), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return self.text

    @property
    def type(self) -> str | None:
        """Return the event's type, if the body is an event."""
        try:
            event = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        name = event.get("type") if isinstance(event, dict) else None
        return name if isinstance(name, str) else None


class Mailbox:
    """The received webhooks and known secrets, shared by the server's threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._number = 0
        self._counts: Counter[str] = Counter()
        self._received: deque[Received] = deque(maxlen=KEPT)
        self._secrets: defaultdict[str, deque[str]] = defaultdict(
            lambda: deque(maxlen=KEPT_SECRETS)
        )

    def count(self, name: str) -> int:
        """Return the number of a new request of this name, from 1 on."""
        with self._lock:
            self._counts[name] += 1
            return self._counts[name]

    def take(self, **what: Any) -> int:
        """Keep a webhook, and return its number."""
        with self._lock:
            self._number += 1
            self._received.appendleft(Received(self._number, **what))
            return self._number

    def learn(self, name: str, secret: str) -> None:
        """Add a secret of the name. Raises InvalidKey if it is not a valid secret."""
        fingerprint(secret)
        with self._lock:
            if secret not in self._secrets[name]:
                self._secrets[name].appendleft(secret)

    def forget(self) -> None:
        """Delete the received webhooks; the secrets stay."""
        with self._lock:
            self._received.clear()

    def received(self, name: str | None = None) -> list[tuple[Received, Verification]]:
        """Return the received webhooks, newest first, with their verification.

        They are verified with the currently known secrets and the time of arrival.
        """
        with self._lock:
            mail = [item for item in self._received if name in (None, item.name)]
            secrets = {name: list(known) for name, known in self._secrets.items()}
        return [
            (item, verify(secrets.get(item.name, []), dict(item.headers), item.body, now=item.at))
            for item in mail
        ]

    def fingerprints(self) -> dict[str, list[str]]:
        with self._lock:
            return {
                name: [fingerprint(secret) for secret in known]
                for name, known in sorted(self._secrets.items())
            }


def create_receiver() -> Flask:
    """Return the WSGI application.

    Serve it on loopback in one process, because its threads share the received webhooks.
    """
    app = Flask(
        "receiver",
        template_folder=str(HERE / "templates" / "receiver"),
        static_folder=str(HERE / "static" / "receiver"),
        static_url_path="/static",
    )
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["mailbox"] = Mailbox()
    app.before_request(_refuse_strangers)
    app.after_request(_secure)
    app.add_url_rule("/", "index", _index)
    app.add_url_rule("/hooks/<name>", "hook", _take, methods=["POST"])
    app.add_url_rule(
        "/hooks/<name>/slow", "slow", _take, methods=["POST"], defaults={"delay": SLOW}
    )
    app.add_url_rule("/acme/<name>", "acme", _answer, methods=["POST"])
    app.add_url_rule("/service", "service", _service)
    app.add_url_rule("/received.json", "received", _list)
    app.add_url_rule("/secrets", "secrets", _secrets)
    app.add_url_rule("/secrets", "learn", _learn, methods=["POST"])
    app.add_url_rule("/clear", "clear", _clear, methods=["POST"])
    return app


def serve(port: int) -> None:
    """Serve the receiver on 127.0.0.1 until the process is stopped."""
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        f"{__name__}:create_receiver",
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,  # some of them wait in ?delay=
        websockets=False,
    ).serve()


def _mailbox() -> Mailbox:
    mailbox: Mailbox = current_app.extensions["mailbox"]
    return mailbox


def _take(name: str, delay: float = 0.0) -> ResponseReturnValue:
    """Keep a webhook, and answer it."""
    return _answer(name, delay, is_kept=True)


def _answer(name: str, delay: float = 0.0, *, is_kept: bool = False) -> ResponseReturnValue:
    """Answer a webhook as its address asks."""
    number = _mailbox().count(name)
    status, delay = _wanted_status(number), _wanted_delay(delay, number)
    body = request.get_data(cache=False)
    if is_kept:
        number = _mailbox().take(
            name=name,
            at=time.time(),
            path=request.full_path.removesuffix("?"),
            headers=tuple((str(key).lower(), str(value)) for key, value in request.headers.items()),
            body=body,
            answered=status,
        )
    sleep(delay)
    answer = jsonify(received=number)
    answer.status_code = status
    for header, value in (("Location", "location"), ("Retry-After", "retry_after")):
        if wanted := request.args.get(value):
            answer.headers[header] = wanted
    return answer


def _wanted_status(number: int) -> int:
    """Return the status for the request with this number of its name."""
    fail_every = request.args.get("fail_every", 0, type=int)
    if fail_every > 0 and number % fail_every == 0:
        return 500
    status = request.args.get("status", 200, type=int)
    return status if 200 <= status <= 599 else 200


def _wanted_delay(default: float, number: int) -> float:
    """Return the delay for this request. Between two limits most are near the shorter one."""
    least, _, most = request.args.get("delay", str(default)).partition("-")
    try:
        low, high = float(least), float(most or least)
    except ValueError:
        return default
    delay = low + (high - low) * (number * GOLDEN % 1) ** 3
    return delay if 0 <= delay <= MAX_DELAY else default


def _service() -> ResponseReturnValue:
    """Tell the one user of the demo service that they are signed in, and refuse all others."""
    given = request.authorization
    password = str(given.password or "") if given else ""
    if given is None or given.username != SERVICE_USER or not password.startswith("demo-"):
        return "The user name or the password is wrong.", 401
    return jsonify(account=SERVICE_USER)


def _index() -> ResponseReturnValue:
    name = request.args.get("name")
    page = render_template("index.html", mail=_mailbox().received(name), name=name, kept=KEPT)
    return page, {"Refresh": "3"}


def _list() -> ResponseReturnValue:
    mail = _mailbox().received(request.args.get("name"))
    return jsonify(received=[_as_json(*pair) for pair in mail])


def _as_json(item: Received, verification: Verification) -> dict[str, Any]:
    """Return a webhook as JSON. `verified` is null while no secret of that name is known."""
    return {
        "number": item.number,
        "name": item.name,
        "received_at": item.time.isoformat(),
        "path": item.path,
        "type": item.type,
        "headers": dict(item.headers),
        "body": item.text,
        "answered": item.answered,
        "verified": None if verification.code == "no_secret" else verification.verified,
        "reason": verification.reason,
        "fingerprint": verification.fingerprint,
    }


def _secrets(problem: str = "") -> str:
    return render_template(
        "secrets.html",
        known=_mailbox().fingerprints(),
        name=request.values.get("name", ""),
        problem=problem,
        address=request.host_url,
    )


def _learn() -> ResponseReturnValue:
    name, secret = (request.form.get(field, "").strip() for field in ("name", "secret"))
    if not name or "/" in name:
        return _secrets("Give the name that stands in the address after /hooks/."), 422
    try:
        _mailbox().learn(name, secret)
    except InvalidKey:
        return _secrets("This is no signing secret: it begins with whsec_ and is shown once."), 422
    return redirect(url_for("index"), 303)


def _clear() -> ResponseReturnValue:
    _mailbox().forget()
    return redirect(url_for("index"), 303)


def _refuse_strangers() -> None:
    """Refuse clients on other machines, other host names (DNS rebinding) and other sites' pages."""
    if request.remote_addr not in _LOOPBACK:
        abort(403, "The receiver serves this machine only.")
    if request.endpoint in {"hook", "slow", "acme"}:
        return  # a webhook may arrive through a tunnel, with the tunnel's host name
    host = request.host.rpartition(":")[0] if request.host[-1:].isdigit() else request.host
    if (host or request.host) not in _LOOPBACK:
        abort(403, "Open the receiver as localhost or 127.0.0.1.")
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        abort(403, "Open the receiver by itself, not from another site.")


def _secure(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("Cache-Control", "no-store")
    return response
