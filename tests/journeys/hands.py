"""Use the pages in three ways: with a mouse, with the keyboard alone, and without JavaScript.

A story calls the same verbs each time: follow a link, press a button, write into a field.
"""

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PATIENCE = 60_000
MOST_TABS = 250
IS_FOCUSED = "it => it === document.activeElement"
IS_IN_THE_SAME_GROUP = """it => { const now = document.activeElement;
    return now?.type === "radio" && it.type === "radio" && now.name === it.name; }"""
IS_HIDDEN_BY_ANOTHER = """it => { const box = it.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height / 2, 9)];
    const top = document.elementFromPoint(x, y);
    return !!top && !it.contains(top) && !top.contains(it) && !it.labels?.[0]?.contains(top); }"""


def beginning(words: str) -> re.Pattern[str]:
    """Return a pattern of names that begin with these whole words."""
    escaped = re.escape(words).replace("/", r"\/")  # it ends a pattern in a selector
    return re.compile(rf"^\s*{escaped}(?!\w)")


class Mouse:
    """Point and click. Text is typed, because no mouse can do that."""

    script = True

    def __init__(self, page: "Page") -> None:
        self.page = page

    # --- what a person does ---

    def open(self, path: str) -> None:
        self.page.goto(path)

    def follow(self, name: str, within: "Locator | None" = None) -> None:
        self.activate((within or self.page).get_by_role("link", name=beginning(name)).first)

    def press(self, name: str, within: "Locator | None" = None) -> None:
        self.activate((within or self.page).get_by_role("button", name=beginning(name)).first)

    def write(self, label: str, text: str) -> None:
        self.fill(self.field(label), text)

    def tick(self, label: str) -> None:
        self.check(self.field(label))

    def choose(self, label: str, option: str) -> None:
        self.select(self.field(label), option)

    def unfold(self, words: str) -> None:
        self.activate(self.page.locator("main summary").filter(has_text=words).first)

    def grant(self, scope: str) -> None:
        """Tick a scope of a new key."""
        self.check(self.page.locator(f'input[value="{scope}"]').first)

    def secret(self) -> str:
        """Return the secret that the page shows once."""
        return self.page.locator("#revealed").inner_text()

    def field(self, label: str) -> "Locator":
        """Return the field with a label that begins with these words."""
        words = re.compile(rf"^\s*{re.escape(label)}")
        return self.page.locator("main").get_by_label(words).first

    # --- how it is done ---

    def reach(self, target: "Locator") -> None:
        target.hover()

    def activate(self, target: "Locator") -> None:
        target.click()

    def fill(self, field: "Locator", text: str) -> None:
        field.fill(text)

    def check(self, field: "Locator") -> None:
        field.check()

    def select(self, field: "Locator", option: str) -> None:
        field.select_option(label=option)

    # --- what is seen ---

    def sees(self, words: str | re.Pattern[str]) -> None:
        expect(self.page.locator("main")).to_contain_text(words, timeout=PATIENCE)

    def waits_for(self, words: str | re.Pattern[str]) -> None:
        """Wait until the page says so by itself."""
        self.sees(words)


class Keyboard(Mouse):
    """Reach everything with Tab and arrows. What has the focus is marked and not covered."""

    def activate(self, target: "Locator") -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def fill(self, field: "Locator", text: str) -> None:
        self.reach(field)
        if field.get_attribute("type") == "datetime-local":
            self._type_moment(datetime.fromisoformat(text))
            return
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def _type_moment(self, at: datetime) -> None:
        """Type a time part by part, as the browser's field takes it; a year has no last digit."""
        self.page.keyboard.type(f"{at:%m%d%Y}")
        self.page.keyboard.press("ArrowRight")
        self.page.keyboard.type(f"{at:%I%M%p}")

    def check(self, field: "Locator") -> None:
        self.reach(field)
        if not field.is_checked():
            self.page.keyboard.press("Space")

    def select(self, field: "Locator", option: str) -> None:
        """Type the option's name, as browsers let one do in a list."""
        self.reach(field)
        self.page.keyboard.type(option)
        expect(field.locator("option:checked")).to_have_text(option)

    def reach(self, target: "Locator") -> None:
        expect(target).to_be_visible(timeout=PATIENCE)
        for _ in range(MOST_TABS):
            if target.evaluate(IS_FOCUSED):
                break
            same = target.evaluate(IS_IN_THE_SAME_GROUP)
            self.page.keyboard.press("ArrowDown" if same else "Tab")
        assert target.evaluate(IS_FOCUSED), f"no Tab reaches {target}"
        assert target.evaluate("it => it.matches(':focus-visible')"), f"no focus is seen: {target}"
        assert not target.evaluate(IS_HIDDEN_BY_ANOTHER), f"something covers {target}"


class NoScript(Mouse):
    """Point and click in a browser that runs no script: what changes is seen by loading again."""

    script = False

    def waits_for(self, words: str | re.Pattern[str]) -> None:
        deadline = time.monotonic() + PATIENCE / 1000
        main = self.page.locator("main")
        while not re.search(words, " ".join(main.inner_text().split())):
            assert time.monotonic() < deadline, f"no {words!r} in: {main.inner_text()}"
            self.page.reload()


WAYS: dict[str, type[Mouse]] = {"mouse": Mouse, "keyboard": Keyboard, "no script": NoScript}
