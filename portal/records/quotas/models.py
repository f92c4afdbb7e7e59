"""Define the tables of quotas: the limits that were set, and the counts."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, Double, SmallInteger, String, func
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.base import Base


class TenantQuota(Base):
    """A limit that was set for one tenant. Only operators write it; the portal's role may not."""

    __tablename__ = "tenant_quota"
    __table_args__ = (CheckConstraint("value >= 1", name="value"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QuotaRate(Base):
    """A tenant's bucket for one rate limit: the free amount, and what was lent in each minute."""

    __tablename__ = "quota_rate"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    free: Mapped[float] = mapped_column(Double)
    counted_at: Mapped[datetime]
    minute: Mapped[int] = mapped_column(BigInteger)
    lent: Mapped[int] = mapped_column(BigInteger)
    lent_before: Mapped[int] = mapped_column(BigInteger)
    refused_at: Mapped[datetime | None]


class QuotaCount(Base):
    """A part of the count of a tenant's records of one kind.

    It has the records counted here and the room left here. The sum of `live` and `room` over all
    parts is `of_limit`, less what was given back in part RETURNED since the room was divided.
    """

    __tablename__ = "quota_count"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    part: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    live: Mapped[int] = mapped_column(BigInteger)
    room: Mapped[int] = mapped_column(BigInteger)
    of_limit: Mapped[int] = mapped_column(BigInteger)


class StoredDay(Base):
    """The estimated bytes of a kind of row in a day, up to an id or a time; see `stored_bytes`."""

    __tablename__ = "quota_stored_day"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    up_to: Mapped[str] = mapped_column(String(40))


class Stored(Base):
    """The estimated bytes of a tenant's events, deliveries, inbound requests, and of answers
    kept for Idempotency-Key.

    It is stale if a change other than new rows makes a new measurement necessary. If rows that were
    measured have been deleted, all are measured again once the present measurement has ended.
    """

    __tablename__ = "quota_stored"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    measured_at: Mapped[datetime] = mapped_column(server_default=func.now())
    is_stale: Mapped[bool] = mapped_column(server_default="false")
    all_again: Mapped[bool] = mapped_column(server_default="false")
