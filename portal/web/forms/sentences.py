"""Say in one sentence what a form is about to make. What was chosen stands out in it."""

from collections.abc import Iterable, Iterator, Sequence


class Strong(str):
    """A part of a sentence that stands out: a name, a right, a day."""

    __slots__ = ()


class Sentence:
    """A sentence in parts, each with whether it stands out."""

    def __init__(self, *parts: str) -> None:
        self._parts = [part for part in parts if part]

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        for part in self._parts:
            yield str(part), isinstance(part, Strong)

    def __str__(self) -> str:
        return "".join(self._parts)

    def then(self, *more: str) -> "Sentence":
        """Return this sentence and others after it."""
        return Sentence(*self._parts, *(text for one in more for text in (" ", one)))


def named(name: str | None, otherwise: str) -> Iterator[str]:
    """Yield a typed name as it stands out in a sentence, or other words while there is none."""
    if name and name.strip():
        yield Strong(name.strip())
    else:
        yield otherwise


def series(parts: Sequence[str], last: str = "and") -> Iterator[str]:
    """Yield the parts with commas and a word before the last one."""
    for number, part in enumerate(parts):
        if number:
            yield f" {last} " if number == len(parts) - 1 else ", "
        yield part


def listed(parts: Iterable[str], last: str = "and") -> str:
    """Return the parts as one text: “a, b and c”."""
    return "".join(series(list(parts), last))
