"""Pydantic models of what a client sends about keys, and of what it receives."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic.config import JsonDict

from portal.applications.schemas import Scopes
from portal.core.errors import FieldError, Invalid
from portal.outbound.networks import ADDRESS, NETWORK, parse
from portal.records.health import RecordHealth
from portal.records.schemas import (
    WORD,
    Command,
    Document,
    Line,
    Moment,
    Money,
    Name,
    RecordId,
    Rules,
    ShortText,
    Tags,
    WebAddress,
)

Kind = Literal["user", "service", "virtual_llm"]
Status = Literal["active", "revoked", "expired"]


def _unique(values: list[str]) -> list[str]:
    return sorted(set(values))


ModelName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120, pattern=r"^[\w][\w.:/@+-]*$"),
    Rules(pattern=rf"^{WORD}([.:/@+-]|{WORD})*$"),
]
# Field → the kind of key that has it, and its name in an error message.
BELONGS_TO = {
    "issued_to_user_id": ("user", "a user"),
    "issued_to_service": ("service", "a service"),
    "allowed_models": ("virtual_llm", "a list of models"),
}
Limit = Annotated[int, Field(ge=1, le=2_147_483_647)]
Period = Literal["none", "day", "week", "month"]


def _network(text: str) -> str:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError("Give an address or a network such as 203.0.113.0/24.") from None
    # An IPv4-mapped IPv6 network is stored as IPv4, as addresses are when they are compared.
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        return f"{mapped}/{network.prefixlen - 96}"
    return str(network)


Cidr = Annotated[str, AfterValidator(_network), Rules(pattern=NETWORK)]


def _address(text: str) -> str:
    if (meant := parse(text)) is None:
        raise ValueError("Give an internet address.")
    return str(meant)


def _only_if(other: str, value: str | bool, field: str) -> JsonDict:
    """Return the rule of a JSON schema by which a field is empty unless another has a value."""
    return {
        "anyOf": [
            {"required": [other], "properties": {other: {"const": value}}},
            {"properties": {field: {"maxLength": 0, "maxItems": 0}}},
        ]
    }


Delivery = Literal["shown", "link", "store"]
DELIVERED = (
    "shown: the answer has the key. link: the answer has a link that shows the key once to whoever"
    " opens it first, within 72 hours. store: the key goes to the secret store, and nobody sees it."
)


class IssueKey(Command):
    """The fields of a new key. All are optional: `{}` issues a service key without scopes.

    A key without scopes authenticates, but may do nothing: every right is granted by name.
    """

    server_managed: ClassVar[frozenset[str]] = frozenset(
        {
            "health",
            "key",
            "key_hash",
            "prefix",
            "key_prefix",
            "last4",
            "key_fingerprint",
            "status",
            "spend_usd",
            "last_used_at",
            "created_by_user_id",
            "revoked_at",
            "revoked_reason",
            "revoke_at",
            "brownout_from",
            "parent_key_id",
            "rotation_family_id",
            "application_status",
        }
    )

    write_only: ClassVar[frozenset[str]] = frozenset({"delivery"})
    model_config = ConfigDict(
        json_schema_extra={
            "dependentSchemas": {
                **{field: _only_if("kind", kind, field) for field, (kind, _) in BELONGS_TO.items()},
                "blocked_reason": _only_if("blocked", True, "blocked_reason"),
            }
        }
    )

    name: Name | None = Field(None, description="Human-readable label for this key.")
    application_id: RecordId | None = Field(
        None,
        description="Owning application id. It must be one that runs: no library, neither"
        " suspended nor retired. A key without one sees the whole tenant.",
    )
    kind: Kind = Field(
        "service",
        description="Key classification. user = a person's; service = a program's; virtual_llm"
        " = for language models.",
    )
    issued_to_user_id: ShortText | None = Field(
        None,
        description="User this key was issued to, if kind=user. It is the creator when left out.",
    )
    issued_to_service: ShortText | None = Field(
        None, description="Service name this key was issued to, if kind=service."
    )
    scopes: Scopes = Field(
        default=[],
        max_length=50,
        description="Permission scopes granted to this key. At most those of the key's creator.",
    )
    allowed_models: Annotated[list[ModelName], AfterValidator(_unique)] = Field(
        default=[],
        max_length=100,
        description="If kind=virtual_llm, allowlist of model identifiers.",
    )
    tpm_limit: Limit | None = Field(None, description="Tokens per minute rate limit.")
    rpm_limit: Limit | None = Field(None, description="Requests per minute rate limit.")
    max_budget_usd: Money | None = Field(None, description="Maximum spend cap in USD.")
    expires_at: Moment | None = Field(
        None, description="Expiry timestamp; null for non-expiring keys. It must lie in the future."
    )
    blocked: bool = Field(False, description="Whether this key is blocked from making requests.")
    blocked_reason: ShortText | None = Field(None, description="Reason the key was blocked.")
    rotated_from_key_id: RecordId | None = Field(
        None, description="ID of the key this was rotated from."
    )
    tags: Tags = Field(default=[], description="Free-form tags.")
    budget_period: Period = Field(
        "none",
        description="Period after which the budget is reset, by the calendar of the tenant's"
        " time zone. none = never.",
    )
    allowed_ips: Annotated[list[Cidr], AfterValidator(_unique)] = Field(
        default=[],
        max_length=100,
        description="Networks that it, and a token made from it, may be used from; empty for all. A"
        " service that checks tokens with the key set does not see these networks.",
    )
    max_uses: Limit | None = Field(
        None,
        description="Maximum number of uses, counted while the key has one; null for no limit. A"
        " key that has one issues no keys.",
    )
    delivery: Delivery = Field("shown", description=DELIVERED)

    @field_validator("issued_to_user_id", "issued_to_service", "allowed_models")
    @classmethod
    def of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """Return the value, None for an empty text. Raises ValueError if the field belongs to
        another kind of key."""
        assert info.field_name is not None  # noqa: S101 - a field's validator has a field
        kind, what = BELONGS_TO[info.field_name]
        if value and info.data.get("kind", kind) != kind:
            raise ValueError(f"Only a key of kind {kind} has {what}.")
        return None if value == "" else value

    @field_validator("blocked_reason")
    @classmethod
    def of_a_blocked_key(cls, value: Any, info: ValidationInfo) -> Any:
        """Return the reason, None for an empty one. Raises ValueError if the key is not blocked."""
        if value and not info.data.get("blocked", True):
            raise ValueError("Only a blocked key has a reason for it.")
        return value or None


class EditKey(Command):
    """The settings of a key that can be changed after it was issued.

    The others are fixed; sent with the value that they have, they are ignored.
    """

    server_managed: ClassVar[frozenset[str]] = IssueKey.server_managed

    name: Name | None = Field(None, description="Human-readable label for this key.")
    tags: Tags = Field(default=[], description="Free-form tags.")
    expires_at: Moment | None = Field(
        None,
        description="Expiry timestamp; null for non-expiring keys. A time in the past ends the key"
        " at once, and for good.",
    )
    rpm_limit: Limit | None = Field(None, description="Requests per minute rate limit.")
    tpm_limit: Limit | None = Field(None, description="Tokens per minute rate limit.")
    max_uses: Limit | None = Field(
        None,
        description="Maximum number of uses, counted while the key has one; null for no limit. A"
        " parent key has none.",
    )
    max_budget_usd: Money | None = Field(
        None,
        description="Maximum spend cap in USD. Below what was spent in this period, calls are"
        " refused until the budget is reset.",
    )
    budget_period: Period = Field(
        "none",
        description="Period after which the budget is reset; none = never. It is changed for all"
        " keys that share the budget, and what was spent stays counted.",
    )

    @classmethod
    def patched(cls, record: Any, patch: Mapping[str, Any]) -> Self:
        """Return the stored settings with the patch applied. Raises Invalid for another value of a
        field that is fixed."""
        fixed = patch.keys() & FIXED
        changed = sorted(name for name in fixed if patch[name] != getattr(record, name))
        if changed:
            raise Invalid(
                [FieldError(name, FIXED_WORDS.get(name, FIXED_FOR_ALL)) for name in changed]
            )
        return super().patched(record, {n: value for n, value in patch.items() if n not in fixed})


FIXED = frozenset(IssueKey.columns()) - frozenset(EditKey.columns())
FIXED_FOR_ALL = "This cannot be changed once the key is issued. Issue a new key instead."
BLOCKED_WORDS = "Use the operations block and unblock for this."
FIXED_WORDS = {
    "scopes": "Scopes are fixed. Rotate the key to give its successor other scopes.",
    "blocked": BLOCKED_WORDS,
    "blocked_reason": BLOCKED_WORDS,
}


class StopKey(Command):
    """The reason why a key is revoked or blocked, for people who ask later."""

    reason: Annotated[Line, StringConstraints(max_length=200)] | None = Field(
        None, description="Reason, in a sentence for people."
    )


class KeyDocument(Document):
    """A key as a client reads it (specification: IntegrationApiKey), without the raw key."""

    name: str = Field(description="Human-readable label for this key.")
    application_id: str | None = Field(description="Owning application id.")
    kind: Kind = Field(description="Key classification.")
    prefix: str = Field(description="First 8 chars of raw key for UI display, e.g. sk-acme-.")
    key_prefix: str = Field(description="First chars of the raw key for UI display only.")
    last4: str = Field(description="Last 4 characters of the raw key, for display only.")
    key_fingerprint: str = Field(
        description="SHA-256 hash of the raw key. Raw key is never stored."
    )
    issued_to_user_id: str | None = Field(description="User this key was issued to, if kind=user.")
    issued_to_service: str | None = Field(
        description="Service name this key was issued to, if kind=service."
    )
    scopes: list[str] = Field(description="Permission scopes granted to this key.")
    allowed_models: list[str] = Field(
        description="If kind=virtual_llm, allowlist of model identifiers."
    )
    tpm_limit: int | None = Field(description="Tokens per minute rate limit.")
    rpm_limit: int | None = Field(description="Requests per minute rate limit.")
    max_budget_usd: float | None = Field(description="Maximum spend cap in USD.")
    spend_usd: float = Field(description="Cached spend counter in USD.")
    status: Status = Field(description="Operational status of the key.")
    blocked: bool = Field(description="Whether this key is blocked from making requests.")
    blocked_reason: str | None = Field(description="Reason the key was blocked.")
    last_used_at: datetime | None = Field(
        description="Timestamp of the last successful use of this key. A use is a call with it or"
        " with a token of it, a verification that is valid, or an introspection that is active."
    )
    expires_at: datetime | None = Field(description="Expiry timestamp; null for non-expiring keys.")
    revoked_at: datetime | None = Field(description="Time when it was revoked; null if it was not.")
    revoked_reason: str | None = Field(description="Reason the key was revoked.")
    rotated_from_key_id: str | None = Field(description="ID of the key this was rotated from.")
    created_by_user_id: str | None = Field(description="ID of the user who created this key.")
    tags: list[str] = Field(description="Free-form tags.")
    budget_period: Period = Field(description="Period after which the budget is reset.")
    allowed_ips: list[str] = Field(
        description="Networks that it, and a token made from it, may be used from; empty for all."
    )
    max_uses: int | None = Field(description="Maximum number of uses; null for no limit.")
    parent_key_id: str | None = Field(description="Id of the key that this one is a child of.")
    rotation_family_id: str | None = Field(
        description="Id of the first key of its family, which are its predecessors, successors and"
        " children: they share one budget. null for that first key itself."
    )
    revoke_at: datetime | None = Field(
        description="Time at which it will be revoked; null if nothing is planned."
    )
    brownout_from: datetime | None = Field(
        description="Time from which it is denied for short periods before it is revoked."
    )
    application_status: str | None = Field(
        description="Status of the owning application: suspended and retired stop what belongs"
        " to it."
    )
    health: RecordHealth = Field(
        description="Health of the key: its state, end, budget, use, rotation and leaks."
    )


class RehearseKey(Command):
    """The requirements of a rehearsed call. A scope or a model left out is not checked.

    A key with allowed networks is refused if `ip` is left out.
    """

    scope: ShortText | None = Field(None, description="Permission that the call needs.")
    model: ShortText | None = Field(None, description="Model that the call is for.")
    cost_tokens: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = Field(
        None, description="Tokens that the call will need, estimated."
    )
    estimated_usd: Money | None = Field(
        None,
        description="Highest cost of the call in US dollars, reserved until settled. Under a budget"
        " that is used up, a call of 0 is refused too.",
    )
    ip: Annotated[ShortText, AfterValidator(_address), Rules(pattern=ADDRESS)] | None = Field(
        None, description="Address that the holder calls from."
    )


class VerifyKey(RehearseKey):
    """A request to verify a key for a call."""

    may_hold_keys: ClassVar[frozenset[str]] = frozenset({"key"})

    key: Annotated[str, StringConstraints(max_length=300)] = Field(
        description="The raw key, as its holder sent it."
    )
    dry_run: bool = Field(False, description="Consume nothing, and give the trace of checks.")
    reservation_id: (
        Annotated[str, StringConstraints(min_length=8, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]
        | None
    ) = Field(
        None,
        description="Your own id for the reservation of `estimated_usd`: a call that repeats it"
        " takes nothing again, until it expires unsettled. With another key or amount it is a"
        " 409.",
    )


class RotateKey(Command):
    """The overlap of a rotation, and what its successor may do.

    The overlap is how long the old key still works beside its successor, whose uses are counted
    from zero.
    """

    overlap: Literal["now", "1h", "24h", "7d", "until_quiet"] = Field(
        "24h", description="until_quiet: until nobody used the old key for a day, 30 days at most."
    )
    scopes: Scopes | None = Field(
        None,
        max_length=50,
        description="Scopes of the successor: at most those that the caller may grant and the"
        " application allows. Those of the old key when left out.",
    )
    delivery: Delivery = Field("shown", description=DELIVERED)


class ChildKey(Command):
    """The settings of a short-lived key with a part of its parent's rights.

    It spends its parent's budget. It has the same limits per minute as its parent, but its calls
    are counted separately.
    """

    name: Name | None = Field(None, description="Human-readable label of the child.")
    scopes: Scopes | None = Field(
        None, max_length=50, description="At most its parent's, which it gets when left out."
    )
    lifetime_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        3600,
        description="Lifetime in seconds. It ends no later than its parent expires or, as planned,"
        " is revoked.",
    )
    max_uses: Limit | None = Field(None, description="Maximum number of uses; null for no limit.")
    allowed_ips: Annotated[list[Cidr], AfterValidator(_unique)] = Field(
        default=[], max_length=100, description="Part of its parent's networks, or all of them."
    )


class RevokeKey(StopKey):
    """The time when a key ends; immediately if nothing is given."""

    at: Moment | None = Field(
        None, description="Time at which it ends, in the future; immediately when left out."
    )
    brownout: bool = Field(
        False, description="Deny for a minute now, longer each hour, until it ends after six."
    )


Weak = Literal[
    "expiring", "owner_gone", "many_sources", "idle", "never_used", "never_expires",
    "unrestricted", "no_budget",
]  # fmt: skip


class RevokeKeys(Command):
    """The keys to revoke or block: those that meet every condition that is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "properties": {
                    name: {"type": "null"}
                    for name in ("application_id", "owner", "tag", "created_before", "weakness")
                }
            }
        }
    )

    application_id: RecordId | None = Field(None, description="Only keys of this application.")
    owner: ShortText | None = Field(None, description="Created by or issued to this person's id.")
    tag: ShortText | None = Field(None, description="Only keys with this tag.")
    created_before: Moment | None = Field(
        None, description="Only keys that were created before this time."
    )
    weakness: Weak | None = Field(
        None, description="Only active keys with this weakness, as in the posture."
    )
    verb: Literal["revoke", "block"] = Field(
        "revoke", description="Action: block can be undone, revoke cannot."
    )
    reason: Annotated[Line, StringConstraints(max_length=200)] | None = Field(
        None, description="Reason, in a sentence for people."
    )
    dry_run: bool = Field(True, description="Only count the keys; false carries it out.")


