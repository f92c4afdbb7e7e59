"""SQL functions and triggers, each in a file. `README.md` describes how to change one.

Alembic-utils and sqlalchemy-declarative-extensions represent functions as Python objects and write
their text into the migration. Here the text stays in an SQL file, which editors and readers
understand, and a test compares it with the database in one query.
"""

from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).parent.parent / "versions"


def replace(revision: str, *names: str) -> None:
    """Install the given functions or triggers with their text as of `revision`."""
    for name in names:
        text = (VERSIONS / revision / f"{name}.sql").read_text()
        # Send the text unchanged: neither SQLAlchemy nor the driver may look for parameters in it.
        op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
