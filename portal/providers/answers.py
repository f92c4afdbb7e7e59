"""The rows that follow every entry's own in the table that reads an answer.

They are what HTTP itself says (RFC 9110, RFC 6585), so no entry repeats them.
"""

from portal.providers.steps import Answer, Call

SHARED: tuple[Answer, ...] = (
    Answer(status=(401,), verdict="auth_invalid"),
    Answer(status=(403,), verdict="auth_scope"),
    Answer(status=(429,), verdict="rate_limited"),
    Answer(status=tuple(range(500, 600)), verdict="transient"),
    Answer(status=(404, 410), verdict="config", says="There is nothing at this address."),
    Answer(
        status=tuple(range(300, 400)),
        verdict="config",
        says="The address redirects elsewhere. Credentials are not sent after it.",
    ),
)

NOT_JSON = Answer(
    status=tuple(range(200, 300)),
    json=False,
    verdict="config",
    says="A web page came instead of data: is this the address of the API?",
)
"""The row of a request whose answer must be JSON."""


def expects_json(call: Call) -> bool:
    """Tell whether the entry reads the answer of a call as JSON."""
    rows = call.answers
    by_row = any(row.path is not None or row.json_ is not None for row in rows)
    return by_row or bool(call.account or call.discovers or call.person)


def rows_of(call: Call) -> tuple[Answer, ...]:
    """Return the whole table of a call, in the order in which its rows are tried."""
    return (*call.answers, *((NOT_JSON,) if expects_json(call) else ()), *SHARED)
