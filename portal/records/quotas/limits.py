"""Define the limits of each tenant: names, defaults and the largest values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """Describe one limit.

    It has a name on the wire, a plural for people, a default, the largest value that can be set,
    advice on how to make room, and a sentence about what counts where the name does not say it.
    """

    name: str
    plural: str
    default: int
    most: int
    room: str
    counts: str = ""

    @property
    def label(self) -> str:
        """Return the plural with a capital letter."""
        return self.plural[0].upper() + self.plural[1:]

    def amount(self, number: int) -> str:
        """Return a number of a rate in words: `1 request per second`."""
        noun = self.plural.replace("s per", " per") if number == 1 else self.plural
        return f"{number:,} {noun}"

    @property
    def option(self) -> str:
        """Return the name of the command-line option."""
        return "--" + self.name.replace("_", "-")


MORE = "Send less, or ask your platform's operators for more."
DELETE = "Delete what you no longer need, or ask your platform's operators for more."
RETIRE = "Retire what you no longer need, or ask your platform's operators for more."
REVOKE = (
    "Revoke those that nobody needs, expired ones too, or ask your platform's operators for more."
)

REQUESTS, EVENTS = "requests_per_second", "events_per_second"

RECORDS = (
    Quota("applications", "applications", 10_000, 1_000_000, RETIRE),
    Quota("connectors", "connectors", 10_000, 1_000_000, DELETE),
    Quota("api_keys", "API keys", 2_000_000, 100_000_000, REVOKE),
    Quota("webhooks", "webhooks", 20_000, 1_000_000, DELETE),
    Quota("event_types", "event types", 10_000, 1_000_000, DELETE),
)
RATES = (
    Quota(REQUESTS, "requests per second", 10_000, 1_000_000, MORE),
    Quota(EVENTS, "events per second", 20_000, 10_000_000, MORE),
)
STORED = Quota(
    "stored_bytes",
    "stored bytes",
    100 * 1024**3,
    100 * 1024**4,
    "Keep events for fewer days, or ask your platform's operators for more. Answers kept for"
    " Idempotency-Key are deleted after a day.",
    "Stored bytes are those of events, deliveries, inbound requests and answers kept for"
    " Idempotency-Key; deleted records and the audit log do not count.",
)
QUOTAS = (*RATES, *RECORDS, STORED)
BY_NAME = {quota.name: quota for quota in QUOTAS}
