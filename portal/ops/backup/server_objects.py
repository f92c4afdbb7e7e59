"""Leave out of a restore what only a superuser may make, and what belongs to one server.

An operator may add an extension, such as pg_stat_statements, a publication or a view to the
database. The owner of the tables, who restores, may not make most of them, nor fill the
materialized views of a role that reads the rows of all tenants.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

_ENTRY = re.compile(
    rb"\d+; \d+ \d+ (?P<kind>[A-Z]+(?: [A-Z]+)*) (?P<schema>\S+) (?P<tag>.*) (?P<owner>\S*)\n?"
)
_SUBJECT = re.compile(rb"(?P<kind>[A-Z]+(?: [A-Z]+)*) (?P<tag>.*)")
"""The tag of a comment or of rights: the kind of the object and its own tag."""

_OF_A_SERVER = frozenset(
    {
        *(b"PUBLICATION", b"PUBLICATION TABLE", b"PUBLICATION TABLES IN SCHEMA", b"SUBSCRIPTION"),
        *(b"SUBSCRIPTION TABLE", b"EVENT TRIGGER", b"FOREIGN DATA WRAPPER", b"SERVER"),
        *(b"FOREIGN SERVER", b"USER MAPPING", b"FOREIGN TABLE", b"MATERIALIZED VIEW DATA"),
    }
)
_FUNCTIONS = frozenset({b"FUNCTION", b"PROCEDURE"})
_HEAD = re.compile(
    rb"-- (?:Data for )?Name: (?P<tag>.*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>[^;]+);.*\n"
)
"""The line above each entry of a script of pg_restore."""

_LANGUAGE = b"    LANGUAGE "
_OF_SUPERUSERS = re.compile(rb"    LANGUAGE (?:(?:c|internal)\b|.* LEAKPROOF\b).*\n")
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
    """The extensions that can be made on a server, those that are there, the functions that only a
    superuser makes, and what is left out."""

    makable: frozenset[str]
    present: frozenset[str]
    of_superusers: set[bytes] = field(default_factory=set)
    missing: set[tuple[str, str]] = field(default_factory=set)

    def note_functions(self, script: Iterable[bytes]) -> None:
        """Find the functions in a dump's script that only a superuser makes."""
        place = b""
        for line in script:
            if found := _HEAD.fullmatch(line):
                is_function = found["kind"] in _FUNCTIONS
                place = found["schema"] + b" " + found["tag"] if is_function else b""
            elif place and line.startswith(_LANGUAGE):
                self.of_superusers |= {place} if _OF_SUPERUSERS.fullmatch(line) else set()
                place = b""  # its text may have such lines, too

    def kept(self, table_of_contents: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the entries of a dump's table of contents that can be restored here."""
        made = set[bytes]()
        for line in table_of_contents:
            if (entry := _ENTRY.fullmatch(line)) is None:
                yield line
            elif self._is_makable(entry, made):
                made.add(_place(entry))
                yield line
            elif entry["kind"] not in _PARTS:
                self.missing.add((entry["kind"].decode().lower(), _name(entry)))

    def left_out(self) -> list[str]:
        """Return sentences about what was left out, and what to do."""
        return [
            REMEDIES.get(kind, OTHERWISE).format(name, kind=kind)
            for kind, name in sorted(self.missing)
            if not (kind == "extension" and name in self.present)
        ]

    def _is_makable(self, entry: re.Match[bytes], made: set[bytes]) -> bool:
        """Tell whether an entry can be restored. `made` are the places of those before it."""
        kind = entry["kind"]
        if kind == b"EXTENSION":
            return _text(entry["tag"]) in self.makable
        if kind == b"COMMENT":
            return self._has_subject(entry, made)
        if kind == b"ACL":
            return entry["tag"] == b"SCHEMA public" or _has_place(entry, made)
        if kind in _ROWS:
            return _place(entry) in made
        if kind in _FUNCTIONS:
            return _place(entry) not in self.of_superusers
        return kind not in _OF_A_SERVER

    def _has_subject(self, comment: re.Match[bytes], made: set[bytes]) -> bool:
        """Tell whether what a comment is about is restored; where that is hard to tell, yes."""
        subject = _SUBJECT.fullmatch(comment["tag"])
        kind = subject["kind"] if subject else b""
        if kind == b"EXTENSION":
            return _text(comment["tag"][len(b"EXTENSION ") :]) in self.makable
        if kind == b"COLUMN" or kind in _FUNCTIONS:
            return _has_place(comment, made)
        return kind not in _OF_A_SERVER


def _place(entry: re.Match[bytes]) -> bytes:
    return entry["schema"] + b" " + entry["tag"]


def _has_place(entry: re.Match[bytes], made: Collection[bytes]) -> bool:
    """Tell whether the object that a comment is about, or rights, is at one of the places."""
    subject = _SUBJECT.fullmatch(entry["tag"])
    if subject is None:
        return False
    schema, tag = entry["schema"], subject["tag"]
    if subject["kind"] == b"COLUMN":
        return schema + b" " + tag.rpartition(b".")[0] in made
    if subject["kind"] in _FUNCTIONS:
        return any(_is_same_function(schema + b" " + tag, place) for place in made)
    return schema + b" " + tag in made


def _is_same_function(named: bytes, place: bytes) -> bool:
    """Tell whether a function with the names of its arguments is the one at a place, which has
    their types alone: `f(tenant text)` and `f(text)`."""
    name, arguments = _split(named)
    own_name, types = _split(place)
    return (
        name == own_name
        and len(arguments) == len(types)
        and all(
            argument == kind or argument.endswith(b" " + kind)
            for argument, kind in zip(arguments, types, strict=True)
        )
    )


def _split(function: bytes) -> tuple[bytes, list[bytes]]:
    name, _, arguments = function.partition(b"(")
    # Those that are only returned do not tell functions of one name apart.
    every = [one for one in arguments.rstrip(b")").split(b", ") if not one.startswith(b"OUT ")]
    return name, every


def _name(entry: re.Match[bytes]) -> str:
    """Return the name of an object, behind that of its schema if it has one."""
    schema, tag = _text(entry["schema"]), _text(entry["tag"])
    return tag if schema == "-" else f"{schema}.{tag}"


def _text(written: bytes) -> str:
    return written.decode("utf-8", "replace")
