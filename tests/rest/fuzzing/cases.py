"""Draw requests for an operation from the document, send them, and collect what is broken."""

import math
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup

from portal.rest.openapi import Operation
from tests.rest.fuzzing.as_text import is_right_as_sent
from tests.rest.fuzzing.excused import is_excused
from tests.rest.fuzzing.tenant import Tenant

# A JSON Schema that most programs read cannot say which characters of a script are letters.
WORDS = ("tags", "allowed_models")
BESIDE_LETTERS = " .:/@+-_"


@dataclass
class Tally:
    """Keep what was sent, which operations answered 2xx, and what is broken."""

    cases: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> set[str]:
        """Return the ids of the operations that did what was asked at least once."""
        return {id for id, found in self.statuses.items() if any(s // 100 == 2 for s in found)}


def fuzz(operation: Operation, published: Any, tenant: Tenant, times: int, tally: Tally) -> None:
    """Send the operation's example, then drawn requests: `times` that the document allows, and as
    many that it does not."""
    path = dict(tenant.path(operation))
    send = Sender(operation, tenant, tally)
    send(example(operation, published, path, tenant))
    numbers = count()

    def ask(case: Case) -> None:
        settle(case, tenant, is_conditional=next(numbers) % 2 == 1)
        send(case)

    known = {"path_parameters": path} if path else {}
    for mode, what in ((GenerationMode.POSITIVE, ask), (GenerationMode.NEGATIVE, send)):
        strategy = published.as_strategy(generation_mode=mode, **known)
        drawn(f"{operation.id} {mode}", strategy, times, what)


def drawn(name: str, cases: Any, times: int, send: Callable[[Case], None]) -> None:
    """Send so many cases of a strategy, always the same ones."""

    @seed(zlib.crc32(name.encode()))
    @given(case=cases)
    @settings(
        max_examples=times,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def each(case: Case) -> None:
        send(case)

    try:
        each()
    except Unsatisfiable:
        assert name.endswith(str(GenerationMode.NEGATIVE)), name  # all that can be sent is right


def example(operation: Operation, published: Any, path: dict[str, str], tenant: Tenant) -> Case:
    """Return the request of the document's own example, with ids of this tenant."""
    described = published.definition.raw
    content = next(iter(described.get("requestBody", {}).get("content", {}).values()), {})
    body = content.get("example", NOT_SET)
    query = {"q": "a"} if operation.id == "integration.search.find" else {}
    case: Case = published.Case(
        path_parameters=path,
        query=query,
        body=NOT_SET if body is NOT_SET else at_home(body, tenant),
        media_type="application/json" if content else None,
    )
    return case


def settle(case: Case, tenant: Tenant, *, is_conditional: bool) -> None:
    """Leave out of a request what the state of the tenant would refuse in nearly every case."""
    for container, name in ((case.query, "cursor"), (case.headers, "If-Match")):
        if container and not (name == "If-Match" and is_conditional):
            container.pop(name, None)
    if isinstance(case.body, dict | list):
        case.body = at_home(case.body, tenant)


def at_home(value: Any, tenant: Tenant, name: str = "") -> Any:
    """Return a JSON value with ids of this tenant, and numbers of few digits, which a JSON Schema
    cannot bound."""
    if isinstance(value, Mapping):
        return {key: at_home(one, tenant, key) for key, one in value.items()}
    if isinstance(value, list):
        return [at_home(one, tenant, name) for one in value]
    if isinstance(value, float):
        return value if value.is_integer() else math.floor(value * 10**4) / 10**4
    if isinstance(value, str) and name in WORDS:
        return "".join(
            one if one.isalpha() or one.isdecimal() or one in BESIDE_LETTERS else "a"
            for one in value
        )
    if isinstance(value, str):
        return tenant.ids.get(name, value).replace("http://hooks.example.com", tenant.service)
    return value


@dataclass
class Sender:
    """Send requests as the caller, and hold each answer against the document."""

    operation: Operation
    tenant: Tenant
    tally: Tally

    def __call__(self, case: Case) -> None:
        # Without a network, schemathesis accepts gzip but does not decompress it.
        headers = {
            "Authorization": f"Bearer {self.tenant.caller.token}",
            "Accept-Encoding": "identity",
        }
        answer = case.call(headers=headers)
        self.tally.cases += 1
        found = self.tally.statuses.setdefault(self.operation.id, Counter())
        found[answer.status_code] += 1
        try:
            case.validate_response(answer, headers=headers)
        except FailureGroup as group:
            said = answer.json() if answer.content else {}
            parameters = case.operation.definition.raw.get("parameters", [])
            self.tally.broken += [
                f"{self.operation.id}: {one}\n{answer.status_code} {answer.content[:600]!r}\n"
                f"{case.as_curl_command()[:3000]}"
                for one in group.exceptions
                if not is_excused(self.operation.id, one, said)  # type: ignore[arg-type]
                and not (
                    isinstance(one, AcceptedNegativeData)
                    and is_right_as_sent(parameters, str(one), answer.request.url or "")
                )
            ]
