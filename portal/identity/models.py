"""Tenants, people and their sessions."""

import re
from datetime import datetime

from sqlalchemy import CheckConstraint, String, func
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import CONSTRAINTS, Base

KEY_CODE = re.compile(r"[a-z0-9]{4}")
# Other vendors' keys begin with these words: sk-proj-, sk-live-, sk-test- (and two for us).
RESERVED_KEY_CODES = frozenset({"proj", "live", "test", "none", "admn"})


class Tenant(Base):
    """A customer of the platform. The directory of tenants is the one table without a tenant.

    `id` is what the identity provider's tenant claim says; `key_code` is the immutable part of
    every API key of the tenant, `sk-<key_code>-…`; `time_zone` (IANA) is where its days begin.
    """

    __tablename__ = "tenant"
    __table_args__ = (CheckConstraint("key_code ~ '^[a-z0-9]{4}$'", name="key_code_format"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    key_code: Mapped[str] = mapped_column(String(4), unique=True)
    time_zone: Mapped[str] = mapped_column(String(60), server_default="UTC")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


CONSTRAINTS |= {
    "uq_tenant_slug": ("slug", "Another tenant has this slug."),
    "uq_tenant_key_code": ("key_code", "Another tenant has this key code."),
    "pk_tenant": ("id", "There is a tenant of this id already."),
}
