"""The forms that issue and rotate a key, and the sentence that describes the new key."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from wtforms import HiddenField

from portal.identity.scope_grid import ScopesField, may_all, without
from portal.keys.issuing import one_time_links
from portal.keys.models import ApiKey
from portal.keys.schemas import BELONGS_TO, ChildKey, IssueKey, RotateKey
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    HiddenWired,
    LinesField,
    MomentField,
    MoneyField,
    NumberField,
    PickField,
    Sentence,
    Strong,
    TagsField,
    TextField,
    listed,
    named,
    series,
)

KIND_CHOICES = [
    ("service", "Service: a program calls with it"),
    ("user", "User: a person calls with it"),
    ("virtual_llm", "Virtual LLM: it calls language models"),
]
STATUS_CHOICES = [("active", "Active"), ("expired", "Expired"), ("revoked", "Revoked")]
NEVER, CUSTOM = "never", "custom"
LIFETIMES = [
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    (NEVER, "Never"),
    (CUSTOM, "On a day of your choice"),
]
DEFAULT_LIFETIME = "90"
Named = Sequence[tuple[str, str]]  # (id, name)
SHOWN, LINK, STORE = "shown", "link", "store"
DELIVERIES = [
    (SHOWN, "Show it here, once"),
    (LINK, "A one-time link for somebody else, good for 72 hours"),
    (STORE, "Write it to the secret store and never show it"),
]
PERIODS = [
    ("none", "Never"),
    ("day", "Every day"),
    ("week", "Every week"),
    ("month", "Every month"),
]

SPANS = {"day": "a day", "week": "a week", "month": "a month"}
NOT_YOURS = "you do not have it"
NOT_ALLOWED = "its application does not allow it"


def _delivery() -> ChoiceField:
    return ChoiceField("Deliver the key", choices=DELIVERIES, default=SHOWN)


class HandsOver:
    """A form that makes a key, with the choice of how the key is delivered."""

    delivery: ChoiceField

    @property
    def way(self) -> str:
        """Return how the key is delivered."""
        chosen = self.delivery.data
        return chosen if chosen in (LINK, STORE) else SHOWN

    @property
    def handed_over(self) -> str:
        """Return a sentence about how the key is delivered."""
        return {
            SHOWN: "You see it once.",
            LINK: "Whoever opens the link first sees it once; you do not.",
            STORE: "It goes to the secret store and nobody sees it here.",
        }[self.way]


class IssueKeyForm(HandsOver, CommandForm[IssueKey]):
    """The form that issues a key."""

    # A lost response can be sent again to this very form with this secret, which is stored nowhere.
    form_secret = HiddenField(default=one_time_links.new_secret)

    name = TextField(
        "Name",
        needed="Enter a name.",
        description="Name shown to people, for example Nightly export.",
    )
    application_id = PickField(
        "Application",
        of="running-applications",
        description="Calls with the key act as this application: they see and stamp its records"
        " only. Without one they see the whole tenant.",
    )
    kind = ChoiceField("Kind", choices=KIND_CHOICES, default="service")
    issued_to_user_id = PickField("Issued to user", of="people")
    issued_to_service = TextField("Issued to service", description="For example billing-export.")
    allowed_models = LinesField(
        "Allowed models", description="Model identifiers, one a line. Empty for all."
    )
    scopes = ScopesField("Scopes", description="Nothing is granted that is not ticked.")
    lifetime = ChoiceField("Expires", choices=LIFETIMES, default=DEFAULT_LIFETIME)
    expires_at = MomentField("Expires on", description="In UTC.")
    rpm_limit = NumberField("Requests per minute", description="Empty for no limit.")
    tpm_limit = NumberField("Tokens per minute", description="Empty for no limit.")
    max_budget_usd = MoneyField("Budget, US dollars", description="Empty for no limit.")
    budget_period = ChoiceField("Budget resets", choices=PERIODS, default="none")
    max_uses = NumberField("Maximum uses", description="Empty for no limit.")
    allowed_ips = LinesField(
        "Allowed networks",
        description="Addresses or networks (203.0.113.0/24), one a line. Empty for all.",
    )
    tags = TagsField("Tags", description="Separated by commas.")
    delivery = _delivery()
    rotated_from_key_id = HiddenWired()

    sentence_of = (
        "name", "application_id", "scopes", "lifetime", "expires_at", "rpm_limit", "tpm_limit",
        "max_budget_usd", "budget_period", "max_uses", "allowed_ips", "delivery",
    )  # fmt: skip
    names: dict[str, str] = {}

    def offer(
        self,
        applications: Named,
        people: Named,
        grantable: Collection[str],
        allowed: Collection[str],
    ) -> None:
        """Fill the choices with what this person may choose.

        `grantable` are the person's scopes, `allowed` those of the chosen application.
        """
        self.names = dict(applications)
        self.application_id.offer([("", "None: the whole tenant"), *applications])
        self.issued_to_user_id.offer([("", "You"), *people])
        forbids = f"{self.names.get(self.application_id.data, 'its application')} does not allow it"
        self.scopes.offer(without(allowed, forbids) | without(grantable, NOT_YOURS))
        if not self.is_submitted():  # a sent form gets an error instead
            self.scopes.data = [s for s in self.scopes.data or () if s not in self.scopes.refused]

    def follow(self, record: ApiKey) -> None:
        """Fill the form for the successor of a key, without its expiry."""
        self.rotated_from_key_id.data = record.id
        self.expires_at.data = None

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the values, with the lifetime as a time and without fields of another kind of
        key."""
        document = super().document(stored)
        document.pop("delivery", None)
        lifetime = document.pop("lifetime", NEVER)
        if lifetime != CUSTOM:
            document["expires_at"] = expiry(lifetime)
        elif not document.get("expires_at"):
            document["expires_at"] = ""  # the command reports the error
        for name, (kind, _) in BELONGS_TO.items():
            if document.get("kind") != kind:
                document.pop(name, None)
        return document

    @property
    def sentence(self) -> Sentence:
        """Return what the key can do, whose records, until when, and its limits."""
        expires: Any = self.lifetime.data
        if expires == CUSTOM:
            expires = moment(self.expires_at.sent())
        elif expires != NEVER:
            expires = expiry(str(expires))
        said = summary(
            self.name.data,
            self.scopes.data or [],
            self.names.get(self.application_id.data, ""),
            expires,
        )
        return said.then(*self.bounds, self.handed_over)

    @property
    def bounds(self) -> Iterator[str]:
        """Yield the limits, the budget and the networks that are filled in, as sentences."""
        counts = {
            "requests per minute": self.rpm_limit.sent(),
            "tokens per minute": self.tpm_limit.sent(),
            "uses": self.max_uses.sent(),
        }
        parts = [f"{count:,} {noun}" for noun, count in counts.items() if isinstance(count, int)]
        if budget := self.max_budget_usd.sent():
            parts.append(f"${budget} {SPANS.get(str(self.budget_period.data), 'in all')}")
        if parts:
            yield f"At most {listed(parts)}."
        if networks := self.allowed_ips.sent():
            yield f"Only from {listed(networks)}."


