"""After a failover the server has closed every connection, and the first request is served."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cast import ADA, Api, Pages
from tests.databases import Database

THREADS = 8
END = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'portal%%'
"""


@pytest.fixture
def busy(ada: Api) -> Api:
    """Return a person whose requests have opened connections."""
    with ThreadPoolExecutor(THREADS) as beside:
        found = beside.map(lambda _: ada.get("/applications").status_code, range(4 * THREADS))
    assert set(found) == {200}
    return ada


def test_the_first_changes_after_a_failover_are_done(busy: Api, database: Database):
    assert database.sql(END) > 0
    made = [busy.post("/applications", {"display_name": f"CRM {n}"}) for n in range(3)]
    assert [one.status_code for one in made] == [201] * 3
    assert busy.get("/applications").json["items"]


def test_so_is_the_first_page(browse: Callable[[str], Pages], busy: Api, database: Database):
    person = browse(ADA)
    assert database.sql(END) > 0
    assert person.get("/keys").status_code == 200
