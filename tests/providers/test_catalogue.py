"""Every entry of the catalogue says all that a program needs, and nothing that it must guess."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from portal.providers import PROVIDERS, Provider, Variant
from portal.providers.answers import SHARED, rows_of
from portal.providers.entries import DATA
from portal.providers.filling import fill_url, names
from portal.providers.sign_in import Browser, Nothing, Token, Unproven
from portal.providers.steps import Call, Check
from tests.connections.checks import test_oidc_provider, test_postgresql

WAYS = [
    pytest.param(provider, variant, id=f"{provider.key}-{variant.type}")
    for provider in PROVIDERS.values()
    for variant in provider.auth
]
KNOWN_SYSTEMS = [way for way in WAYS if not way.values[0].is_open]
# The test that proves each entry whose evidence is `live`.
PROVEN = {
    "postgres": test_postgresql.test_the_catalogues_entry_signs_in_by_each_of_its_ways,
    "oauth2_issuer": test_oidc_provider.test_the_catalogues_entry_gets_a_token_that_an_api_takes,
}
every_way = pytest.mark.parametrize(("provider", "variant"), WAYS)
every_way_of_a_known_system = pytest.mark.parametrize(("provider", "variant"), KNOWN_SYSTEMS)


def texts(node: Any) -> Iterator[str]:
    """Yield every text in a part of an entry."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, each in node.items():
            yield from texts(key)
            yield from texts(each)
    elif isinstance(node, (list, tuple)):
        for each in node:
            yield from texts(each)


def needed(part: Any, *without: str) -> set[str]:
    """Return the names of all placeholders in a part of an entry."""
    document = part.model_dump(by_alias=True, exclude=set(without))
    return {name for text in texts(document) for name in names(text)}


def of_sign_in(variant: Variant) -> set[str]:
    """Return what a sign-in uses; a client without a secret sends none."""
    sign_in = variant.sign_in
    unused: tuple[str, ...] = ()
    if isinstance(sign_in, Token):
        unused = {
            "none": ("client_id", "client_secret"),
            "private_key_jwt": ("client_secret",),
        }.get(sign_in.client_auth, ())
    found = needed(sign_in, *unused)
    if isinstance(sign_in, Browser):
        found |= {"client_id", "client_secret"}
    return found


def calls(check: Check) -> Iterator[Call]:
    yield from check.before
    if isinstance(check.who, Call):
        yield check.who
    yield from (need.call for need in check.needs if need.call)


@every_way
def test_every_placeholder_of_a_sign_in_has_a_value(provider: Provider, variant: Variant) -> None:
    settings = {setting.key for setting in provider.config}
    made = {"access_token", "key_fingerprint"}
    assert of_sign_in(variant) <= settings | variant.names | made


@every_way_of_a_known_system
def test_every_placeholder_of_a_check_has_a_value(provider: Provider, variant: Variant) -> None:
    known = {setting.key for setting in provider.config} | variant.names
    known |= getattr(variant.sign_in, "discovers", {}).keys()
    check = provider.check_of(variant)
    assert check is not None, "everything that the catalogue knows can be checked"
    for call in check.before:
        assert needed(call) <= known
        known |= call.discovers.keys()
    who = check.who
    assert needed(who) <= known
    known |= getattr(who, "discovers", {}).keys()
    assert all(needed(need) <= known for need in check.needs)
    if variant.revocation:
        assert needed(variant.revocation) <= known | {"access_token"}


@every_way
def test_a_sign_in_uses_all_its_secrets(provider: Provider, variant: Variant) -> None:
    if isinstance(variant.sign_in, Unproven):
        assert variant.sign_in.because.endswith(".")
        return
    assert isinstance(variant.sign_in, Nothing) == (variant.type == "none")
    used = of_sign_in(variant)
    # A setting may itself be a template, such as `Bearer {apiKey}`.
    templates = (s.default for s in provider.config if s.key in used and isinstance(s.default, str))
    used |= {name for default in templates for name in names(default)}
    assert {field.key for field in variant.credentials if field.secret} <= used