class ExplainRequest(Command):
    """The id of a refused request."""

    request_id: Annotated[str, StringConstraints(max_length=60)] = Field(
        "", description="The X-Request-Id of the answer that refused."
    )


class ReportLeak(Command):
    """A key that a scanner found, identified by its fingerprint only."""

    fingerprint: Annotated[
        str, StringConstraints(min_length=64, max_length=64, pattern=r"^[0-9a-f]+$")
    ] = Field(description="Hex SHA-256 of the key. Never send the key itself.")
    url: Annotated[WebAddress, StringConstraints(max_length=2000)] | None = Field(
        None, description="Web address of the place where the key was found."
    )


class ReportedDocument(BaseModel):
    """The key that has the reported fingerprint, if any, and the response to the leak."""

    key_id: str | None = Field(
        description="Id of the key with this fingerprint; null if there is none."
    )
    response: Literal["notify", "block", "revoke"] | None = Field(
        description="Action that the tenant's policy took. Of a place that was reported before,"
        " what holds for the key now: notify means that it works. Null if there is no such key."
    )


class NamedDocument(BaseModel):
    """The id and the name of a key."""

    id: str = Field(description="Id of the key.")
    name: str = Field(description="Name of the key.")


class RevokedDocument(BaseModel):
    """The number of keys that a change of many selects or has changed, and some of them."""

    count: int = Field(
        description="Number of keys that meet the conditions; without `dry_run`, of those that were"
        " changed."
    )
    left: int = Field(
        description="Number of these keys that are not changed yet. Repeat the call until it is 0."
    )
    dry_run: bool = Field(description="True if nothing was changed.")
    sample: list[NamedDocument] = Field(description="Some of the keys.")


