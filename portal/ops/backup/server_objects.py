"""Leave out of a restore what only a superuser may make, and what belongs to one server.

An operator may add an extension, such as pg_stat_statements, a publication or a foreign server to
the database. The owner of the tables, who restores, may not make most of them, nor fill the
materialized views of a role that reads the rows of all tenants.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_ENTRY = re.compile(
    rb"\d+; \d+ \d+ (?P<comment>COMMENT \S+ )?"
    rb"(?P<kind>EXTENSION|PUBLICATION|SUBSCRIPTION|EVENT TRIGGER|FOREIGN DATA WRAPPER|SERVER"
    rb"|USER MAPPING|FOREIGN TABLE|MATERIALIZED VIEW DATA)"
    rb"(?P<part> TABLES? (?:IN SCHEMA )?)?(?: - | )(?P<name>\S+)(?P<own> \S+)?"
)
_RIGHT = re.compile(
    rb"\d+; \d+ \d+ ACL (?P<schema>\S+) (?:(?P<foreign>FOREIGN (?:SERVER|DATA WRAPPER))|\w+)"
    rb" (?P<name>[^\s.]+)"
)
_OF_A_SERVER = b"USER MAPPING"  # the server itself is named
_OF_A_SCHEMA = frozenset({b"FOREIGN TABLE", b"MATERIALIZED VIEW DATA"})
REMEDIES = {
    "materialized view data": "The rows of the materialized view {} were left out: the owner of the"
    " tables may not read those of all tenants. Fill it with REFRESH MATERIALIZED VIEW as a role"
    " that may.",
}
OTHERWISE = (
    "The {kind} {} was left out: it belongs to the server and not to the portal. If you need it"
    " here, make it as a superuser."
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
            elif not (found["comment"] or found["part"] or found["kind"] == _OF_A_SERVER):
                self.missing.add((found["kind"].decode().lower(), _name(found)))

    def rights(self, entries: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the entries of rights whose objects `kept` has yielded."""
        tables = {name for kind, name in self.missing if kind == "foreign table"}
        for line in entries:
            found = _RIGHT.match(line)
            if found is None or not (
                found["foreign"] or f"{_text(found['schema'])}.{_text(found['name'])}" in tables
            ):
                yield line

    def left_out(self) -> list[str]:
        """Return sentences about what was left out, and what to do."""
        return [
            REMEDIES.get(kind, OTHERWISE).format(name, kind=kind)
            for kind, name in sorted(self.missing)
            if not (kind == "extension" and name in self.present)
        ]

    def _is_makable(self, entry: re.Match[bytes]) -> bool:
        return entry["kind"] == b"EXTENSION" and _text(entry["name"]) in self.makable


def _name(entry: re.Match[bytes]) -> str:
    """Return the name of an object, behind that of its schema if it has one."""
    name, own = _text(entry["name"]), _text(entry["own"] or b"").strip()
    return f"{name}.{own}" if entry["kind"] in _OF_A_SCHEMA else name


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace")
