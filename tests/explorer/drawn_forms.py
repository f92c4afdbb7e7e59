"""Read a form from a page as a browser does, to send what it would send."""

from html.parser import HTMLParser


class DrawnForm(HTMLParser):
    """The fields of the form that has a button to show it as code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.action = ""
        self._is_over = self._is_it = False
        self._here: dict[str, list[str]] = {}
        self._place = ""
        self._select: str | None = None
        self._text: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._here, self._place, self._is_it = {}, given.get("action", ""), False
        elif tag == "button" and name == "as_code":
            self._is_it = True
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._text = name
            self._add(name, "")
        else:
            self._read(tag, name, given)

    def _read(self, tag: str, name: str, given: dict[str, str]) -> None:
        if tag == "option" and self._select:
            if "selected" in given or self._select not in self._here:
                self._here[self._select] = [given.get("value", "")]
        elif tag == "input" and name and _is_sent(given):
            self._add(name, given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._text:
            self._here[self._text] = [self._here[self._text][-1] + data]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._text = None
        elif tag == "form" and self._is_it:
            self.fields, self.action, self._is_it = self._here, self._place, False

    def _add(self, name: str, value: str) -> None:
        self._here.setdefault(name, []).append(value)


def _is_sent(given: dict[str, str]) -> bool:
    return given.get("type") not in ("checkbox", "radio") or "checked" in given