class CountedDocument(BaseModel):
    """The number of calls with one value, such as a source or a scope, and the last of them."""

    what: str = Field(description="The source or the scope.")
    calls: int = Field(description="Number of calls in the last 24 hours.")
    last_at: datetime = Field(description="Time of the last call.")


class ImpactDocument(BaseModel):
    """The use of a key in the last 24 hours, which shows what would break without it."""

    key_id: str = Field(description="Id of the key.")
    calls: int = Field(
        description="Number of calls in the last 24 hours. A verification that is valid and an"
        " introspection that is active are calls, too."
    )
    sources: list[CountedDocument] = Field(
        description="Addresses that it was called from, as far as they are known: an introspection"
        " does not name one."
    )
    scopes: list[CountedDocument] = Field(
        description="Scopes that were used; `oauth:introspect` for introspections, which do not"
        " name one, and `oauth:token` for exchanges."
    )
    children: int = Field(
        description="Number of its child keys that work; none while the key itself is stopped."
    )


class PostureDocument(BaseModel):
    """The number of active keys with each weakness. A key can have several."""

    expiring: int = Field(description="Keys that expire within 14 days.")
    owner_gone: int = Field(description="Keys of a person who has not been here for 90 days.")
    many_sources: int = Field(description="Keys called from more than 10 addresses in a week.")
    idle: int = Field(description="Keys that were used once, but not for 90 days.")
    never_used: int = Field(description="Keys that were issued more than a day ago and never used.")
    never_expires: int = Field(description="Keys without an expiry.")
    unrestricted: int = Field(description="Keys without a limit, a budget or a network.")
    no_budget: int = Field(description="Keys without a budget.")


