"""The migrations of the database schema, run by `portal.ops.migrate`."""

from pathlib import Path

DIRECTORY = Path(__file__).parent


def head() -> str | None:
    """Return the newest revision, read from file names so that Alembic need not be loaded."""
    return max((path.name[:4] for path in DIRECTORY.glob("versions/[0-9]*.py")), default=None)