@every_way
def test_a_browser_is_used_for_consent_alone(provider: Provider, variant: Variant) -> None:
    """Tell that OAuth's authorization code is the only way to sign in that needs a person."""
    if not isinstance(variant.sign_in, Unproven):
        assert isinstance(variant.sign_in, Browser) == (variant.type == "oauth2_code")


@every_way
def test_no_address_has_a_secret_in_it(provider: Provider, variant: Variant) -> None:
    secrets = {field.key for field in variant.credentials if field.secret} | {"access_token"}
    check = provider.check_of(variant)
    for text in texts([check.model_dump(by_alias=True) if check else {}]):
        assert "://" not in text or secrets.isdisjoint(names(text))
    assert variant.revocation is None or secrets.isdisjoint(names(variant.revocation.url))


@every_way_of_a_known_system
def test_a_check_can_pass_and_says_what_that_proves(provider: Provider, variant: Variant) -> None:
    check = provider.check_of(variant)
    assert check is not None
    assert check.proves.endswith(".")
    for call in calls(check):
        assert any(row.verdict == "passed" for row in call.answers), call.title
    if isinstance(check.who, Call):
        assert check.who.account or check.who.reached, "a pass names the account"


@every_way_of_a_known_system
def test_a_2xx_alone_proves_nothing(provider: Provider, variant: Variant) -> None:
    check = provider.check_of(variant)
    assert check is not None
    for call in calls(check):
        for row in call.answers:
            if row.verdict == "passed" and row.status == (200,):
                assert row.path or row.contains or row.json_, call.title


@every_way_of_a_known_system
def test_no_row_of_an_entry_repeats_what_all_share(provider: Provider, variant: Variant) -> None:
    check = provider.check_of(variant)
    assert check is not None
    shared = {status: row.verdict for row in SHARED for status in row.status}
    for call in calls(check):
        assert rows_of(call)[: len(call.answers)] == call.answers
        for row in call.answers:
            bare = not row.model_fields_set - {"status", "verdict"}
            assert not bare or {row.verdict} != {shared.get(code) for code in row.status}, row


@every_way
def test_a_lease_hands_out_fields_that_exist(provider: Provider, variant: Variant) -> None:
    assert variant.leased <= variant.names


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_an_entry_has_a_monogram_of_its_own_and_documentation(provider: Provider) -> None:
    assert 1 <= len(provider.logo.letters) <= 2
    assert 0 <= provider.logo.hue < 360
    assert provider.evidence_words
    assert provider.is_open or (provider.docs or "").startswith("https://")
    same = [p for p in PROVIDERS.values() if p.logo == provider.logo]
    assert same == [provider]


def test_an_entry_is_live_only_if_a_test_runs_it_on_a_real_system() -> None:
    live = {key for key, provider in PROVIDERS.items() if provider.evidence == "live"}
    assert live == PROVEN.keys()
    for key, test in PROVEN.items():
        assert f'entry_subject("{key}"' in inspect.getsource(inspect.getmodule(test) or test), key


def test_the_catalogue_is_in_at_most_twelve_files() -> None:
    assert 1 < len(list(DATA.glob("*.json"))) <= 12


def test_a_setting_that_is_missing_has_its_default_and_a_stray_one_counts_for_nothing() -> None:
    github = PROVIDERS["github"]
    filled = github.with_defaults({"apiUrl": "", "org": "acme", "access_token": "x"})
    assert filled == {
        "apiUrl": "https://api.github.com",
        "webUrl": "https://github.com",
        "org": "acme",
    }


@pytest.mark.parametrize("path", [".evil.example/", "@evil.example", ":80@evil.example", "//evil"])
def test_a_path_cannot_lengthen_the_host_name(path: str) -> None:
    filled = fill_url("{baseUrl}{testPath}", {"baseUrl": "https://api.example", "testPath": path})
    assert filled.startswith("https://api.example/")
