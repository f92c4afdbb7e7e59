"""The commands and documents of leases in REST."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from portal.records.schemas import SECRET, Command

Kind = Literal["token", "credentials"]


class LeaseInput(Command):
    """Nothing is to be said: a lease has what the connector hands out."""


class LeaseDocument(BaseModel):
    """One lease: who got which version, when. Values are never shown again."""

    id: str = Field(description="Id of the lease.")
    connector_id: str = Field(description="Id of the connector.")
    key_id: str = Field(description="The API key that took the lease.")
    application_id: str = Field(description="The application of that key.")
    kind: Kind = Field(
        description="token: an access token that the portal got; credentials: fields as stored."
    )
    credential_version: int = Field(description="The version of the credentials that it is of.")
    expires_at: datetime | None = Field(
        description="Time when the token expires, as the provider said; null if it did not."
    )
    created_at: datetime = Field(description="Time when it was taken.")


class GivenDocument(LeaseDocument):
    """A lease with its values, which are in this answer only."""

    lease_seconds: int = Field(
        description="Use the values so long, then take a new lease: so a change of the credentials"
        " or a disabled connector reaches you."
    )
    access_token: str | None = Field(
        description="The access token, if the kind is token.", json_schema_extra=SECRET
    )
    credentials: dict[str, str] | None = Field(
        description="The credentials, if the kind is credentials.", json_schema_extra=SECRET
    )
