"""Regular expressions of tenants, matched by RE2 in time linear in the text's length."""

import re
from dataclasses import dataclass
from typing import Any

import re2

# Limits the memory of a compiled pattern and of its matching.
MEMORY = 64 * 1024
# A small pattern on a short text takes about 2 µs. On a long text RE2 may run out of memory and
# step through the pattern for each character: 48 such pairs count as one step.
LEAST, SMALL = 6, 50_000
PAIRS, SMALL_PAIRS, CHARACTERS = 48, 1024, 256

# To compile a class of characters by a property, such as \pL, takes RE2 up to 120 µs, and to give
# up a pattern that gets too large up to 1 ms.
COMPILED, CLASS, GIVEN_UP = 100, 400, 3500
MOST_TIMES = 1000  # by which RE2 lets nested repeats grow a part of a pattern

_PART = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|$)|\\[pPx]\{[^{}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?"
    r"|\{(?P<least>\d{1,4})(?:,(?P<most>\d{0,4}))?\}|.",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression to search texts with."""

    text: str
    program: Any
    size: int

    def cost(self, text: str) -> int:
        """Return how many steps a search in this text may take."""
        pairs = self.size * len(text)
        return LEAST + len(text) // CHARACTERS + pairs // (SMALL_PAIRS if pairs < SMALL else PAIRS)

    def finds(self, text: str) -> bool:
        """Tell whether the text has a match anywhere, as JSON Schema defines it."""
        # On bytes, because on text the library counts in characters where the match is.
        return self.program.search(text.encode()) is not None


def cost_of_compiling(text: str) -> int:
    """Return how many steps it may take to compile a pattern."""
    return COMPILED + len(text) + _size_without_repeats(text) + CLASS * text.lower().count("\\p")


def _size_without_repeats(text: str) -> int:
    """Return about how many characters and groups a pattern has when its repeats are written out.

    RE2 writes them out before it looks at the memory that it may use.
    """
    sizes, last = [0], 0  # of the open groups; of what a repeat repeats
    for part in _PART.finditer(text):
        if part["least"] is not None:
            times = int(part["most"] or part["least"])
            sizes[-1] += last * max(0, times - 1)  # what is repeated {0} times is read as well
            last *= max(1, times)
        elif part[0] == "(":
            sizes.append(1)
        else:
            last = sizes.pop() if part[0] == ")" and len(sizes) > 1 else len(part["quoted"] or "1")
            sizes[-1] += last
    return min(sum(sizes), MOST_TIMES * len(text))


def pattern(text: str) -> Pattern:
    """Compile a pattern. Raises ValueError with the reason if RE2 does not support it."""
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
