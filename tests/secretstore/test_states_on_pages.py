"""Pages say in which state the secret store is, and what to do now."""

from collections.abc import Callable, Iterator

import pytest

from portal import secretstore
from portal.secretstore import Side
from portal.secretstore.vault import StaticToken, Transport, VaultStore
from tests.cast import ADA, Api, Pages
from tests.secretstore.openbao import OwnOpenBao, policy_of

Browse = Callable[..., Pages]
WAYS: dict[str, tuple[Callable[[OwnOpenBao], object], str, str]] = {
    "locked": (lambda bao: bao.seal(), "The secret store is locked", "Unseal it."),
    "refused": (
        lambda bao: bao.call("POST", "auth/approle/role/portal-web/secret-id-accessor/destroy", {
            "secret_id_accessor": bao.call(
                "POST", "auth/approle/role/portal-web/secret-id/lookup",
                {"secret_id": "secret-id-of-the-tests-web"},
            )["data"]["secret_id_accessor"]
        }),
        "The secret store refuses the portal",
        "check its role id and secret id",
    ),
    "lacking": (
        lambda bao: bao.permit(Side.WEB, policy_of(Side.WEB).replace('"patch", ', "")),
        "The portal lacks a permission in the secret store",
        "lacks patch on secret/data/+/connectors/+/credentials. Add it.",
    ),
}  # fmt: skip


@pytest.fixture
def bao_of_the_portal(
    app: object, own_bao: OwnOpenBao, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OwnOpenBao]:
    monkeypatch.setattr(secretstore, "_configured", own_bao.store_of(Side.WEB))
    yield own_bao
    own_bao.unseal()
    own_bao.prepare()


def said_on(pages: Pages, paths: list[str]) -> dict[str, str]:
    answers = {path: pages.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.text for path, answer in answers.items()}


@pytest.fixture
def paths(bao_of_the_portal: OwnOpenBao, ada: Api) -> list[str]:
    """Return the pages on which the state matters."""
    connector = ada.create("connectors", provider="splunk", credentials={"token": "tok"})["id"]
    outbound = ada.create("webhooks")["id"]
    inbound = ada.create("webhooks", direction="inbound")["id"]
    return [
        "/", "/connectors", "/connectors/new?provider=splunk", f"/connectors/{connector}",
        f"/connectors/{connector}/edit", "/webhooks", "/webhooks/new", f"/webhooks/{outbound}",
        f"/webhooks/{outbound}/edit", f"/webhooks/{inbound}", "/webhooks/new?direction=inbound",
    ]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_each_state_is_said_in_its_own_words_where_it_matters(
    way: str,
    paths: list[str],
    bao_of_the_portal: OwnOpenBao,
    browse: Browse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = browse(ADA)
    well = said_on(ada, paths)
    spoil, title, advice = WAYS[way]
    spoil(bao_of_the_portal)
    monkeypatch.setattr(secretstore, "_configured", bao_of_the_portal.store_of(Side.WEB))
    for path, text in said_on(ada, paths).items():
        assert title not in well[path]
        assert title in text, path
        assert advice in text, path


def test_a_store_that_is_away_and_a_dead_token(
    paths: list[str], own_bao: OwnOpenBao, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = browse(ADA)
    for address, title, advice in (
        ("http://127.0.0.1:1", "The secret store does not answer", "Check PORTAL_VAULT_ADDR"),
        (own_bao.address, "The secret store refuses the portal", "Set a new token and restart"),
    ):
        store = VaultStore(Transport(address), StaticToken("dead"))
        monkeypatch.setattr(secretstore, "_configured", store)
        for path, text in said_on(ada, paths).items():
            assert title in text, path
            assert advice in text, path


def test_a_form_keeps_what_was_typed_when_the_store_refuses(
    paths: list[str], own_bao: OwnOpenBao, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = browse(ADA)
    start = ada.get("/webhooks/new").text
    monkeypatch.setattr(
        secretstore, "_configured", VaultStore(Transport(own_bao.address), StaticToken("dead"))
    )
    assert start
    refused = ada.post("/webhooks/new", {"name": "Typed here"})
    assert refused.status_code == 502
    assert 'value="Typed here"' in refused.text
    assert "The secret store refuses the portal" in refused.text
