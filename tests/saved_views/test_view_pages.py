"""Saved views as tabs above a list: save, open, change, reset, delete."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.cast import ADA, ED, VIC, Api, Pages

Browse = Callable[[str], Pages]
HOSTILE = "<script>alert(1)</script> “{{ 7 * 7 }}”"


def tabs(page: str) -> list[str]:
    found = re.search(r'<nav class="views".*?</nav>', page, re.DOTALL)
    assert found
    links = re.findall(r"<a[^>]*>(.*?)</a>", found[0], re.DOTALL)
    return [unescape(re.sub(r"<small>", " ", link)).replace("</small>", "") for link in links]


def save(person: Pages, name: str, parameters: str, **more: str) -> str:
    """Save a view, and return the address that opens then."""
    form = {"list": "webhooks", "name": name, "parameters": parameters, **more}
    answer = person.post("/views", form)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_list_is_saved_as_a_view_and_opened_again(browse: Browse, ada: Api) -> None:
    ada.create("webhooks", name="CRM events")
    ada.create("webhooks", name="Inbox", direction="inbound")
    person = browse(ADA)
    shown = person.get("/webhooks?direction=inbound").text
    assert "Save view" in shown
    assert 'value="direction=inbound"' in shown
    address = save(person, "Coming in", "direction=inbound")
    opened = person.get(address).text
    assert tabs(opened) == ["All", "Coming in"]
    assert "Inbox" in opened
    assert "CRM events" not in opened
    assert "is modified" not in opened


def test_a_log_opens_with_its_default_and_can_be_seen_whole(browse: Browse, ada: Api) -> None:
    ada.create("webhooks", url="https://hooks.example/", event_types=["*"])
    ada.post("/events", [{"type": "rfp.created", "data": {}}, {"type": "bid.won", "data": {}}])
    person = browse(ADA)
    for log, field in (("deliveries", "event_type"), ("events", "type")):
        form = {"list": log, "name": "Won", "parameters": f"{field}=bid.won", "is_default": "on"}
        address = person.post("/views", form).headers["Location"]
        assert "rfp.created" not in person.get(address).text
        begun = person.get(f"/{log}")
        assert (begun.status_code, begun.headers["Location"]) == (302, address)
        [whole] = re.findall(r'href="([^"]+)"[^>]*>All</a>', person.get(address).text)
        assert "rfp.created" in person.get(whole).text


def test_a_view_tells_that_the_page_shows_something_else(browse: Browse, ada: Api) -> None:
    person = browse(ADA)
    address = save(person, "Coming in", "direction=inbound")
    (view,) = (ada.get("/views").json or {})["items"]
    changed = person.get(f"{address}&sort=-name").text
    assert tabs(changed) == ["All", "Coming in modified"]
    assert "Save as" in changed
    assert "Reset" in changed
    form = {"do": "save", "parameters": "direction=inbound&sort=-name"}
    assert person.post(f"/views/{view['id']}", form).status_code == 303
    (after,) = (ada.get("/views").json or {})["items"]
    assert after["parameters"] == {"direction": "inbound", "sort": "-name"}
    assert "is modified" not in person.get(f"{address}&sort=-name").text


def test_a_view_is_renamed_moved_and_deleted(browse: Browse, ada: Api) -> None:
    person = browse(ADA)
    save(person, "B", "direction=inbound")
    save(person, "A", "direction=outbound")
    second, first = sorted((ada.get("/views").json or {})["items"], key=lambda v: str(v["name"]))
    assert tabs(person.get("/webhooks?view=all").text) == ["All", "B", "A"]
    form = {"name": "Before", "position": "0"}
    assert person.post(f"/views/{second['id']}", form).status_code == 303
    assert person.post(f"/views/{first['id']}", {"name": "B", "position": "1"}).status_code == 303
    assert tabs(person.get("/webhooks?view=all").text) == ["All", "Before", "B"]
    assert person.post(f"/views/{first['id']}/delete").status_code == 303
    assert tabs(person.get("/webhooks?view=all").text) == ["All", "Before"]


def test_a_list_opens_with_its_default(browse: Browse, ada: Api) -> None:
    person = browse(ADA)
    address = save(person, "Coming in", "direction=inbound", is_default="on", is_shared="on")
    for visitor in (person, browse(ED)):
        opened = visitor.get("/webhooks")
        assert (opened.status_code, opened.headers["Location"]) == (302, address)
        assert visitor.get("/webhooks?view=all").status_code == 200


def test_a_name_is_text_everywhere(browse: Browse) -> None:
    person = browse(ADA)
    opened = person.get(save(person, HOSTILE, "direction=inbound")).text
    assert tabs(opened) == ["All", HOSTILE]
    assert "<script>alert" not in opened


def test_a_view_whose_filter_is_no_longer_valid_says_so(
    browse: Browse, ada: Api, run: Callable[..., None]
) -> None:
    ada.create("webhooks", name="CRM events")
    person = browse(ADA)
    save(person, "Old", "direction=inbound")
    run("""UPDATE saved_view SET parameters = '{"direction": "sideways", "colour": "red"}'""")
    page = person.get("/webhooks?view=all").text
    link = unescape(re.findall(r'href="(/webhooks\?view=viw_[^"]*)"', page)[0])
    opened = person.get(link)
    assert opened.status_code == 200
    assert "CRM events" in opened.text
    assert "direction: " in opened.text
    assert "colour: There is no parameter of this name." in opened.text
    assert tabs(opened.text) == ["All", "Old modified"]
    assert person.get("/webhooks?direction=sideways").status_code == 400


def test_what_is_refused_is_said_on_the_list(browse: Browse, ada: Api) -> None:
    person = browse(ED)
    form = {"list": "api-keys", "name": "Live", "parameters": "status=active", "is_shared": "on"}
    answer = person.post("/views", form)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/keys?status=active&view=all"
    assert "needs the permission keys:write" in person.get(answer.headers["Location"]).text
    assert (ada.get("/views").json or {})["items"] == []


@pytest.mark.parametrize(
    ("of", "name", "change"),
    [
        ("api-keys", "Live keys", {"name": "Ours", "is_shared": "on"}),
        ("webhooks", "For me", {"name": "Ours", "is_shared": "on", "is_default": "on"}),
        ("webhooks", "For me", {"name": ""}),
    ],
)
def test_a_refused_change_saves_nothing_of_it(
    browse: Browse, api: Callable[[str], Api], of: str, name: str, change: dict[str, str]
) -> None:
    stored = api(ED).create("views", list=of, name=name, parameters={})
    answer = browse(ED).post(f"/views/{stored['id']}", {"position": "4", **change})
    assert answer.status_code == 303
    assert api(ED).get(f"/views/{stored['id']}").json == stored
    assert (api(VIC).get("/views").json or {})["items"] == []


def test_an_owner_who_may_no_longer_share_renames_a_shared_view(
    browse: Browse, api: Callable[[str], Api], run: Callable[..., None]
) -> None:
    view = api(ED).create("views", list="webhooks", name="Ours", parameters={}, is_shared=True)
    run("UPDATE saved_view SET list = 'api-keys'")  # an editor may not share views of keys
    opened = browse(ED).get(f"/keys?view={view['id']}").text
    assert "Edit view" in opened
    assert 'name="is_shared"' not in opened
    form = {"name": "Renamed", "position": "0"}
    assert browse(ED).post(f"/views/{view['id']}", form).status_code == 303
    after = api(ED).get(f"/views/{view['id']}").json or {}
    assert (after["name"], after["is_shared"]) == ("Renamed", True)


def test_an_owner_renames_a_view_that_an_admin_made_a_default_for_all(
    browse: Browse, api: Callable[[str], Api]
) -> None:
    view = api(ED).create("views", list="webhooks", name="Ours", parameters={}, is_shared=True)
    assert api(ADA).patch(f"/views/{view['id']}", {"is_default": True}).status_code == 200
    form = {"name": "Renamed", "position": "0", "is_shared": "on", "is_default": "on"}
    assert browse(ED).post(f"/views/{view['id']}", form).status_code == 303
    after = api(ED).get(f"/views/{view['id']}").json or {}
    assert [after[name] for name in ("name", "is_shared", "is_default")] == ["Renamed", True, True]


def test_a_refused_form_keeps_what_was_typed_once(
    browse: Browse, api: Callable[[str], Api]
) -> None:
    view = api(ED).create("views", list="webhooks", name="Mine", parameters={})
    person = browse(ED)
    refused = {"is_shared": "on", "is_default": "on"}
    change = {"name": "For all", "position": "7", "back": view["id"], **refused}
    create = {"list": "webhooks", "name": "New", "parameters": "direction=inbound", **refused}
    for path, form in ((f"/views/{view['id']}", change), ("/views", create)):
        back = person.post(path, form).headers["Location"]
        page = person.get(back).text
        assert '<details class="drop looks" open>' in page
        assert f'value="{form["name"]}" required' in page
        for box in refused:
            assert f'name="{box}" checked' in page
        assert f'value="{form["name"]}" required' not in person.get(back).text


def test_the_whole_list_is_reached_from_a_default_that_finds_nothing(
    browse: Browse, ada: Api
) -> None:
    ada.create("webhooks", name="CRM events")
    person = browse(ADA)
    save(person, "Coming in", "direction=inbound", is_default="on")
    empty = unescape(person.get("/webhooks?direction=inbound").text)
    assert "Nothing matches" in empty
    clear = re.findall(r'href="([^"]*)">Clear filters', empty)
    remove = re.findall(r'class="remove" href="([^"]*)"', empty)
    assert (len(clear), len(remove)) == (2, 1)
    for link in (*clear, *remove):
        shown = person.get(link.partition("#")[0])
        assert shown.status_code == 200
        assert "CRM events" in shown.text
    search = re.search(r'<form[^>]*class="filters" role="search".*?</form>', empty, re.DOTALL)
    assert search
    assert '<input type="hidden" name="view" value="all">' in search[0], "of an emptied form"


def test_a_wrong_filter_beside_the_whole_list_is_not_said_of_a_view(browse: Browse) -> None:
    shown = browse(ADA).get("/webhooks?view=all&direction=sideways").text
    assert "It was left out." in shown
    assert "This view" not in shown
    assert "Save the view" not in shown
