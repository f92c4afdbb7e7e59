"""The commands and documents of checks in REST."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from portal.records.schemas import Command

Outcome = Literal[
    "passed",
    "unproven",
    "auth_invalid",
    "auth_scope",
    "auth_expired",
    "config",
    "rate_limited",
    "transient",
    "secret_store",
    "internal",
]
StepState = Literal["passed", "warned", "failed", "not_tried"]


class CheckInput(Command):
    """Nothing is to be said: a check runs with what is saved."""


class RestoreInput(Command):
    """The version of the credentials to use again."""

    version: int = Field(
        ge=1, le=2**31 - 1, description="One of the connector's credential versions."
    )


class StepDocument(BaseModel):
    """One step of a check, in the order in which they are taken."""

    name: str = Field(description="address, connect, tls, sign_in, who, or scope: and the scope.")
    title: str = Field(description="Name of the step for people.")
    state: StepState = Field(description="Result of the step.")
    began_ms: float | None = Field(description="Milliseconds after the begin of the check.")
    took_ms: float | None = Field(
        description="Milliseconds that it took; null if it was not tried."
    )
    verdict: Outcome | None = Field(
        description="Outcome that this step led to; null if it led to none."
    )
    status: int | None = Field(description="The HTTP status of the answer, if there was one.")
    said: str = Field(description="Result, as a sentence.")
    remedy: str = Field(description="Next step to take, as a sentence; may be empty.")


class ResultDocument(BaseModel):
    """The result of a check."""

    outcome: Outcome | None = Field(
        description="passed; unproven = nothing failed, and nothing shows that the credentials are"
        " good; auth_invalid, auth_scope, auth_expired and config need a person;"
        " rate_limited and transient pass by themselves; secret_store and internal are faults of"
        " the portal. Null until the check has ended."
    )
    said: str = Field(description="Result, as a sentence.")
    remedy: str = Field(description="Next step to take, as a sentence; may be empty.")
    steps: list[StepDocument] = Field(description="The steps of the check, in their order.")
    took_ms: float | None = Field(description="Milliseconds that the check took.")
    account: str | None = Field(
        description="Account that the credentials belong to, as the provider says."
    )
    is_person: bool | None = Field(
        description="True if they belong to a person, false if to a service; null if unknown."
    )
    granted: list[str] | None = Field(
        description="Scopes of the credentials; null if the provider does not tell."
    )
    missing: list[str] = Field(description="Scopes that the connector needs and has not.")
    too_much: list[str] = Field(description="Scopes that it has and does not need.")
    expires_at: datetime | None = Field(
        description="Time when the credentials expire, as the provider says."
    )


class CheckDocument(ResultDocument):
    """One check of a connector."""

    id: str = Field(description="Id of the check.")
    connector_id: str = Field(description="Id of the connector.")
    state: Literal["queued", "running", "done"] = Field(description="Progress of the check.")
    reason: Literal["asked", "saved", "daily", "retry", "expiry"] = Field(
        description="Cause of the check."
    )
    asked_by: str | None = Field(description="Id of who asked for it.")
    asked_by_name: str | None = Field(description="Name of who asked for it.")
    restores_version: int | None = Field(
        description="The version of the credentials that the check puts back first."
    )
    record_version: int | None = Field(description="The connector's version that was checked.")
    credential_version: int | None = Field(
        description="Version of the credentials that was checked; 0 if there were none."
    )
    is_outdated: bool = Field(
        description="The result says nothing about the connector as it is now: it was changed while"
        " the check ran, or nothing was sent, for the reason in `said`."
    )
    created_at: datetime = Field(description="Time when it was asked for.")
    started_at: datetime | None = Field(description="Time when it began.")
    finished_at: datetime | None = Field(description="Time when it ended.")


class CredentialVersionDocument(BaseModel):
    """One version of a connector's credentials. Values are never shown."""

    version: int = Field(description="Number of the version.")
    fields: list[str] = Field(description="The fields that are set in it.")
    changed: list[str] = Field(description="Fields that were entered or removed in it.")
    set_by: str | None = Field(description="Id of who saved it.")
    set_by_name: str | None = Field(description="Name of who saved it.")
    set_at: datetime = Field(description="Time when it was saved.")
    restored_from: int | None = Field(
        description="Number of the version that it repeats; null if it was entered."
    )