class PropagationDocument(BaseModel):
    """The number of verifying processes that have received a key's newest change."""

    verifiers: int = Field(description="Processes that may answer from memory.")
    heard: int = Field(description="Those of them that have heard.")
    milliseconds: float | None = Field(
        description="Milliseconds from the writing of the change until the last of them had heard,"
        " so with the time of saving it and all that was changed with it. Without those that began"
        " later; null if that is not known of all of them."
    )
    cut_off: list[str] = Field(
        description="Hosts that have not said that they heard and are silent, with all their"
        " processes. They do not answer VALID any more: those that are cut off answer 503."
    )


Tokens = Annotated[int, Field(ge=0, le=10_000_000_000)]


class SettleReservation(Command):
    """The actual cost of a reserved call."""

    cost_usd: Money | None = Field(
        None, description="US dollars; what was reserved when left out, 0 for a call that failed."
    )
    tokens: Tokens | None = Field(None, description="Tokens that it used.")
    model: ShortText | None = Field(None, description="The model that it was for.")


class SpendOnKey(Command):
    """A cost that is recorded on a key after the call."""

    usage_id: (
        Annotated[
            str, StringConstraints(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.:-]+$")
        ]
        | None
    ) = Field(
        None,
        description="Your id of this line: the same id is written once. One of another key, or of a"
        " reservation, is a 409.",
    )
    cost_usd: Money = Field(Decimal(0), description="US dollars.")
    tokens: Tokens | None = Field(None, description="Tokens that were used.")
    model: ShortText | None = Field(None, description="The model that it was for.")


