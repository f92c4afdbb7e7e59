"""The steps that bring the database to the form of the code, run by `portal.ops.migrate`."""

from pathlib import Path

DIRECTORY = Path(__file__).parent


def head() -> str | None:
    """Return the newest revision, from the files' names: Alembic stays unloaded."""
    return max((path.name[:4] for path in DIRECTORY.glob("versions/[0-9]*.py")), default=None)
