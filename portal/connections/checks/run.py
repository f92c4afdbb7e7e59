"""Run a check: address, connection, sign-in, identity, and each scope that is needed.

Each step is told as soon as it is known. The first that fails decides; what comes after it is not
tried.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from portal.connections.checks.answers import Reading
from portal.connections.checks.drivers import mcp, postgresql, smtp
from portal.connections.checks.facts import Facts, Proven, account_of, covers, learn, of_call
from portal.connections.checks.progress import CONNECTION, OnStep, Progress, Stopped
from portal.connections.checks.report import Failure, Fetched, Outcome, Report, Subject
from portal.connections.checks.sign_in.assertions import claims_of
from portal.connections.checks.sign_in.signers import signer_of
from portal.connections.checks.sign_in.tokens import get_token
from portal.connections.checks.visit import Visit
from portal.outbound import OutboundClient, Request
from portal.providers.filling import Unfilled, fill_url
from portal.providers.sign_in import Browser, Nothing, Token, Unproven
from portal.providers.steps import (
    Call,
    Check,
    McpHello,
    Need,
    PostgresLogin,
    Proof,
    SmtpLogin,
    TokenProof,
)

CHECK_SECONDS = 30.0
SIGN_IN = "Sign in"
ACCEPTED = "The provider accepts the credentials."
NEEDS_NONE = "This connection needs no credentials."
OPEN_TO_ALL = "The same request without credentials gets the same answer, so nothing proves them."
ASK_ANOTHER = "Choose a test path that needs the credentials."
NOT_TOLD = "The answer does not tell whether the credentials are good."
NOTHING_TO_ASK = "The catalogue has no request that would prove more."
NEEDS_A_BROWSER = (
    "A person has to sign in to the provider with a browser. The portal cannot do that yet."
)
NO_GRANTS = "The provider does not tell whether this is granted."
TOO_LATE = Failure(
    "transient",
    "The check was stopped because it took too long.",
    "Check again; if it stays so, the provider is too slow at the moment.",
)


async def run(subject: Subject, client: OutboundClient, on_step: OnStep) -> Report:
    """Check a connection and return the result. `on_step` is told each step as it is known."""
    check = subject.provider.check_of(subject.variant)
    progress = Progress(_planned(check), on_step)
    visit, facts = Visit(subject, client, progress), Facts()
    failure = None
    try:
        async with asyncio.timeout(CHECK_SECONDS) as deadline:
            await _prove(visit, check, facts)
    except Stopped as stopped:
        failure = stopped.failure
    except Unfilled as unfilled:
        failure = visit.failure_of_missing(unfilled.name)
    except TimeoutError:
        if not deadline.expired():
            raise
        failure = TOO_LATE
    await progress.ended(failure)
    return _report(visit, check, facts, failure)


async def fetch_token(subject: Subject, client: OutboundClient) -> Fetched | Failure:
    """Return an access token of a connection that gets one (`Variant.gives_token`)."""

    async def untold(_: object) -> None:
        pass

    way = subject.variant.sign_in
    if not isinstance(way, Token):
        raise TypeError("this way to sign in gets no token")
    visit = Visit(subject, client, Progress({**CONNECTION, "sign_in": SIGN_IN}, untold))
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return (await get_token(visit, way)).fetched
    except Stopped as stopped:
        return stopped.failure
    except Unfilled as unfilled:
        return visit.failure_of_missing(unfilled.name)
    except TimeoutError:
        return TOO_LATE


def _planned(check: Check | None) -> Mapping[str, str]:
    who = {"who": check.who.title} if check else {}
    needs = check.needs if check else ()
    scopes = {f"scope:{need.scope}": need.scope for need in needs}
    return {**CONNECTION, "sign_in": SIGN_IN, **who, **scopes}


async def _prove(visit: Visit, check: Check | None, facts: Facts) -> None:
    way = visit.variant.sign_in
    if isinstance(way, (Browser, Unproven)):
        return await _only_connect(visit, check, way)
    token_answer = None
    if isinstance(way, Token):
        got = await get_token(visit, way)
        token_answer = got.document
        await visit.progress.passed("sign_in", "The provider gave an access token.", got.status)
    else:
        visit.sign = await signer_of(visit)
    if check is None:
        return None
    proven = await _proven(visit, check, check.who, token_answer, facts)
    learn(visit, check, proven, facts)
    return await _scopes(visit, check, facts)


async def _only_connect(visit: Visit, check: Check | None, way: Browser | Unproven) -> None:
    """Prove the connection alone, without sending a credential."""
    if isinstance(way, Browser):
        url, said = fill_url(way.token_url, visit.values), NEEDS_A_BROWSER
    else:
        call = check.who if check and isinstance(check.who, Call) else None
        url, said = fill_url(call.url, visit.values) if call else "", way.because
    if url:
        await visit.send(Request("GET", url, {"Accept": "application/json"}))
    for name in CONNECTION:
        if visit.progress.is_pending(name):
            await visit.progress.skipped(name, NOTHING_TO_ASK)
    await visit.progress.skipped("sign_in", said)


# --- identity -------------------------------------------------------------------------------------


async def _proven(
    visit: Visit, check: Check, proof: Proof, token_answer: object, facts: Facts
) -> Proven:
    """Verify the identity, and return the responses that prove it."""
    for call in check.before:
        _, reading = await visit.call(call)
        if not reading.passed:
            await _judge_sign_in(visit, reading)
            raise Stopped(reading.failure())
    match proof:
        case Call():
            return await _called(visit, proof, token_answer, facts)
        case TokenProof():
            return await _by_token(visit, proof, token_answer, facts)
        case PostgresLogin():
            facts.account, document = await postgresql.prove(visit, proof)
        case SmtpLogin():
            facts.account, document = await smtp.prove(visit, proof)
        case McpHello():
            document = await _greeted(visit, proof, facts)
    return Proven(document, None, token_answer)


async def _greeted(visit: Visit, hello: McpHello, facts: Facts) -> Any:
    reading = await mcp.prove(visit, hello)
    if reading.passed and _is_the_proof(visit) and await mcp.is_open_to_all(visit, hello):
        await visit.progress.skipped("sign_in", OPEN_TO_ALL)
    await _judge_sign_in(visit, reading)
    await _prove_identity(visit, reading)
    facts.account = mcp.account_of(visit, reading)
    return reading.document


async def _called(visit: Visit, call: Call, token_answer: object, facts: Facts) -> Proven:
    outcome, reading = await visit.call(call)
    if call.is_compared and reading.passed and _is_the_proof(visit):
        _, unsigned = await visit.call(call, unsigned=True)
        if unsigned.passed:
            await visit.progress.skipped("sign_in", OPEN_TO_ALL, ASK_ANOTHER)
    await _judge_sign_in(visit, reading)
    await _prove_identity(visit, reading, call.reached)
    facts.account, facts.is_person = of_call(visit, call, reading.document)
    return Proven(reading.document, outcome, token_answer)


def _is_the_proof(visit: Visit) -> bool:
    """Tell whether the request under way is the first one that carries credentials."""
    signs_in = not isinstance(visit.variant.sign_in, Nothing)
    return signs_in and visit.progress.is_pending("sign_in")


async def _by_token(visit: Visit, proof: TokenProof, token_answer: object, facts: Facts) -> Proven:
    claims = claims_of(visit.token.value) if visit.token else {}
    facts.account = account_of(visit, proof.account, claims)
    await visit.progress.passed("who", "The access token is the proof.")
    return Proven(token_answer, None, token_answer)


async def _prove_identity(visit: Visit, reading: Reading, reached: str | None = None) -> None:
    if not reading.passed:
        raise Stopped(reading.failure())
    said = reading.said
    if reached is not None:
        with suppress(Unfilled):
            said = visit.quotes.clean(f"{visit.fill(reached)} answered.")
    await visit.progress.passed("who", said, reading.status)


async def _judge_sign_in(visit: Visit, reading: Reading) -> None:
    """Tell the step of the sign-in by the first answer to a request that carried credentials."""
    progress = visit.progress
    if not progress.is_pending("sign_in"):
        return
    if isinstance(visit.variant.sign_in, Nothing):
        await progress.skipped("sign_in", NEEDS_NONE)
    elif reading.verdict in ("auth_invalid", "auth_expired"):
        raise Stopped(reading.failure())
    elif reading.verdict in ("passed", "auth_scope"):
        await progress.passed_too("sign_in", ACCEPTED, reading.status)
    else:
        await progress.skipped("sign_in", NOT_TOLD)


# --- what one may do ------------------------------------------------------------------------------


async def _scopes(visit: Visit, check: Check, facts: Facts) -> None:
    for need in check.needs:
        failure = await _scope(visit, need, facts)
        if failure:
            await visit.progress.failed(f"scope:{need.scope}", failure)
            if failure.verdict == "auth_scope":
                facts.missing = (*facts.missing, need.scope)
            elif failure.verdict in ("rate_limited", "transient"):
                break
    for scope in facts.too_much:
        said = "The credentials may do this, and no connector of this provider needs it."
        remedy = "Take this right away from them at the provider, so that a leak does less harm."
        await visit.progress.warned(f"scope:{scope}", said, remedy)


async def _scope(visit: Visit, need: Need, facts: Facts) -> Failure | None:
    """Tell a scope that is granted or unknown, or return why it fails."""
    name = f"scope:{need.scope}"
    if facts.granted is not None and covers(need, facts.granted):
        await visit.progress.passed(name, "The provider says that it is granted.")
    elif need.call is not None:
        _, reading = await visit.call(need.call)
        if not reading.passed:
            return reading.failure()
        await visit.progress.passed(name, reading.said, reading.status)
    elif facts.granted is not None:
        said = f"The credentials lack the right “{need.scope}”."
        remedy = "Grant it at the provider, then check again. A token may have to be made anew."
        return Failure("auth_scope", said, remedy)
    else:
        await visit.progress.skipped(name, NO_GRANTS)
    return None


# --- the result -----------------------------------------------------------------------------------


def _report(visit: Visit, check: Check | None, facts: Facts, failure: Failure | None) -> Report:
    steps = tuple(visit.progress.steps)
    outcome, said, remedy = _outcome(visit, check)
    return Report(
        outcome, said, remedy, steps, visit.progress.took_ms,
        account=facts.account,
        is_person=facts.is_person,
        granted=facts.granted,
        missing=facts.missing,
        too_much=facts.too_much,
        expires_at=facts.expires_at,
        retry_at=visit.retry_at or (failure.retry_at if failure else None),
        token=visit.token,
        token_origin=visit.token_origin,
    )  # fmt: skip


def _outcome(visit: Visit, check: Check | None) -> tuple[Outcome, str, str]:
    steps = {step.name: step for step in visit.progress.steps}
    failed = next((step for step in visit.progress.steps if step.state == "failed"), None)
    if failed:
        return failed.verdict or "config", failed.said, failed.remedy
    who, sign_in = steps.get("who"), steps["sign_in"]
    is_unproven = sign_in.state == "not_tried" and not isinstance(visit.variant.sign_in, Nothing)
    if who is not None and who.state == "passed" and not is_unproven:
        return "passed", check.proves if check else "", ""
    if who is None and sign_in.state == "passed":
        return "passed", sign_in.said, ""
    return "unproven", sign_in.said or NOTHING_TO_ASK, sign_in.remedy
