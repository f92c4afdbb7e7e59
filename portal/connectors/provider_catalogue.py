"""REST of the catalogue of providers: /api/v1/integration/providers.

It says which settings and credentials a connector to each provider needs, so that a program can
make one without a list of its own.
"""

from typing import Any, Literal

from flask import Response
from pydantic import BaseModel, ConfigDict

from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.providers import PROVIDERS, Provider, Setting, Variant
from portal.rest.api import answer, fields_of, listed, no_parameters
from portal.rest.openapi import Operation


class _Described(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class SettingDocument(_Described):
    """One setting, or one field of the credentials."""

    key: str
    """Name of the field in `config` or `credentials` of a connector."""
    label: str
    """Name for people."""
    kind: Literal["string", "host", "url", "uuid", "email", "enum", "int", "bool"]
    """Form of the value."""
    required: bool
    """True if a connector works only with it."""
    secret: bool
    """True if its value is hidden while it is typed."""
    default: Any
    """Value that is used if none is given; null if there is none."""
    options: list[str]
    """Allowed values of an enum."""
    example: str | None
    """Example of a value."""
    pattern: str | None
    """Regular expression that the value matches."""


class SignInDocument(_Described):
    """One way to sign in to a provider."""

    type: str
    """Value of `auth_type` of a connector."""
    label: str
    """Name for people."""
    when: dict[str, str]
    """Settings that this way needs, with their values."""
    credentials: list[SettingDocument]
    """Fields of the credentials."""
    scopes: list[str]
    """OAuth scopes that the portal asks the provider for."""
    gives_token: bool
    """True if a lease has an access token that the portal gets, and not the stored credentials."""
    needs_person: bool
    """True if a person has to give consent in a browser."""
    remarks: list[str]
    """Sentences that people read before they choose this way."""


class ProviderSummary(_Described):
    """A provider, as lists show it."""

    id: str
    """Value of `provider` of a connector."""
    name: str
    """Name of the provider."""
    category: str
    """Category, which is the usual `type` of a connector."""
    docs: str | None
    """Address of the documentation of its API."""
    evidence: Literal["live", "docs", "peer", "memory"]
    """Source of the entry: tried at the provider, read in its documentation, taken from another
    catalogue, or from memory."""
    auth_types: list[str]
    """Ways to sign in, the usual one first."""


class ProviderDocument(ProviderSummary):
    """A provider with everything that a connector to it can set."""

    settings: list[SettingDocument]
    """Settings of a connector."""
    sign_ins: list[SignInDocument]
    """Ways to sign in, the usual one first."""
    event_types: list[str]
    """Event types that a connector to it usually has."""
    allows_other_settings: bool
    """True if a connector may have settings that are not listed here."""


def _list() -> Response:
    no_parameters()
    return listed([_summary(one) for one in PROVIDERS.values()], None)


def _get(id: str) -> Response:
    no_parameters()
    provider = PROVIDERS.get(id)
    if provider is None:
        raise NotFound(f"There is no provider {shown(id)} in the catalogue.")
    return answer(represent(provider))


def represent(provider: Provider) -> dict[str, Any]:
    """Return a provider as a document."""
    return {
        **_summary(provider),
        "settings": [_setting(one) for one in provider.config],
        "sign_ins": [_sign_in(one) for one in provider.auth],
        "event_types": list(provider.events),
        "allows_other_settings": provider.is_open,
    }


def _summary(provider: Provider) -> dict[str, Any]:
    shown = ("name", "category", "docs", "evidence")
    return {
        "id": provider.key,
        **{name: getattr(provider, name) for name in shown},
        "auth_types": [variant.type for variant in provider.auth],
    }


def _setting(setting: Setting) -> dict[str, Any]:
    return fields_of(SettingDocument, setting)


def _sign_in(variant: Variant) -> dict[str, Any]:
    return {
        "type": variant.type,
        "label": variant.label,
        "when": dict(variant.when),
        "credentials": [_setting(one) for one in variant.credentials],
        "scopes": list(getattr(variant.sign_in, "scopes", ())),
        "gives_token": variant.gives_token,
        "needs_person": variant.sign_in.kind == "browser",
        "remarks": list(variant.remarks),
    }


OPERATIONS = (
    Operation(
        resource="providers",
        name="list",
        method="GET",
        path="/providers",
        summary="List the providers that connectors know",
        description="Return the providers that connectors know, by name.",
        scope="connectors:read",
        view=_list,
        answer=ProviderSummary,
        is_list=True,
    ),
    Operation(
        resource="providers",
        name="get",
        method="GET",
        path="/providers/{id}",
        summary="Get one provider with its settings and its ways to sign in",
        description="Return one provider with its settings, its ways to sign in, and"
        " the scopes that it knows. An unknown one is a 404.",
        scope="connectors:read",
        view=_get,
        answer=ProviderDocument,
    ),
)
