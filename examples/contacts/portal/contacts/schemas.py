"""The command and the document of contacts in REST."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from portal.records.schemas import (
    UNSEEN,
    Command,
    Document,
    Line,
    LongText,
    Name,
    RecordId,
    Rules,
    Tags,
)

ADDRESS = rf"^[^@\s{UNSEEN}]+@[^@\s{UNSEEN}]+$"
Team = Literal["business", "operations", "security"]


def _address(value: str) -> str:
    if not re.fullmatch(ADDRESS, value):
        raise ValueError("Give an address such as ada@example.com.")
    return value


# The validator says it in a sentence, the schema to programs.
Email = Annotated[
    Line, StringConstraints(max_length=254), AfterValidator(_address), Rules(pattern=ADDRESS)
]


class ContactInput(Command):
    """The fields that a client may write. All are optional."""

    name: Name | None = Field(None, description="A person or a mailbox, e.g. CRM on call.")
    email: Email | None = Field(None, description="Address for mail.")
    team: Team = Field("operations", description="Topics that they can be asked about.")
    notes: LongText | None = Field(None, description="Hours and ways to reach them.")
    tags: Tags = Field(default=[], description="Free-form tags.")
    application_id: RecordId | None = Field(
        None,
        description="Owning application; the caller's own when an application's credential creates"
        " the contact.",
    )


class ContactDocument(Document):
    """A contact as it is read."""

    name: str = Field(description="A person or a mailbox, e.g. CRM on call.")
    email: str | None = Field(description="Address for mail.")
    team: Team = Field(description="Topics that they can be asked about.")
    notes: str | None = Field(description="Hours and ways to reach them.")
    tags: list[str] = Field(description="Free-form tags.")
    application_id: str | None = Field(description="Owning application.")
