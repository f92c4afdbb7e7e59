"""Leave out of a restore what is not the portal's: what others than the owner of its tables made,
what only a superuser may make, and what belongs to one server.

An operator may add an extension, such as pg_stat_statements, a publication or a view to the
database. The owner of the tables, who restores, may not make most of them, nor fill the
materialized views of a role that reads the rows of all tenants.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_ENTRY = re.compile(
    rb"\d+; \d+ \d+ (?P<kind>[A-Z]+(?: [A-Z]+)*) (?P<schema>\S+) (?P<tag>.*) (?P<owner>\S*)\n?"
)
_SUBJECT = re.compile(rb"(?P<kind>[A-Z]+(?: [A-Z]+)*) (?P<tag>.*)")
"""The tag of a comment or of rights: the kind of the object and its own tag."""

_OF_THE_DUMP = frozenset({b"ENCODING", b"STDSTRINGS", b"SEARCHPATH", b"DEFAULT ACL", b"SCHEMA"})
"""Entries without an owner, rights of a role (`rights` decides about them), and schemas, in which
the owner may have made something."""

_OF_A_SERVER = frozenset(
    {
        *(b"PUBLICATION", b"PUBLICATION TABLE", b"PUBLICATION TABLES IN SCHEMA", b"SUBSCRIPTION"),
        *(b"SUBSCRIPTION TABLE", b"EVENT TRIGGER", b"FOREIGN DATA WRAPPER", b"SERVER"),
        *(b"FOREIGN SERVER", b"USER MAPPING", b"FOREIGN TABLE", b"MATERIALIZED VIEW DATA"),
    }
)
_ROWS = frozenset({b"TABLE DATA", b"SEQUENCE SET"})
_PARTS = frozenset(
    {
        *(b"PUBLICATION TABLE", b"PUBLICATION TABLES IN SCHEMA", b"SUBSCRIPTION TABLE"),
        *(b"USER MAPPING", b"COMMENT", b"ACL", b"SECURITY LABEL", b"SEQUENCE OWNED BY", b"DEFAULT"),
        *(b"CONSTRAINT", b"FK CONSTRAINT", b"CHECK CONSTRAINT", b"INDEX", b"INDEX ATTACH"),
        *(b"TABLE ATTACH", b"TRIGGER", b"RULE", b"POLICY", b"ROW SECURITY", b"STATISTICS DATA"),
    }
)
"""Kinds of which nothing is said: the object that has them is named."""

REMEDIES = {
    "materialized view data": "The rows of the materialized view {} were left out: the owner of the"
    " tables may not read those of all tenants. Fill it with REFRESH MATERIALIZED VIEW as a role"
    " that may.",
    "table data": "The rows of {} were left out: an extension made it.",
    "sequence set": "The value of {} was left out: an extension made it.",
}
OF_A_SERVER = (
    "The {kind} {} was left out: it belongs to the server and not to the portal. If you need it"
    " here, make it as a superuser."
)
OF_OTHERS = (
    "The {kind} {} was left out: another role than the owner of the portal's tables has it. If you"
    " need it here, make it again."
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
    """The extensions that can be made on a server, those that are there, the names of the portal's
    tables, and what is left out."""

    makable: frozenset[str]
    present: frozenset[str]
    tables: frozenset[str]
    missing: set[tuple[str, str]] = field(default_factory=set)

    def kept(self, table_of_contents: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the entries of a dump's table of contents that can be restored here."""
        lines = list(table_of_contents)
        owners, seen, made = self._owners(lines), set[bytes](), set[bytes]()
        for line in lines:
            if (entry := _ENTRY.fullmatch(line)) is None:
                yield line
            elif self._is_ours(entry, owners, made):
                made.add(_place(entry))
                yield line
            elif entry["kind"] not in _PARTS and _place(entry) not in seen:
                self.missing.add((entry["kind"].decode().lower(), _name(entry)))
            seen.add(_place(entry) if entry else b"")

    def left_out(self) -> list[str]:
        """Return sentences about what was left out, and what to do."""
        return [
            _why(kind).format(name, kind=kind)
            for kind, name in sorted(self.missing)
            if not (kind == "extension" and name in self.present)
        ]

    def _owners(self, lines: Sequence[bytes]) -> set[bytes]:
        """Return the roles that own tables of the portal."""
        found = (_ENTRY.fullmatch(line) for line in lines)
        return {
            entry["owner"]
            for entry in found
            if entry and (entry["kind"], entry["schema"]) == (b"TABLE", b"public")
            if _text(entry["tag"]) in self.tables
        }

    def _is_ours(self, entry: re.Match[bytes], owners: set[bytes], made: set[bytes]) -> bool:
        """Tell whether to restore an entry. `made` are the places of those before it."""
        kind = entry["kind"]
        if kind == b"EXTENSION":
            return _text(entry["tag"]) in self.makable
        if kind == b"ACL":
            return _is_of_public(entry) or _place_of_subject(entry) in made
        if kind == b"COMMENT" and entry["tag"].startswith(b"EXTENSION "):
            return _text(entry["tag"][len(b"EXTENSION ") :]) in self.makable
        if kind in _ROWS and _place(entry) not in made:
            return False
        is_of_a_server = kind in _OF_A_SERVER or _kind_of_subject(entry) in _OF_A_SERVER
        return kind in _OF_THE_DUMP or (entry["owner"] in owners and not is_of_a_server)


def _why(kind: str) -> str:
    is_of_a_server = kind == "extension" or kind.upper().encode() in _OF_A_SERVER
    return REMEDIES.get(kind, OF_A_SERVER if is_of_a_server else OF_OTHERS)


def _place(entry: re.Match[bytes]) -> bytes:
    return entry["schema"] + b" " + entry["tag"]


def _is_of_public(entry: re.Match[bytes]) -> bool:
    """Tell whether these are rights of the schema that every database has."""
    return bool(entry["tag"] == b"SCHEMA public")


def _kind_of_subject(entry: re.Match[bytes]) -> bytes:
    """Return the kind of object that a comment is about; nothing for other entries."""
    subject = _SUBJECT.fullmatch(entry["tag"]) if entry["kind"] == b"COMMENT" else None
    return subject["kind"] if subject else b""


def _place_of_subject(entry: re.Match[bytes]) -> bytes:
    """Return the place of the object that rights are about."""
    subject = _SUBJECT.fullmatch(entry["tag"])
    if subject is None:
        return b""
    tag = subject["tag"]
    return (
        entry["schema"] + b" " + (tag.rpartition(b".")[0] if subject["kind"] == b"COLUMN" else tag)
    )


def _name(entry: re.Match[bytes]) -> str:
    """Return the name of an object, behind that of its schema if it has one."""
    schema, tag = _text(entry["schema"]), _text(entry["tag"])
    return tag if schema == "-" else f"{schema}.{tag}"


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace")