class VerdictCheck(BaseModel):
    """One check of a decision."""

    code: str = Field(description="Code with which this check refuses.")
    passed: bool = Field(description="True if the check was passed.")
    detail: str = Field(description="The check, as a sentence.")


class LimitDocument(BaseModel):
    """One limit of a key. `remaining` is null if it is not known."""

    name: str = Field(description="Name of the limit, such as rpm.")
    limit: int = Field(description="Number that is allowed in one window.")
    remaining: int | None = Field(description="Number that is left; null if it is not known.")
    reset_at: datetime | None = Field(
        description="For a refused call, the time when it fits; otherwise, when this call no longer"
        " counts."
    )


class BudgetDocument(BaseModel):
    """The budget that a key shares with its predecessors, successors and children, in US
    dollars."""

    max_usd: float | None = Field(description="Maximum spend; null for no limit.")
    spent_usd: float = Field(description="Amount that was spent in this period.")
    reserved_usd: float = Field(
        description="Amount that is reserved: for calls in progress and, for at most half a minute,"
        " for the next calls of a key that is called often."
    )
    available_usd: float | None = Field(description="Amount that is left; null for no limit.")
    period_end: datetime | None = Field(
        description="Time when the period ends; null if it never does."
    )


class SpentDocument(BaseModel):
    """A line of the ledger and the budget after it. `repeated`: the line existed already."""

    id: str = Field(description="Id of the line.")
    key_id: str = Field(description="Id of the key that pays.")
    cost_usd: float = Field(description="Cost in US dollars.")
    repeated: bool = Field(description="True if the line existed before.")
    budget: BudgetDocument = Field(description="The budget after it.")


