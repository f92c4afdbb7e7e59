"""The main use case on the real system: `portal dev` as a new user starts it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.devtools.test_dev import portal_dev
from tests.keeper import free_port

CREDENTIAL = "splunk-token-that-nobody-may-see"


@dataclass(frozen=True)
class Running:
    """A portal that was started with one command."""

    settings: dict[str, str]

    @property
    def portal(self) -> str:
        return f"http://localhost:{self.settings['PORTAL_PORT']}"

    @property
    def receiver(self) -> str:
        return f"http://127.0.0.1:{self.settings['PORTAL_RECEIVER_PORT']}"

    def hook(self, name: str) -> str:
        return f"{self.receiver}/hooks/{name}"

    def received(self, name: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.receiver}/received.json", params={"name": name}, timeout=10)
        return list(answer.json()["received"])

    def teach(self, name: str, secret: str) -> None:
        form = {"name": name, "secret": secret}
        assert requests.post(f"{self.receiver}/secrets", data=form, timeout=10).ok

    def token(self, email: str) -> str:
        said = subprocess.run(
            [sys.executable, "-m", "portal.ops.cli", "token", "--as", email],
            env=os.environ | self.settings,
            capture_output=True,
            text=True,
            check=True,
        )
        return said.stdout.strip()


@pytest.fixture(scope="module")
def running(places: Callable[[], Path]) -> Iterator[Running]:
    folder = places()
    names = ("PORTAL_PORT", "PORTAL_IDP_PORT", "PORTAL_RECEIVER_PORT")
    settings = {name: str(free_port()) for name in names}
    settings["PORTAL_DATA_DIR"] = str(folder / "var")
    with portal_dev(settings, folder / "log") as dev:
        dev.wait_for("Ctrl-C stops everything")
        yield Running(settings)
        assert CREDENTIAL not in dev.said
        assert "whsec_" not in dev.said
        assert "Traceback" not in dev.said


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    context = browser.new_context(base_url=running.portal)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.mark.timeout(300)
def test_an_admin_signs_in_and_sees_the_signed_request_arrive(page: Page, running: Running) -> None:
    page.goto("/")
    page.get_by_text("ada@acme.example").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.get_by_role("link", name="Applications", exact=True).first.click()
    page.get_by_role("link", name="Register application").click()
    page.get_by_label("Name required", exact=True).fill("Forecast Studio")
    page.get_by_role("button", name="Register application").click()
    expect(page.get_by_text("Registered. What next?")).to_be_visible()

    page.goto("/connectors/new?provider=splunk")
    page.get_by_label("Name required", exact=True).fill("Security log")
    page.get_by_label("Host").fill("splunk.acme.example:8089")
    page.get_by_label("Application", exact=True).select_option(label="Forecast Studio")
    page.get_by_label("Token", exact=True).fill(CREDENTIAL)
    page.get_by_role("button", name="Add connector").click()
    expect(page.get_by_role("heading", name="Security log")).to_be_visible()
    assert CREDENTIAL not in page.content()

    page.goto("/keys/new")
    page.get_by_label("Name").fill("Nightly forecast")
    page.get_by_label("Application", exact=True).select_option(label="Forecast Studio")
    page.locator('input[value="connectors:read"]').check()
    page.get_by_role("button", name="Issue key").click()
    key = page.locator("[data-secret]").inner_text()
    answer = requests.get(
        f"{running.portal}/api/v1/integration/connectors",
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    page.get_by_label("I have stored this").check()

    page.goto("/webhooks/new")
    page.get_by_label("Name required", exact=True).fill("Forecast events")
    page.get_by_label("Target URL").fill(running.hook("forecast"))
    page.get_by_label("Events", exact=True).fill("forecast.*")
    page.get_by_role("button", name="Add webhook").click()
    running.teach("forecast", page.locator("[data-secret]").inner_text())
    page.get_by_label("I have stored this").check()
    page.get_by_role("link", name="To the webhook").click()
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("The receiver answered 200.")).to_be_visible()

    page.goto(running.receiver)
    expect(page.get_by_text("signature verified").first).to_be_visible()


@pytest.mark.timeout(300)
def test_a_program_does_the_same_through_rest(running: Running) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {running.token('ada@acme.example')}"
    api = f"{running.portal}/api/v1/integration"

    def create(resource: str, **body: Any) -> dict[str, Any]:
        answer = session.post(f"{api}/{resource}", json=body, timeout=20)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    application = create("applications", display_name="Program")
    create(
        "connectors",
        provider="splunk",
        config={"host": "splunk.acme.example:8089"},
        credentials={"token": CREDENTIAL},
        application_id=application["id"],
    )
    key = create("api-keys", application_id=application["id"], scopes=["webhooks:write"])
    webhook = create("webhooks", url=running.hook("program"), event_types=["program.*"])
    running.teach("program", webhook["signing_secret"])
    attempt = create(f"webhooks/{webhook['id']}/test-deliveries", event_type="program.run")
    assert attempt["status"] == 200
    assert [mail["verified"] for mail in running.received("program")] == [True]

    assert session.post(f"{api}/api-keys/{key['id']}/revoke", timeout=20).status_code == 200
    refused = requests.get(
        f"{api}/webhooks", headers={"Authorization": f"Bearer {key['key']}"}, timeout=10
    )
    assert refused.status_code == 401
