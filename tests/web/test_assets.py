"""Test static files: types, headers, tags and addresses, and that nothing else is served."""

import gzip
import os
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from portal.web.drawing.assets import FOLDER, MODULES, SHEETS, Files

ZIPPED = {"Accept-Encoding": "gzip, deflate, br"}
PUBLIC = sorted(
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob("*")
    if path.is_file() and path.relative_to(FOLDER).parts[0] not in ("provider", "receiver")
)


@pytest.fixture
def visitor(gallery: Flask) -> FlaskClient:
    return gallery.test_client()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_file_says_what_it_is_and_who_may_use_it(visitor: FlaskClient, name: str) -> None:
    answer = visitor.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.data == (FOLDER / name).read_bytes()
    kinds = {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
        "json": "application/json",
        "txt": "text/plain; charset=utf-8",
        "woff2": "font/woff2",
    }
    kind = name.rpartition(".")[2]
    assert answer.content_type == kinds[kind]
    for header, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Content-Length", str(len(answer.data))),
    ):
        assert answer.headers.getlist(header) == [value]
    assert answer.headers.getlist("Vary") == ([] if kind == "woff2" else ["Accept-Encoding"])
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["css/components.css", "vendor/htmx.min.js", "icons.svg"])
def test_a_file_is_sent_compressed_with_a_tag_of_its_own(visitor: FlaskClient, name: str) -> None:
    as_it_is, zipped = (visitor.get(f"/static/{name}", headers=h) for h in ({}, ZIPPED))
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == as_it_is.data
    assert int(zipped.headers["Content-Length"]) == len(zipped.data) < len(as_it_is.data) / 2
    assert "Content-Encoding" not in as_it_is.headers
    assert as_it_is.headers["ETag"] != zipped.headers["ETag"]
    for known in (as_it_is, zipped):
        assert not known.headers["ETag"].startswith("W/")


