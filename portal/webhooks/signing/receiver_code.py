"""Code with which a receiver verifies our deliveries, in eight languages.

Each is a whole program in `code/`; the pages show it down to the line where its command line
begins, which the tests use: they run it with the golden vectors.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "code"
MARK = "--- from the command line"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One language: its name in addresses and for people, its file, how to colour it."""

    name: str
    title: str
    file: str
    colours: str

    @property
    def program(self) -> str:
        """Return all of it."""
        return (FOLDER / f"{self.file}.txt").read_text(encoding="utf-8")

    @property
    def shown(self) -> str:
        """Return what a receiver needs of it."""
        kept = []
        for line in self.program.splitlines():
            if MARK in line:
                break
            kept.append(line)
        text = "\n".join(kept).rstrip()
        # In Java the program's class is still open there.
        return text + "\n}" if self.name == "java" else text


SNIPPETS = (
    Snippet("python", "Python", "verify.py", "python"),
    Snippet("javascript", "JavaScript", "verify.mjs", "javascript"),
    Snippet("go", "Go", "verify.go", "go"),
    Snippet("ruby", "Ruby", "verify.rb", "ruby"),
    Snippet("php", "PHP", "verify.php", "php"),
    Snippet("java", "Java", "Verify.java", "java"),
    Snippet("csharp", "C#", "Verify.cs", "csharp"),
    Snippet("bash", "bash", "verify.sh", "bash"),
)
BY_NAME = {snippet.name: snippet for snippet in SNIPPETS}
