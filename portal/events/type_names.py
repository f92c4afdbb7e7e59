"""Names of event types, and the patterns that subscribe to them.

A pattern is a name (`rfp.created`), a group (`rfp.*`: everything below `rfp.`), or `*`. Matching is
equality: a name is expanded to every pattern that matches it, and those are looked up, because only
equality can use its index under row-level security.
"""

import re

SEGMENT = r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
NAME = re.compile(SEGMENT)
PATTERN = re.compile(rf"\*|{SEGMENT}(?:\.\*)?")
LENGTH = 128
# The same for JSON schemas.
SHOWN_NAME = f"^{SEGMENT}$"
SHOWN_PATTERN = rf"^(\*|{SEGMENT}(?:\.\*)?)$"


def check_name(name: str) -> str:
    """Return the name. Raises ValueError, with a sentence, if it is invalid."""
    if not NAME.fullmatch(name):
        raise ValueError("Use one event's name, such as rfp.created.")
    return name


def patterns_of(name: str) -> list[str]:
    """Return every pattern that matches a name: `a.b.c` → `a.b.c`, `a.b.*`, `a.*`, `*`."""
    parts = name.split(".")
    groups = [".".join(parts[:end]) + ".*" for end in range(len(parts) - 1, 0, -1)]
    return [name, *groups, "*"]


def matches(pattern: str, name: str) -> bool:
    """Tell whether a pattern subscribes to a name."""
    return pattern in patterns_of(name)
