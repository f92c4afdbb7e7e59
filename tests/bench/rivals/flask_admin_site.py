"""Flask-Admin's list view, without sign-in and sessions.

https://flask-admin.readthedocs.io/en/stable/introduction/
"""

from datetime import datetime

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import FilterEqual
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tests.bench.rivals import KINDS, OFFERED, SEARCHED, SHOWN, STATUSES, database_url

app = Flask(__name__)
app.config["SECRET_KEY"] = "a secret of the bench, known to all"
app.config["SQLALCHEMY_DATABASE_URI"] = database_url().replace("postgresql", "postgresql+psycopg")
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 16}
db = SQLAlchemy(app)


class Application(db.Model):
    """The application that a key belongs to."""

    __tablename__ = "bench_application"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Key(db.Model):
    """A row of the table `bench_key`."""

    __tablename__ = "bench_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    key_prefix: Mapped[str]
    last4: Mapped[str]
    application_id: Mapped[str | None] = mapped_column(ForeignKey("bench_application.id"))
    application: Mapped[Application | None] = relationship()
    kind: Mapped[str]
    scopes: Mapped[str]
    issued_to_service: Mapped[str | None]
    last_used_at: Mapped[datetime | None]
    blocked: Mapped[bool]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    status: Mapped[str]


def offered() -> list[tuple[str, str]]:
    """Return as many applications as the portal's page offers, sorted by name."""
    query = select(Application.id, Application.name).order_by(Application.name, Application.id)
    return [(id, name) for id, name in db.session.execute(query.limit(OFFERED))]


class KeyView(ModelView):
    """The list view with 50 rows, and the columns, search and filters of the portal's page."""

    column_list = SHOWN
    column_searchable_list = SEARCHED
    column_filters = (
        FilterEqual(Key.status, "Status", options=STATUSES),
        "blocked",
        FilterEqual(Key.kind, "Kind", options=KINDS),
        FilterEqual(Key.application_id, "Application", options=offered),
    )
    column_select_related_list = (Key.application,)
    column_default_sort = ("id", True)
    page_size = 50
    can_view_details = True


with app.app_context():  # the filter queries its options here
    Admin(app, name="Bench").add_view(KeyView(Key, db, name="Keys", endpoint="keys"))
LIST = "/admin/keys/"
