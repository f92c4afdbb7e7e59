"""Explain the code of each problem, for the pages that the `type` of a problem document names.

`detail` says what is wrong with one request; these texts say what a code means and what to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemCode:
    """A code of a problem document. `example` is a `detail` as a caller may read it.

    `of_pages` is set if no program can meet it.
    """

    code: str
    status: int
    title: str
    happened: str
    why: str
    now: str
    example: str
    of_pages: bool = False


def url(base_url: str, code: str) -> str:
    """Return the address of the page that explains a code: the `type` of a problem document."""
    return f"{base_url}/problems/{code}"


def _by_code(found: Iterable[ProblemCode]) -> dict[str, ProblemCode]:
    return {one.code: one for one in found}


CODES = _by_code(
    (
        ProblemCode(
            "bad_request",
            400,
            "The request cannot be read",
            "The portal could not read the request, so it did nothing.",
            "The body is missing or is not a JSON object, a parameter is unknown, empty or sent"
            " twice, or a header has a form that it may not have.",
            "Correct what “errors” names. Sending the same request again gives the same answer.",
            "limit: Give a whole number from 1 to 200.",
        ),
        ProblemCode(
            "cannot_validate",
            400,
            "This operation cannot be checked without doing it",
            "The request prefers validate-only, and nothing was done.",
            "The operation sends something or takes something that cannot be given back, so its"
            " answer is not known before.",
            "Send the request without the preference to do it, or call what “detail” names.",
            "This is a check itself: it asks the provider, and stores nothing.",
        ),
        ProblemCode(
            "expired_form",
            400,
            "This form is too old",
            "A form was sent with the token of another session. Nothing was changed.",
            "You signed in again, or signed out, after the page was loaded.",
            "Load the page again and repeat what you typed.",
            "You signed in again or out since the page was loaded.",
            of_pages=True,
        ),
        ProblemCode(
            "unauthenticated",
            401,
            "Sign in or send a valid credential",
            "The portal does not know who is calling.",
            "The Authorization header is missing, or its credential is unknown, expired, revoked,"
            " blocked, over its limits, or belongs to a stopped application. The answer does not"
            " say which, so that nobody can try out credentials.",
            "Send “Authorization: Bearer …” with an access token or an API key. If it worked"
            " before, look at the key's page, or ask for the reason by the request id with"
            " POST /api-keys/explanations.",
            "This credential is unknown, or does not work now.",
        ),
        ProblemCode(
            "not_verified",
            401,
            "The request could not be verified",
            "A request to an inbound webhook was not accepted.",
            "Its signature is missing or wrong, it is too old, or the sender's keys could not be"
            " fetched.",
            "Compare the secret and the scheme on both sides. The signature doctor of the webhook"
            " says which part is wrong.",
            "The request could not be verified.",
        ),
        ProblemCode(
            "not_signed",
            401,
            "The report is not signed by GitHub",
            "A report to the address for GitHub's secret scanning was not accepted.",
            "The signature does not belong to the body, or GitHub's public keys could not be"
            " fetched.",
            "If you are not GitHub, report leaked keys with POST /api-keys/leaks.",
            "The report is not signed by GitHub",
        ),
        ProblemCode(
            "forbidden",
            403,
            "You may not do this",
            "The portal knows who is calling, and refused the request.",
            "The credential lacks a permission, may not be used from this address, or may read this"
            " record but not change it.",
            "WWW-Authenticate names a missing permission. Ask an admin of your tenant for it, or"
            " issue a key that has it.",
            "This needs the permission webhooks:write. Ask an admin of your tenant for it.",
        ),
        ProblemCode(
            "not_found",
            404,
            "There is nothing here",
            "There is no such address, or no such record for this caller.",
            "The id is mistyped, the record is deleted or belongs to somebody else. All of these"
            " look the same.",
            "Check the id. For a deleted record, add include_deleted=true.",
            "There is no webhook whk_01H… that you may see, or it is deleted.",
        ),
        ProblemCode(
            "secret_not_found",
            404,
            "There is nothing here",
            "The secret store has no secret at this place.",
            "It was removed in the store, or its version is deleted or destroyed.",
            "Enter the credentials again, or restore an older version of them.",
            "There is no such secret.",
        ),
        ProblemCode(
            "method_not_allowed",
            405,
            "This address does not take that method",
            "The address exists, but does not support the method of the request.",
            "The method is mistyped, or a redirect has changed a POST into a GET.",
            "Use one of the methods in the header Allow.",
            "This address does not take that method",
        ),
        ProblemCode(
            "request_timeout",
            408,
            "The request arrived too slowly",
            "The request did not arrive completely within the time limit, so nothing was done.",
            "The connection is slow or was interrupted.",
            "Send the request again.",
            "The request arrived too slowly",
        ),
        ProblemCode(
            "conflict",
            409,
            "This conflicts with what is already there",
            "The request is valid, but does not fit what is stored. Nothing was changed.",
            "A name is taken, a record is in a state that does not allow the change, or a request"
            " with the same Idempotency-Key is still running.",
            "Read “detail”. “current”, if it is there, is the record as it is stored now.",
            "This webhook is not deleted.",
        ),
        ProblemCode(
            "stale_version",
            409,
            "Somebody else saved this first",
            "The “version” in the body is not the current one. Nothing was changed.",
            "Somebody else changed the record after you read it.",
            "“current” is the stored record: apply your change to it and send it with its version.",
            "This webhook is at version 4 now. Load it again.",
        ),
        ProblemCode(
            "quota_reached",
            409,
            "Your tenant has reached its quota",
            "The record was not created or restored.",
            "Your tenant has as many records of this kind as it may have: “used” of “limit”.",
            "Delete what you no longer need, or ask your platform's operators for a higher quota.",
            "Your tenant has 1,000 of 1,000 webhooks.",
        ),
        ProblemCode(
            "secret_conflict",
            409,
            "This conflicts with what is already there",
            "The secret was not written.",
            "Somebody else wrote the same secret at the same time.",
            "Load the record again and repeat the change.",
            "The secret is at another version now.",
        ),
        ProblemCode(
            "secret_patch_unsupported",
            409,
            "This conflicts with what is already there",
            "A part of the credentials could not be changed.",
            "The secret store does not support a change of single fields.",
            "Enter all fields of the credentials again.",
            "This secret store cannot change single fields.",
        ),
        ProblemCode(
            "secret_not_moved",
            409,
            "A secret was not moved",
            "A secret stays in the secret store where it was.",
            "The new store refused it, or it was changed while it was moved.",
            "Read “detail”, then start the move again: it goes on with what is left.",
            "A secret was not moved",
        ),
        ProblemCode(
            "lease_not_ready",
            409,
            "This conflicts with what is already there",
            "The connector has nothing to hand out yet.",
            "Its access token is being fetched or renewed.",
            "Try again after the seconds in “retry_after”.",
            "The access token is being renewed.",
        ),
        ProblemCode(
            "lease_refused",
            409,
            "This conflicts with what is already there",
            "The connector hands out nothing.",
            "Its credentials are missing, were refused by the provider, or are of a kind that is"
            " never handed out.",
            "A person has to correct the connector. Trying again does not help.",
            "This connector has no credentials.",
        ),
        ProblemCode(
            "precondition_failed",
            412,
            "Somebody else saved this first",
            "If-Match names another version than the current one. Nothing was changed.",
            "Somebody else changed the record after you read it.",
            "Read the record again, apply your change, and send its new ETag.",
            "This webhook is at version 4 now. Load it again.",
        ),
        ProblemCode(
            "too_large",
            413,
            "That is too large",
            "The request has more bytes than the portal accepts.",
            "A body may have at most 1 MiB.",
            "Send less in each request.",
            "That is too large",
        ),
        ProblemCode(
            "secret_too_large",
            413,
            "That is too large",
            "The credentials were not stored.",
            "A secret has more bytes or more fields than the secret store keeps.",
            "Store only what the connection needs.",
            "That is too large",
        ),
        ProblemCode(
            "unsupported_media_type",
            415,
            "Send JSON",
            "The body has a format that the operation does not accept.",
            "The Content-Type is not application/json or application/merge-patch+json, or the body"
            " is compressed.",
            "Send the body as plain JSON with “Content-Type: application/json”.",
            "Send the body as application/json.",
        ),
        ProblemCode(
            "invalid",
            422,
            "Some fields need attention",
            "The request can be read, but at least one field breaks a rule. Nothing was changed.",
            "A field is unknown, missing, too long, or does not fit the others.",
            "“errors” has an entry for each field: its path and a sentence. “detail” repeats the"
            " first.",
            "slug: Use at most 63 characters.",
        ),
        ProblemCode(
            "event_refused",
            422,
            "The event is refused",
            "A genuine request to an inbound webhook was not published.",
            "Its content does not fit the JSON Schema of its event type.",
            "Correct what the sender sends, or the schema of the event type.",
            "The event is refused",
        ),
        ProblemCode(
            "locked",
            423,
            "This is disabled",
            "The record is disabled, so nothing was done.",
            "A person disabled it, and it stays disabled until a person enables it.",
            "Enable it first.",
            "This is disabled",
        ),
        ProblemCode(
            "rate_limited",
            429,
            "Too many requests",
            "The request was not done.",
            "The caller sent more requests than its limit allows.",
            "Wait for the seconds in Retry-After, then go on more slowly.",
            "Rate limit of this key exceeded (60/min).",
        ),
        ProblemCode(
            "quota_exceeded",
            429,
            "Your tenant is over its quota",
            "The request was not done.",
            "All callers of your tenant together send more requests or events per second than your"
            " tenant may.",
            "Wait for the seconds in Retry-After. If it happens often, ask your platform's"
            " operators for a higher quota.",
            "Your tenant's quota is 100 requests per second.",
        ),
        ProblemCode(
            "internal_error",
            500,
            "Something went wrong",
            "Something failed on our side. The answer says if a part was saved.",
            "This is a defect of the portal.",
            "Try again later. If it happens again, tell your platform's operators the request id.",
            "Something failed on our side.",
        ),
        ProblemCode(
            "secret_damaged",
            500,
            "A stored secret is damaged",
            "A stored secret cannot be used.",
            "Its bytes were altered, or were moved from another place.",
            "Enter the credentials again, and tell your platform's operators the request id.",
            "A stored secret is damaged",
        ),
        ProblemCode(
            "secret_store_denied",
            502,
            "The secret store refused the portal",
            "The secret was not read or written.",
            "The portal's own credentials for the secret store are wrong, expired, or lack a"
            " permission.",
            "Tell your platform's operators the request id. Trying again does not help.",
            "The secret store refused the portal",
        ),
        ProblemCode(
            "unavailable",
            503,
            "Not available right now",
            "The request was not done.",
            "Something that the portal depends on does not answer, or the request took too long.",
            "Try again after the seconds in Retry-After. If it takes too long, ask for less.",
            "The database does not answer right now. Try again in a moment.",
        ),
        ProblemCode(
            "busy",
            503,
            "Another change of this is not done yet",
            "Nothing was changed.",
            "Another request, a job or a person changes the same data, and takes longer than this"
            " one could wait.",
            "Send the request again after the seconds in Retry-After.",
            "Another change of this is not done yet, so nothing was changed. Send it again in a"
            " moment.",
        ),
        ProblemCode(
            "not_saving",
            503,
            "Saving does not work right now",
            "Nothing was saved. What is stored can still be read.",
            "The database can be read but not written.",
            "Try again after the seconds in Retry-After.",
            "The database accepts no changes, so nothing can be saved until that has changed.",
        ),
        ProblemCode(
            "unknown_outcome",
            503,
            "This may have been saved",
            "It is not known whether the change was saved, or a verification counted.",
            "The connection to the database broke while the change was being saved, or after a part"
            " of it was, or the database gave no answer.",
            "Read the record, or send the request again with the same Idempotency-Key: it is then"
            " done at most once. A verification that repeats its own reservation_id takes"
            " nothing twice; another one may be counted twice.",
            "The connection to the database broke while this was being saved.",
        ),
        ProblemCode(
            "secret_store_unavailable",
            503,
            "The secret store does not answer",
            "The secret was not read or written.",
            "The secret store does not answer, or answers with an error of its own.",
            "Try again after the seconds in Retry-After.",
            "The secret store does not answer",
        ),
        ProblemCode(
            "secret_store_sealed",
            503,
            "The secret store is locked",
            "The secret was not read or written.",
            "The secret store is sealed, or lacks the key with which its secrets are encrypted.",
            "Tell your platform's operators. What needs no secret still works.",
            "The secret store is locked",
        ),
        ProblemCode(
            "token_signing_sealed",
            503,
            "Tokens cannot be signed now",
            "No token was issued.",
            "The signing key is encrypted with a root key that this process does not have.",
            "Tell your platform's operators. API keys still work.",
            "Tokens cannot be signed now",
        ),
    )
)