OVERLAPS = [
    ("now", "Now", "The old key is refused from its next request on."),
    ("1h", "One hour", "Time to restart one program."),
    ("24h", "24 hours", "Time for a deployment. Most choose this."),
    ("7d", "7 days", "Time for other people to act."),
    (
        "until_quiet",
        "Until it is quiet",
        "Ends by itself when nobody used it for a day; 30 days at most.",
    ),
]


class RotateKeyForm(HandsOver, CommandForm[RotateKey]):
    """The form that issues the successor of a key."""

    form_secret = HiddenField(default=one_time_links.new_secret)  # see IssueKeyForm

    overlap = ChoiceField(
        "How long both keys live", choices=[choice[:2] for choice in OVERLAPS], default="24h"
    )
    delivery = _delivery()
    has_scopes = HiddenField(default="1")
    scopes = ScopesField("Scopes", description="Rights of the new key. The old key keeps its own.")

    def offer(
        self, grantable: Collection[str], allowed: Collection[str], own: Collection[str]
    ) -> None:
        """Offer the person's scopes that the application allows; at first, the old key's are
        ticked."""
        self.scopes.offer(without(allowed, NOT_ALLOWED) | without(grantable, NOT_YOURS))
        if not self.is_submitted():
            self.scopes.data = [scope for scope in own if scope not in self.scopes.refused]

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the overlap, and the scopes if the form had them. The delivery is not part of the
        command."""
        document = super().document(stored)
        document.pop("delivery", None)
        if not self.has_scopes.raw_data:
            document.pop("scopes")
        return document


CHILD_LIFETIMES = [
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("28800", "8 hours"),
    ("86400", "24 hours"),
]


class ChildKeyForm(CommandForm[ChildKey]):
    """The form that issues a short-lived key with a part of another key's rights."""

    form_secret = HiddenField(default=one_time_links.new_secret)  # see IssueKeyForm

    name = TextField(
        "Name",
        needed="Enter a name.",
        description="Name shown to people, for example Import of today.",
    )
    scopes = ScopesField("Scopes", description="At most those of the parent key.")
    lifetime_seconds = ChoiceField("Expires in", choices=CHILD_LIFETIMES, default="3600")
    max_uses = NumberField("Maximum uses", description="Empty for no limit.")
    allowed_ips = LinesField(
        "Allowed networks", description="One a line. Empty for all networks of the parent key."
    )

    sentence_of = ("name", "scopes", "lifetime_seconds", "max_uses", "allowed_ips")

    @property
    def sentence(self) -> Sentence:
        """Return what the key can do, and for how long."""
        rights = [Strong(right) for right in may_all(self.scopes.data or ())]
        key = named(self.name.data, "This key")
        if not rights:
            return Sentence(*key, " can do nothing yet: no scope is ticked.")
        span = dict(CHILD_LIFETIMES).get(str(self.lifetime_seconds.data))
        lasts = [" for ", Strong(span)] if span else []
        return Sentence(*key, " can ", *series(rights), *lasts, ". You see it once.")

    def offer(self, grantable: Collection[str], own: Collection[str]) -> None:
        """Offer the parent's scopes, all of them ticked at first."""
        self.scopes.offer(
            without(grantable, NOT_YOURS) | without(own, "its parent does not have it")
        )
        if self.scopes.raw_data is None:  # neither sent, nor asked for the sentence
            self.scopes.data = self.scopes.grantable

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the values, with the lifetime as a number."""
        document = super().document(stored)
        chosen = str(document.get("lifetime_seconds", ""))
        if chosen in dict(CHILD_LIFETIMES):
            document["lifetime_seconds"] = int(chosen)
        return document


def expiry(lifetime: str) -> datetime | None:
    """Return when a key with this lifetime in days expires; None if it does not expire."""
    if not (lifetime.isascii() and lifetime.isdigit() and len(lifetime) < 5):
        return None
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=int(lifetime))


def moment(typed: Any) -> datetime | None:
    """Return the typed day as a time; None if it is not a valid one (yet)."""
    if isinstance(typed, datetime):
        return typed
    try:
        at = datetime.fromisoformat(str(typed))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def summary(
    name: str | None, scopes: Iterable[str], application: str, expires: datetime | str | None
) -> Sentence:
    """Return one sentence for the form: the rights, whose records, and until when."""
    key = named(name, "This key")
    rights = [Strong(right) for right in may_all(scopes)]
    if not rights:
        return Sentence(*key, " can do nothing yet: no scope is ticked.")
    reach = [" of ", Strong(application)] if application else [" of the whole tenant"]
    until: list[str] = []
    if isinstance(expires, datetime):
        until = [", until ", Strong(f"{expires.astimezone(UTC):%-d %b %Y}")]
    elif expires == NEVER:
        until = [", and ", Strong("never expires")]
    return Sentence(*key, " can ", *series(rights), *reach, *until, ".")
