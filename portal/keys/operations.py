"""REST beside the records: asking about keys, and settling what calls came to."""

from flask import Response

from portal.api import actor, answer, body, no_parameters, request_id
from portal.keys.engine import engine
from portal.keys.schemas import Verdict, VerifyKey
from portal.keys.verify import verify
from portal.openapi import Operation


def verify_key() -> Response:
    """Whether a key is good, for what is asked: always 200."""
    no_parameters()
    asked = VerifyKey.read(body())
    return answer(verify(engine(), actor().tenant_id, asked, request_id()))


OPERATIONS = (
    Operation(
        resource="api-keys",
        name="verify",
        method="POST",
        path="/api-keys/verify",
        summary="Whether a key is good for a call; takes what the call costs of its limits",
        scope="keys:verify",
        view=verify_key,
        command=VerifyKey,
        answer=Verdict,
    ),
)
