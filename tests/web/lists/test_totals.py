"""The number of records of a list: exact up to 10,000."""

from collections.abc import Callable

import psycopg
from portal_devtools.identity_provider.people import ACME

from portal.core.config import libpq_url
from tests.cast import ADA, ED, Api, Pages
from tests.databases import Database
from tests.statements import statements

MOST = 10_000
ADDED = """
INSERT INTO event_type (tenant_id, id, name, version)
SELECT %s, 'evt_' || n, 'numbered.no' || n, 1 FROM generate_series(%s::int, %s::int) AS n
"""


def test_a_long_list_says_how_many_records_it_has_up_to_ten_thousand(
    ada: Api, browse: Callable[..., Pages], database: Database
) -> None:
    person = browse(ADA)

    def add(first: int, last: int) -> None:
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            connection.execute(ADDED, (ACME, first, last))

    def says(number: str) -> bool:
        return f">{number} event types<" in person.get("/event-types?view=all").text

    add(1, MOST - 1)
    assert says("9,999")
    add(MOST, MOST)
    with statements() as sent:
        assert says("10,000")
    assert str(MOST + 1) in str(sent)
    add(MOST + 1, MOST + 1)
    assert says("10,000+")
    with statements() as sent:
        assert says("10,000+")
    assert str(MOST + 1) not in str(sent)  # it is known for a minute, and not counted again
    assert ">10,000+ event types<" in browse(ED).get("/event-types?view=all").text
    assert "10,000+" not in person.get("/event-types?q=numbered").text
