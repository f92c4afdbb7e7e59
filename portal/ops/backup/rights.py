"""Leave out of a restore the rights of roles that the new server does not have.

An operator may let roles of their own read the tables. Roles belong to a server and not to a
database, so a backup does not hold them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_NAME = rb'(?:"(?:[^"]|"")+"|[^\s",;]+)'
_GRANT = re.compile(
    rb"(?:ALTER DEFAULT PRIVILEGES FOR ROLE (?P<owner>%(name)s) (?:IN SCHEMA %(name)s )?)?"
    rb"(?:GRANT|REVOKE) .+ (?:TO|FROM) (?P<role>%(name)s)(?: WITH GRANT OPTION)?;\n"
    % {b"name": _NAME}
)
_POLICY = re.compile(
    rb"(CREATE (?P<policy>POLICY %(name)s ON %(name)s) (?:AS RESTRICTIVE )?(?:FOR \w+ )?TO )"
    rb"(?P<roles>%(name)s(?:, %(name)s)*)( (?:USING|WITH CHECK) \()" % {b"name": _NAME}
)
_NEXT = b"--\n"
"""The line above each entry of a script of pg_restore."""
_ENTRY_OF_RIGHTS = re.compile(rb"\d+; \d+ \d+ (?:DEFAULT )?ACL ")
_WORDS = {b"PUBLIC", b"CURRENT_USER"}


def entries(table_of_contents: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the entries of a dump's table of contents that hold only rights."""
    return (line for line in table_of_contents if _ENTRY_OF_RIGHTS.match(line))


@dataclass
class Rights:
    """The roles of a server, the one that restores, and what is left out for lack of a role."""

    roles: frozenset[str]
    owner: str
    missing: set[str] = field(default_factory=set)
    of_other_owners: set[str] = field(default_factory=set)

    def granted(self, script: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the grants that are possible here. They are all made by the owner.

        A default of another role than the owner, for what that role will make, is left out.
        """
        for line in script:
            if (found := _GRANT.fullmatch(line)) is None:
                continue
            if (owner := found["owner"]) and _plain(owner) != self.owner:
                self.of_other_owners.add(_plain(owner))
            elif self._is_here(found["role"]):
                yield line

    def policies(self, script: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the script with each policy for the roles that are here, without the others."""
        dropped, is_dropped = list[bytes](), False
        for line in script:
            if line == _NEXT:
                is_dropped = False
            if found := _POLICY.match(line):
                here = [one for one in re.findall(_NAME, found["roles"]) if self._is_here(one)]
                line = found[1] + b", ".join(here) + line[found.start(4) :]
                is_dropped = not here
                dropped += [b"COMMENT ON %s " % found["policy"]] if is_dropped else []
            if not (is_dropped or line.startswith(tuple(dropped))):
                yield line

    def left_out(self) -> list[str]:
        """Return sentences about what was left out, and what to do."""
        said = [
            f"There is no role {role} here, so its rights and policies were left out. If you need"
            " them, make the role and grant them again."
            for role in sorted(self.missing)
        ]
        return said + [
            f"The default privileges of {role} were left out: they are for what that role makes,"
            f" and {self.owner} owns the tables here. Grant them for {self.owner} if you need them."
            for role in sorted(self.of_other_owners)
        ]

    def _is_here(self, written: bytes) -> bool:
        is_here = written in _WORDS or _plain(written) in self.roles
        if not is_here:
            self.missing.add(_plain(written))
        return is_here


def _plain(written: bytes) -> str:
    """Return a name as it is, of one that is written as in SQL."""
    text = written.decode("utf-8", "replace")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
