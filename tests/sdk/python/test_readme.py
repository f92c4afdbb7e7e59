"""Every snippet of the README works against the portal."""

import re
import time
from typing import Any

import pytest
from flask import Flask

from portal.webhooks.signing import standard_webhooks
from tests import ROOT
from tests.cast import ADA, Provider
from tests.identity.serving import served

README = (ROOT / "sdk/python/README.md").read_text()
SNIPPETS = re.findall(r"(?ms)^```python\n(.*?)^```", README)
SIGNING_SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"


@pytest.fixture
def ran(
    app: Flask, tenants: Any, token_provider: Provider, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, Any]:  # fmt: skip
    """Run all snippets, one after the other, and return what they defined."""
    defined: dict[str, Any] = {}
    with served(lambda _: app) as address:
        monkeypatch.setenv("CPOD_PORTAL", address)
        monkeypatch.setenv("CPOD_TOKEN", token_provider.token(ADA))
        monkeypatch.setenv("SIGNING_SECRET", SIGNING_SECRET)
        for number, snippet in enumerate(SNIPPETS, 1):
            exec(compile(snippet, f"snippet {number} of README.md", "exec"), defined)  # noqa: S102
        defined["client"].close()
    monkeypatch.delenv("EXPORT_KEY")
    defined["printed"] = capsys.readouterr().out
    return defined


def test_every_snippet_runs(ran):
    assert len(SNIPPETS) == README.count("```python") == 8
    assert ran["application"]["slug"] in ran["printed"]
    assert ran["application"]["description"] == "Sales"
    assert ran["application"].etag.startswith('"2-')
    assert "****" in ran["printed"]
    assert ran["issued"]["key"].reveal() not in ran["printed"]
    assert "'url'" in ran["printed"]
    assert "['CRM 360']" in ran["printed"]


def test_the_receiver_of_the_readme_refuses_what_is_not_signed(ran, monkeypatch, capsys):
    monkeypatch.setenv("SIGNING_SECRET", SIGNING_SECRET)
    body = b'{"type":"rfp.created"}'
    headers = standard_webhooks.headers(SIGNING_SECRET, "evt_1", body, int(time.time()))
    assert ran["receive"](headers, body) == 204
    assert ran["receive"](headers, body + b" ") == 401
    assert capsys.readouterr().out.split() == ["rfp.created", "no_match"]
