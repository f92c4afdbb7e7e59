"""Flask-Admin's list view, with nobody to sign in and no session to find.

https://flask-admin.readthedocs.io/en/stable/introduction/
"""

from datetime import datetime

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from tests.bench.rivals import FILTERED, SEARCHED, SHOWN, database_url

app = Flask(__name__)
app.config["SECRET_KEY"] = "a secret of the bench, known to all"
app.config["SQLALCHEMY_DATABASE_URI"] = database_url().replace("postgresql", "postgresql+psycopg")
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 16}
db = SQLAlchemy(app)


class Key(db.Model):
    """A row of the equal table."""

    __tablename__ = "bench_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    key_prefix: Mapped[str]
    last4: Mapped[str]
    kind: Mapped[str]
    issued_to_service: Mapped[str | None]
    blocked: Mapped[bool]
    application_id: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class KeyView(ModelView):
    """50 rows, the columns, search and filters of the portal's page."""

    column_list = SHOWN
    column_searchable_list = SEARCHED
    column_filters = FILTERED
    column_default_sort = ("id", True)
    page_size = 50
    can_view_details = True


Admin(app, name="Bench").add_view(KeyView(Key, db, name="Keys", endpoint="keys"))
LIST = "/admin/keys/"
