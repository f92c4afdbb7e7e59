"""A token address of a provider, over HTTP, that counts; and connectors whose tokens it gives."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qs

import orjson

PATIENCE = 20.0
SECRET = "the-secret-of-the-client-0123456789"


@dataclass
class TokenAddress:
    """Give a numbered token to each client. `answers` are statuses to answer with instead, `life`
    is told as `expires_in`; while `gate` is closed, nobody is answered."""

    address: str = ""
    life: int | None = 3600
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    secrets: list[str] = field(default_factory=list)
    gate: Event = field(default_factory=Event)
    waiting: int = 0
    most: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        form = parse_qs(sent)
        client = form.get("client_id", [""])[0]
        with self._lock:
            self.asked[client] += 1
            self.secrets += form.get("client_secret", [])
            number = self.asked[client]
            status, body = (
                self.answers.pop(0) if self.answers else (200, self._token(client, number))
            )
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.gate.wait(PATIENCE)
        with self._lock:
            self.waiting -= 1
        start(
            f"{status} Done", [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        )
        return [orjson.dumps(body)]

    def _token(self, client: str, number: int) -> dict[str, Any]:
        end = {} if self.life is None else {"expires_in": self.life}
        return {"access_token": f"token-{number}-of-{client}", "token_type": "Bearer", **end}

    def refuse(self, status: int, **body: Any) -> None:
        """Answer the next request with this."""
        self.answers.append((status, body))