class ExplanationDocument(BaseModel):
    """The reason why a request was refused: its checks in their order."""

    request_id: str = Field(description="Id of the refused request.")
    denied_at: datetime = Field(description="Time of the refusal.")
    key_id: str | None = Field(description="Id of the key; null if none was found.")
    code: str = Field(description="Code of the refusal.")
    source: str | None = Field(description="Address of the caller.")
    trace: list[VerdictCheck] = Field(description="The checks, in their order.")


class Verdict(BaseModel):
    """The answer to the verification of a key."""

    valid: bool = Field(description="True if the call may be made.")
    code: str = Field(description="VALID, or the reason of the refusal.")
    key_id: str | None = Field(description="Id of the key; null if none was found.")
    name: str | None = Field(description="Name of the key.")
    kind: str | None = Field(description="Kind of the key.")
    tenant_id: str | None = Field(description="Tenant of the key.")
    application_id: str | None = Field(description="Id of the owning application.")
    app_id: str | None = Field(description="Slug of the owning application.")
    scopes: list[str] = Field(description="Scopes of the key.")
    expires_at: datetime | None = Field(
        description="Time when the key expires, or is revoked as planned; null for never."
    )
    limits: list[LimitDocument] = Field(description="The limits of the key, after this call.")
    budget: BudgetDocument | None = Field(
        description="The budget of the key, after this call. For a key that is called often, what"
        " was settled or spent elsewhere may be missing for up to half a minute."
    )
    reservation_id: str | None = Field(
        description="Id to settle the reserved cost with; null if nothing was reserved."
    )
    trace: list[VerdictCheck] | None = Field(None, description="Every check, on a dry run.")