@pytest.mark.parametrize("accepted", [{}, ZIPPED])
def test_a_file_that_somebody_has_is_not_sent_again(
    visitor: FlaskClient, accepted: dict[str, str]
) -> None:
    got = visitor.get("/static/css/base.css", headers=accepted)
    tag = got.headers["ETag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        same = visitor.get("/static/css/base.css", headers=accepted | {"If-None-Match": known})
        assert (same.status_code, same.data) == (304, b""), known
        for header in ("ETag", "Cache-Control", "Vary"):
            assert same.headers[header] == got.headers[header]
    other = visitor.get("/static/css/base.css", headers=accepted | {"If-None-Match": '"x"'})
    assert (other.status_code, other.data) == (200, got.data)


@pytest.mark.parametrize("accepted", [{}, ZIPPED])
def test_head_says_what_get_would(visitor: FlaskClient, accepted: dict[str, str]) -> None:
    got = visitor.get("/static/css/base.css", headers=accepted)
    head = visitor.head("/static/css/base.css", headers=accepted)
    assert head.data == b""
    for header in ("Content-Length", "Content-Type", "ETag", "Vary", "Cache-Control"):
        assert head.headers[header] == got.headers[header]


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/css",
        "/static/css/",
        "/static/nothing.css",
        "/static/css/base.css/",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/css/../../app.py",
        "/static/css/..%2f..%2fapp.py",
        "/static/css/%2e%2e%5c%2e%2e%5capp.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/css/./base.css",
        "/static/css//base.css",
        "/static/css/base.css%00.js",
        "/static/.secret.css",
        "/static/.git/config",
        "/static/provider/provider.css",  # of development servers, which serve them themselves
        "/static/receiver/receiver.css",
    ],
)
def test_nothing_else_is_served(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code in (303, 308, 404), answer.text[:200]
    if answer.status_code == 404:
        assert "There is nothing here" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_is_only_to_be_read(visitor: FlaskClient) -> None:
    assert visitor.post("/static/css/base.css").status_code == 405


# --- the files of a folder, as the web server asks for them -----------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "css").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "provider").mkdir()
    for name in ("css/a.css", "css/.b.css", ".hidden/a.css", "provider/a.css", "a.bin", "a.png"):
        (tmp_path / name).write_text("body { color: black }\n" * 200)
    return tmp_path


def asked(files: Files, path: str, query: str = "", method: str = "GET", **headers: str) -> str:
    found = files.answer(method, path, query, Headers(list(headers.items())))
    return "none" if found is None else f"{found[0]} {dict(found[1])['Cache-Control']}"


def test_in_production_an_hour_or_for_ever_in_development_asked_each_time(folder: Path) -> None:
    lasting, fresh = Files(folder, []), Files(folder, [], reload=True)
    address = lasting.address("css/a.css")
    assert re.fullmatch(r"/static/css/a\.css\?v=[0-9a-f]{12}", address)
    path, _, query = address.partition("?")
    for_ever = "200 public, max-age=31536000, immutable"
    assert asked(lasting, path, query) == asked(fresh, path, query) == for_ever
    assert asked(lasting, path, f"x=1&{query}") == for_ever
    for other in ("", "v=", "v=old", query[:-1], f"{query}0", "V" + query[1:]):
        assert asked(lasting, path, other) == "200 public, max-age=3600"
        assert asked(fresh, path, other) == "200 no-cache"


def test_hidden_files_and_those_of_development_servers_are_not_read(folder: Path) -> None:
    for files in (Files(folder, []), Files(folder, [], reload=True)):
        for name in ("css/.b.css", ".hidden/a.css", "provider/a.css", "../x", "", "css"):
            assert asked(files, f"/static/{name}") == "none", name
        assert asked(files, "/elsewhere/css/a.css") == "none"
        assert asked(files, "/static/css/a.css", method="POST") == "none"


def test_what_is_no_text_is_not_compressed(folder: Path) -> None:
    files = Files(folder, [("X-Content-Type-Options", "nosniff")])
    for name, kind in (("a.png", "image/png"), ("a.bin", "application/octet-stream")):
        found = files.answer("GET", f"/static/{name}", "", Headers([("Accept-Encoding", "gzip")]))
        assert found is not None
        status, headers, body = found
        assert (status, body) == (200, (folder / name).read_bytes())
        assert dict(headers)["Content-Type"] == kind
        assert dict(headers)["X-Content-Type-Options"] == "nosniff"
        assert not {"Content-Encoding", "Vary"} & dict(headers).keys()
    head = files.answer("HEAD", "/static/a.png", "", Headers())
    assert head is not None
    assert head[2] == b""
    assert dict(head[1])["Content-Length"] == str((folder / "a.png").stat().st_size)


def test_a_changed_file_is_read_again_in_development_alone(folder: Path) -> None:
    lasting, fresh = Files(folder, []), Files(folder, [], reload=True)
    before = lasting.answer("GET", "/static/css/a.css", "", Headers())
    path = folder / "css" / "a.css"
    path.write_text("body { color: red }\n")
    os.utime(path, ns=(1, 1))
    (folder / "new.css").write_text("p {}")
    changed = fresh.answer("GET", "/static/css/a.css", "", Headers())
    assert changed is not None
    assert changed[2] == b"body { color: red }\n"
    assert lasting.answer("GET", "/static/css/a.css", "", Headers()) == before
    assert asked(fresh, "/static/new.css") == "200 no-cache"
    assert asked(lasting, "/static/new.css") == "none"
    path.unlink()
    assert asked(fresh, "/static/css/a.css") == "none"
    assert asked(lasting, "/static/css/a.css") != "none"


def test_the_address_of_a_file_that_is_not_there_is_a_fault_of_ours(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"css/b\.css"):
        Files(folder, []).address("css/b.css")


@pytest.mark.parametrize(
    ("bundle", "names"), [("css/portal.css", SHEETS), ("js/portal.js", MODULES)]
)
def test_what_every_page_needs_is_one_file(
    visitor: FlaskClient, bundle: str, names: tuple[str, ...]
) -> None:
    text, kind = visitor.get(f"/static/{bundle}").text, bundle.partition("/")[0]
    for name in names:
        lines = (FOLDER / kind / f"{name}.{kind}").read_text().splitlines()
        assert next(line for line in reversed(lines) if len(line) > 3) in text, name
    assert not re.search(r"^(import|export) ", text, re.M)
    page = visitor.get("/problems").text
    sheets, modules = page.count('rel="stylesheet"'), page.count('type="module"')
    assert (sheets, modules) == (1, 1)


def test_a_bundle_is_made_anew_when_one_of_its_files_changes(tmp_path: Path) -> None:
    for name in SHEETS:
        path = tmp_path / f"css/{name}.css"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f".{name} {{}}")
    files = Files(tmp_path, [], reload=True)
    before = files.answer("GET", "/static/css/portal.css", "", Headers())
    (tmp_path / "css/forms.css").write_text(".changed {}")
    after = files.answer("GET", "/static/css/portal.css", "", Headers())
    assert before is not None
    assert b".changed" not in before[2]
    assert after is not None
    assert b".changed" in after[2]
    assert (
        Files(tmp_path / "css", []).answer("GET", "/static/css/portal.css", "", Headers()) is None
    )
