"""Fill in a form as a browser would: with what the page shows, and what a person changes in it."""

from collections.abc import Iterator
from html.parser import HTMLParser


class Shown(HTMLParser):
    """The forms of a page with the values that a browser would send unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self._text: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), []))
        elif not self.forms or "disabled" in given:
            return
        elif tag == "input" and given.get("name") and self._sends(given):
            self._add(given["name"], given.get("value", "on"))
        elif tag == "select":
            self._select, self._options = given["name"], []
        elif tag == "option":
            self._options.append((given.get("value", ""), "selected" in given))
        elif tag == "textarea":
            self._text = ""
            self._add(given["name"], "")

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select is not None:
            chosen = [value for value, is_chosen in self._options if is_chosen]
            first = [value for value, _ in self._options]
            self._add(self._select, *(chosen or first)[:1])
            self._select = None
        elif tag == "textarea" and self._text is not None:
            fields = self.forms[-1][1]
            fields[-1] = (fields[-1][0], self._text.removeprefix("\n").replace("\n", "\r\n"))
            self._text = None

    def _add(self, name: str, *values: str) -> None:
        self.forms[-1][1].extend((name, value) for value in values)

    def _sends(self, given: dict[str, str]) -> bool:
        return given.get("type") not in ("checkbox", "radio") or "checked" in given


def shown(page: str, action: str) -> dict[str, list[str]]:
    """Return what a browser would send with the form of this action, if nothing was changed."""
    parser = Shown()
    parser.feed(page)
    found: dict[str, list[str]] = {}
    for name, value in _of(parser, action):
        found.setdefault(name, []).append(value)
    assert found, f"there is no form for {action}"
    return found


def _of(parser: Shown, action: str) -> Iterator[tuple[str, str]]:
    return iter(next((fields for place, fields in parser.forms if place == action), []))
