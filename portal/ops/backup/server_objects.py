"""Leave out of a restore what only a superuser may make, and what belongs to one server.

An operator may add an extension, such as pg_stat_statements, or a publication to the database. The
owner of the tables, who restores, may not make most of them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_ENTRY = re.compile(
    rb"\d+; \d+ \d+ (?P<comment>COMMENT - )?"
    rb"(?P<kind>EXTENSION|PUBLICATION|SUBSCRIPTION|EVENT TRIGGER)"
    rb"(?P<part> TABLES? (?:IN SCHEMA )?)?(?: - | )(?P<name>\S+)"
)
EXTENSIONS = """
SELECT ARRAY(
    SELECT DISTINCT v.name::text FROM pg_available_extension_versions AS v
    WHERE NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = v.name)
    AND (v.trusted OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
), ARRAY(SELECT extname::text FROM pg_extension)
"""
"""The extensions that this role can make here, and those that are there already."""


@dataclass
class ServerObjects:
    """The extensions that can be made on a server, those that are there, and what is left out."""

    makable: frozenset[str]
    present: frozenset[str]
    missing: set[tuple[str, str]] = field(default_factory=set)

    def kept(self, table_of_contents: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the entries of a dump's table of contents that can be restored here."""
        for line in table_of_contents:
            found = _ENTRY.match(line)
            if found is None or self._is_makable(found):
                yield line
            elif not (found["comment"] or found["part"]):
                self.missing.add((found["kind"].decode().lower(), _text(found["name"])))

    def left_out(self) -> list[str]:
        """Return sentences about what was left out, and what to do."""
        return [
            f"The {kind} {name} was left out: it belongs to the server and not to the portal. If"
            " you need it here, make it as a superuser."
            for kind, name in sorted(self.missing)
            if not (kind == "extension" and name in self.present)
        ]

    def _is_makable(self, entry: re.Match[bytes]) -> bool:
        return entry["kind"] == b"EXTENSION" and _text(entry["name"]) in self.makable


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace")
