"""Replace what differs from run to run by made-up values of the same shape."""

import re
from collections.abc import Callable
from typing import Any

MOMENT, HTTP_DATE = "2026-01-01T09:00:00Z", "Thu, 01 Jan 2026 09:00:00 GMT"
MEASURED = re.compile(r".*_ms|seconds|milliseconds|sequence|certificate_days|used")
SHOWN: dict[str, str] = {
    "key_prefix": "sk-acme-EXAM",
    "last4": "MPLE",
    "secret_fingerprint": "0123456789ab",
    "signed_with": "0123456789ab",
    "next_cursor": "WyItY3JlYXRlZF9hdCJd",
    "user_agent": "curl/8.9.1",
    "access_token": "eyJhbGciOiJFUzI1NiJ9.EXAMPLE.EXAMPLE",
    "kid": "EXAMPLE",
    "x": "EXAMPLE-X",
    "y": "EXAMPLE-Y",
}
PLACES: tuple[tuple[str, Callable[[int], str]], ...] = (
    (r"\b(?P<kind>[a-z]{3}[_-])[0-9A-HJKMNP-TV-Z]{26}\b", lambda n: f"01J{n:023d}"),
    (r"\breq_[0-9A-F]{26}\b", lambda n: f"req_{n:026d}"),
    (r"\bsk-[a-z]{2,6}-[A-Za-z0-9]{20,}\b", lambda n: f"sk-acme-EXAMPLE-{n}"),
    (r"\bwhsec_[A-Za-z0-9+/=]{20,}", lambda n: f"whsec_EXAMPLE{n}"),
    (r"\b[0-9a-f]{64}\b", lambda n: f"{n:064d}"),
    (r"\bv1,[A-Za-z0-9+/=]{40,}", lambda n: f"v1,EXAMPLE{n}"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|(\+|%2B)00:00)", lambda n: MOMENT),
    (r"\b(\d{1,2} [A-Z][a-z]{2}( 20\d\d)?, )?\d\d:\d\d UTC", lambda n: "09:00 UTC"),
    (r"\(\d[\d,]* ms\)", lambda n: "(12 ms)"),
    (r"\b127\.0\.0\.1:\d+", lambda n: "hooks.example.com"),
    (r"\b127\.0\.0\.1\b", lambda n: "203.0.113.7"),
    (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d [\d:]{8} GMT", lambda n: HTTP_DATE),
    (r"\b17\d{8}\b", lambda n: "1767258000"),
)


class Normal:
    """Made-up values: the same real value is always replaced by the same one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def of(self, value: Any, name: str = "") -> Any:
        """Return a JSON value with all volatile parts replaced."""
        if isinstance(value, dict):
            return {self.text(key): self.of(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self.of(one, name) for one in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return 12 if MEASURED.fullmatch(name) else value
        if isinstance(value, str):
            return SHOWN[name] if value and name in SHOWN else self.text(value)
        return value

    def text(self, value: str) -> str:
        """Return a text with its volatile parts replaced."""
        for pattern, make in PLACES:
            value = re.sub(pattern, lambda found, make=make: self._made(found, make), value)  # type: ignore[misc]
        return value

    def _made(self, found: re.Match[str], make: Callable[[int], str]) -> str:
        if found[0] not in self._known:
            kind = found.groupdict().get("kind", "")
            counted = kind or found.re.pattern
            self._counts[counted] = number = self._counts.get(counted, 0) + 1
            self._known[found[0]] = kind + make(number)
        return self._known[found[0]]
