"""Show every macro with realistic data, in an application: the design system.

`python -m tests.web.gallery` serves it on a free port.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from flask import Blueprint, Flask, Response, abort
from jinja2 import ChoiceLoader, FileSystemLoader
from pydantic import Field

from portal import web
from portal.core.config import Config
from portal.core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from portal.database.actor import Actor
from portal.database.session import init_database
from portal.overview import pages as overview
from portal.overview.parts import (
    Act,
    Change,
    Figure,
    Graph,
    Harm,
    Need,
    OverviewPart,
    Source,
    Step,
    Tally,
    add_source,
)
from portal.records.schemas import Command, JsonObject, Moment, Name, Slug, Tags
from portal.web import edge, notices
from portal.web.forms import (
    ChecksField,
    ChoiceField,
    CommandForm,
    JsonField,
    LinesField,
    LongTextField,
    MomentField,
    NumberField,
    PairsField,
    SecretField,
    SwitchField,
    TagsField,
    TextField,
)
from tests import ROOT

ADA = web.SignedIn(
    Actor(
        tenant_id="tnt_01K0000000000000000000ACME",
        kind="person",
        id="per_01K1J4ZQ7Y8M4T5S9D2R6V3B1N",
        name="Ada Lovelace",
        scopes=frozenset({"audit:read", "connectors:read", "connectors:write"}),
    ),
    tenant_name="Acme Corp",
    email="ada@acme.example",
    role="admin",
)
ACTOR_KEY = "sk-acme-S7Qf2mXv9LkT4pWzR8sYc1dHj6NbG3aEu0C4f9Zk"

CONNECTORS: list[dict[str, Any]] = [
    {"name": "Defender for Endpoint", "scope": "org", "auth": "oauth2", "status": "healthy",
     "minutes": 2, "synced": 12904},
    {"name": "Splunk Cloud", "scope": "org", "auth": "api_key", "status": "degraded",
     "minutes": 14, "synced": 3110},
    {"name": "Jira Platform", "scope": "group", "auth": "oauth2", "status": "healthy",
     "minutes": 1, "synced": 981},
    {"name": "Okta Workforce", "scope": "org", "auth": "oauth2", "status": "failed",
     "minutes": 190, "synced": 0},
    {"name": "GitHub Enterprise", "scope": "user", "auth": "app", "status": "paused",
     "minutes": 2900, "synced": 44},
    {"name": "Snowflake", "scope": "org", "auth": "key_pair", "status": "healthy",
     "minutes": 0, "synced": 88120},
]  # fmt: skip


class SaveConnector(Command):
    """A command with one of everything."""

    name: Name
    slug: Slug | None = None
    provider: str | None = None
    description: Annotated[str, Field(max_length=400)] | None = None
    url: Annotated[str, Field(max_length=2000)] | None = None
    rpm_limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
    enabled: bool = True
    event_types: list[str] = []
    hosts: list[str] = []
    headers: dict[str, str] = {}
    config: JsonObject = {}
    expires_at: Moment | None = None
    tags: Tags = []
    retry_policy: dict[str, Any] = {}


class ConnectorForm(CommandForm[SaveConnector]):
    """A form with one of everything."""

    name = TextField("Name", description="Name shown to people.")
    slug = TextField("Slug")
    provider = ChoiceField(
        "Provider", choices=[("", "Choose…"), ("okta", "Okta"), ("jira", "Jira")]
    )
    description = LongTextField("Description")
    url = TextField("Base URL")
    rpm_limit = NumberField("Requests a minute", description="1 to 100,000; empty for no limit.")
    enabled = SwitchField("Enabled", description="A connector that is off keeps its settings.")
    event_types = ChecksField(
        "Events",
        choices=[
            ("connector.synced", "connector.synced", "after each run"),
            ("connector.failed", "connector.failed", "when a run gave up"),
            ("rfp.created", "rfp.created"),
            ("rfp.status_changed", "rfp.status_changed"),
        ],
    )
    hosts = LinesField("Hosts", description="One a line.")
    headers = PairsField("Headers", description="Name: value, one a line. No secrets here.")
    config = JsonField("Settings", description="A JSON object.")
    expires_at = MomentField("Expires", description="In UTC.")
    tags = TagsField("Tags", description="Separated by commas.")
    attempts = NumberField("Attempts", wire="retry_policy.maxAttempts")
    client_secret = SecretField("Client secret", description="Goes to the secret store only.")


bp = Blueprint("connectors", __name__, url_prefix="/connectors")


def rows(words: str = "") -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        row
        | {"id": f"cnn_01K1J4ZQ7Y8M4T5S9D2R6V3B{n}F", "at": now - timedelta(minutes=row["minutes"])}
        for n, row in enumerate(CONNECTORS)
        if words.lower() in row["name"].lower()
    ]


@bp.get("")
def index() -> Response:
    from flask import request

    found = rows(request.args.get("q", ""))
    return web.render("gallery/list.html", "gallery/_list.html", rows=found)


@bp.route("/new", methods=["GET", "POST"])
def new() -> Any:
    form = ConnectorForm()
    form.client_secret.stored = "Set 12 days ago by Ada Lovelace"
    if (command := form.command()) is not None:
        with form.catching():
            if command.name == "taken":
                raise Invalid.field("name", "This tenant already has a connector of that name.")
            if command.name == "conflict":
                raise Conflict("Somebody else saved this record first.")
            web.toast(f"Saved {command.name}.")
            return web.see_other("/connectors")
    return web.render("gallery/form.html", form=form, status=form.answer_status)


@bp.get("/parts")
def parts() -> Response:
    now = datetime.now(UTC)
    history = [
        {"who": "Ada Lovelace", "who_url": "#", "action": "changed this connector",
         "at": now - timedelta(minutes=3), "where": "203.0.113.7, Firefox 142 on Linux",
         "request_id": "req_01K1J4ZQ7Y8M4T5S9D2R6V3B1N",
         "changes": [("enabled", "false", "true"), ("config.baseUrl", "https://old.example",
                     "https://acme.okta.example"), ("tags", None, "prod, eu")]},
        {"who": "CRM 360", "who_url": None, "action": "created this connector",
         "at": now - timedelta(days=12), "where": None, "request_id": None, "changes": []},
    ]  # fmt: skip
    return web.render("gallery/parts.html", history=history, now=now, rows=rows())


@bp.post("/reveal")
def reveal() -> Response:
    return web.render("gallery/reveal.html", secret=ACTOR_KEY)


@bp.get("/attack")
def attack() -> Response:
    """Show markup that came from data and, by mistake, was not escaped."""
    stolen = (
        '<button id="bad" hx-get="/connectors/stolen" hx-target="#sink">x</button>'
        "<img src=x onerror=\"document.title = 'pwned'\">"
    )
    scripts = "<script>document.title = 'pwned'</script><script src='/static/js/copy.js'></script>"
    return web.render("gallery/attack.html", "gallery/_attack.html", stolen=stolen, scripts=scripts)


@bp.get("/stolen")
def get_stolen() -> str:
    return "stolen"


@bp.post("/toast")
def post_toast() -> Any:
    web.toast("Paused Okta Workforce. It keeps its settings.")
    return web.render("gallery/toasted.html", "gallery/_toasted.html")


@bp.get("/fail/<int:status>")
def fail(status: int) -> str:
    known = {
        403: Forbidden("This needs the permission connectors:write.", scope="connectors:write"),
        404: NotFound("There is no connector cnn_01 in this tenant."),
        409: Conflict("Somebody else saved this record first. Load it again."),
        422: Invalid.field("url", "Use an https address."),
        429: RateLimited("You may try 10 times a minute.", retry_after=12),
        503: Unavailable("The secret store does not answer.", retry_after=5),
    }
    if status in known:
        raise known[status]
    if status == 500:
        raise RuntimeError("a password in a stack trace")
    abort(status)


def told(actor: Actor, found: Mapping[str, Any], now: datetime) -> OverviewPart:
    titles = [
        ("Register an application", "It owns keys, connectors and webhooks.", "Register", True),
        ("Issue an API key", "A program signs in with it. It is shown once.", "Issue key", True),
        ("Configure a connector", "Its secret goes to the secret store.", "Configure", False),
        ("Add a webhook", "We sign what we send to it.", "Add webhook", False),
    ]
    url, needs = "/connectors", "connectors:write"
    steps = [
        Step(number, title, text, url, action, needs, done)
        for number, (title, text, action, done) in enumerate(titles)
    ]
    graph = Graph([0, 3, None, 12, 48], now)
    figures = [
        Figure(1, "held", "Held", 194, "since 14:02 UTC", url, "", "failing", True, graph),
        Figure(2, "delivered", "Delivered", 12480, "3 given up", url, "", "attention", graph=graph),
        Figure(3, "p95", "Answer time, p95", 412, "half within 90 ms", url, "ms", graph=graph),
        Figure(4, "calls", "Calls", 1_840_000, "let through in 24 hours", url, graph=graph),
        Figure(5, "refused", "Calls refused", None, "Counted for the whole tenant only.", url),
        Figure(6, "ending", "Keys that end", 0, "within 14 days, without a successor", url),
    ]
    since = now - timedelta(hours=3)
    return OverviewPart(
        steps=steps,
        figures=figures,
        needs=[
            Need("cnn_1", Harm.FAILING, "failing", "Okta Workforce", "The sign-in is refused.", url,
                 since, Act("Check again", url, {})),
            Need("whk_1", Harm.HELD, "held", "orders → https://a.example", "Paused by hand.", url,
                 None, Act("Resume…", url)),
        ],
        tallies=[Tally(Harm.FAILING, 101, 100, "connector fails", "connectors fail", url, 1)],
        changes=[
            Change(since, "Ada Lovelace", url, "updated the connector", "Okta Workforce", url, 11),
            Change(since, "", "", "works again", "Slack alerts", url, status="works"),
        ],
        is_used=True,
    )  # fmt: skip


def make_app(config: Config) -> Flask:
    """Return an application with the gallery and all that pages need, with Ada signed in.

    With the cookie `who=nobody`, nobody is signed in.
    """
    from flask import request

    root = ROOT
    app = Flask("gallery", template_folder=root / "portal/web/templates", static_folder=None)
    app.config["SECRET_KEY"] = config.secret_key.active.text
    app.jinja_loader = ChoiceLoader(
        [app.jinja_loader, FileSystemLoader(Path(__file__).parent / "templates")]
    )
    init_database(app, config.database_url)
    edge.init_app(app, config)
    web.init_pages(app, config)
    web.sign_in_by(app, lambda: None if request.cookies.get("who") == "nobody" else replace(ADA))
    add_source(app, Source(told))
    for pages in (overview, notices):
        app.register_blueprint(pages.bp)
    app.register_blueprint(bp)
    for name in ("applications", "keys", "webhooks", "audit"):  # the rest of the rail
        rest = Blueprint(name, __name__)
        rest.add_url_rule(f"/{name}", "index", lambda: "")
        app.register_blueprint(rest)
    return app


if __name__ == "__main__":
    make_app(Config.from_environ()).run(port=0)
