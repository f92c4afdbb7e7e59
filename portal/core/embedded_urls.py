"""Derive the addresses of the embedded PostgreSQL from the data directory.

`portal.ops.embedded_postgres` runs the server.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

OWNER_ROLE = "portal_owner"
APP_ROLE = "portal_app"
DATABASE = "portal"

# sockaddr_un holds 108 bytes on Linux and 104 on macOS; PostgreSQL adds "/.s.PGSQL.5432.lock".
LONGEST_SOCKET_DIRECTORY = 80


@dataclass(frozen=True)
class Urls:
    """Hold the SQLAlchemy URLs of one database, one for each role."""

    superuser: str
    owner: str
    app: str


def urls_for(data_dir: Path, database: str = DATABASE) -> Urls:
    """Return the URLs of the server for this data directory, whether or not it is running."""
    host = quote(str(socket_directory(data_dir)), safe="")

    def url(role: str) -> str:
        return f"postgresql+psycopg://{role}@/{database}?host={host}"

    return Urls(url("postgres"), url(OWNER_ROLE), url(APP_ROLE))


def socket_directory(data_dir: Path) -> Path:
    """Return a directory inside the data directory, or under /tmp if a socket cannot be there.

    The path may be too long for a socket, or contain a character with a meaning in a list of hosts.
    """
    inside = data_dir.absolute() / "socket"
    plain = re.fullmatch(r"[\w./+=@~ -]+", str(inside))
    if plain and len(os.fsencode(inside)) <= LONGEST_SOCKET_DIRECTORY:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir.absolute())).hexdigest()[:16]
    return Path("/tmp") / f"portal-{os.getuid()}-{digest}"  # noqa: S108  made private on creation
