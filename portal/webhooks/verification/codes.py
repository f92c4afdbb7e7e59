"""Name the results of a check of a received request, for programs."""

from typing import Literal

from portal.webhooks.signing import standard_webhooks

Code = (
    standard_webhooks.Code
    | Literal[
        "body_changed", "bad_body", "no_certificate", "wrong_claim", "keys_away", "not_kept",
        "event_refused",
    ]
)  # fmt: skip
Problem = tuple[Code, str]
"""A code, and the sentence that explains it to people."""
