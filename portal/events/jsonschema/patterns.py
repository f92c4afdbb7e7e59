"""Regular expressions of tenants, by RE2: time grows with the text, never with its power."""

import re
from dataclasses import dataclass
from typing import Any

import re2

# Bounds what a pattern compiles to and what it remembers while it matches.
MEMORY = 64 * 1024
# A small pattern on a short text takes some 2 µs. On long ones RE2 may run out of memory and go
# through the pattern for each character: 48 of those pairs are worth a step.
LEAST, SMALL = 6, 50_000
PAIRS, SMALL_PAIRS = 48, 1024

_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that is searched for in texts."""

    text: str
    program: Any
    size: int

    def cost(self, text: str) -> int:
        """The steps that a search in this text may take."""
        pairs = self.size * len(text)
        return LEAST + pairs // (SMALL_PAIRS if pairs < SMALL else PAIRS)

    def finds(self, text: str) -> bool:
        """Whether the text has a match anywhere, as JSON Schema means it."""
        return self.program.search(text) is not None


def pattern(text: str) -> Pattern:
    """The pattern; raises ValueError with the reason for what RE2 does not do."""
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = MEMORY, True, False
    try:
        program = re2.compile(_ESCAPE.sub(_as_re2_has_it, text), options)
    except re2.error as error:
        raise ValueError(_reason(error)) from None
    return Pattern(text, program, program.programsize)


def _as_re2_has_it(escape: re.Match[str]) -> str:
    return rf"\x{{{escape[1]}}}" if escape[1] else escape[0]


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else b""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return f"{text[:100]}. Look-around, back-references and repeats beyond 1000 are not supported"
