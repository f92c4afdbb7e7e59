"""SQL functions and triggers: `README.md` says how one is changed.

Alembic-utils and sqlalchemy-declarative-extensions know functions as Python objects and write their
text into the migration. Here the text is a file that an editor and a reader know as SQL, and what
the libraries would compare is one query of a test.
"""

from pathlib import Path

from alembic import op

VERSIONS = Path(__file__).parent.parent / "versions"


def replace(revision: str, *names: str) -> None:
    """Install these functions or triggers, whole, as they are after `revision`."""
    for name in names:
        text = (VERSIONS / revision / f"{name}.sql").read_text()
        # Sent as it is: neither SQLAlchemy nor the driver looks for parameters in it.
        op.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})
