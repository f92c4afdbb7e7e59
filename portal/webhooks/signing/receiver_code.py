"""Code with which a receiver verifies our deliveries, in eight languages.

Each snippet is a whole program in `code/`. The pages show it only down to the line where its
command line begins. The tests use that command line: they run each program with the golden vectors.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "code"
MARK = "--- from the command line"


@dataclass(frozen=True, slots=True)
class Snippet:
    """The code in one language: its name in URLs, its title, its file, its syntax highlighting."""

    name: str
    title: str
    file: str
    colours: str

    @property
    def program(self) -> str:
        """Return the whole program."""
        return (FOLDER / f"{self.file}.txt").read_text(encoding="utf-8")

    @property
    def shown(self) -> str:
        """Return the part that a receiver needs, without the command line."""
        kept = []
        for line in self.program.splitlines():
            if MARK in line:
                break
            kept.append(line)
        text = "\n".join(kept).rstrip()
        # In Java the cut is inside the program's class, which has to be closed.
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
