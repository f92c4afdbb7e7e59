"""The Contact record."""

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.applications.ownership import OfApplication
from portal.database.record import Record
from portal.database.session import CONSTRAINTS

TEAMS = ("business", "operations", "security")


class Contact(OfApplication, Record):
    """A person or a mailbox to ask about an application, or about the whole tenant."""

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint(f"team IN {TEAMS}", name="team"),
        ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_contact_application",
        ),
        Index("ix_contact_deleted", "tenant_id", "deleted_at", postgresql_where="is_deleted"),
        Index("ix_contact_name", "tenant_id", "name_key", "id"),
        Index("ix_contact_updated", "tenant_id", "updated_at", "id"),
        Index("ix_contact_team", "tenant_id", "team", "id"),
        Index("ix_contact_application", "tenant_id", "application_id", "id"),
    )
    id_prefix = "ctc"
    noun = "contact"
    quota = "contacts"
    published_as = "contact"

    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254))
    team: Mapped[str] = mapped_column(String(20), server_default="operations")
    notes: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    application_id: Mapped[str | None] = mapped_column(String(40))
    # Sort case-insensitively by a plain column: `lower(…)` loses its index under row-level
    # security.
    name_key: Mapped[str] = mapped_column(Text, Computed("lower(name)", persisted=True))

    @property
    def label(self) -> str:
        return self.name

    def search_texts(self) -> tuple[str | None, ...]:
        return (self.id, self.name, self.email, self.notes)


CONSTRAINTS |= {
    "fk_contact_application": (
        "application_id",
        "There is no application of this id in this tenant.",
    ),
}
