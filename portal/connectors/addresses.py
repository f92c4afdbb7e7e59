"""Keep stored credentials at the addresses for which they were saved.

Who may change a connector may not read its credentials. So a changed address must not carry them
to a host that the person chose: they are entered again, or stay where they are.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from portal.core.errors import Conflict, Invalid
from portal.providers import Provider, origins

Config = Mapping[str, Any]


def hold(provider: Provider, kept: Set[str], before: Config, after: Config) -> None:
    """Raise Invalid, at the setting that changed, if fields that are kept would go elsewhere.

    All ways to sign in that use a kept field count, so that a later change of the way does not
    open what this one could not.
    """
    old, new = reach(provider, kept, before), reach(provider, kept, after)
    if elsewhere := new - old:
        raise Invalid.field(
            _culprit(provider, kept, before, after),
            f"The stored credentials ({', '.join(sorted(kept))}) were saved for"
            f" {_words(old - new or old) or 'no address yet'}. Enter them again to use them with"
            f" {_words(elsewhere)}.",
        )


def hold_older(
    provider: Provider | None, fields: Set[str], saved_for: Iterable[str] | None, config: Config
) -> None:
    """Raise Conflict if older credentials would go elsewhere than to where they were saved for.

    `saved_for` is what `reach` was then, None if nobody noted it.
    """
    now = reach(provider, fields, config) if provider else frozenset()
    if saved_for is None or now - set(saved_for):
        raise Conflict(
            "These credentials were saved for"
            f" {_words(set(saved_for or ())) or 'an address that is not known'}, and the connector"
            f" now uses {_words(now) or 'no address'}. Enter credentials for it instead."
        )


def reach(provider: Provider, fields: Set[str], config: Config) -> frozenset[str]:
    """Return the origins to which these credentials may go, whatever way to sign in uses them."""
    users = (variant for variant in provider.auth if variant.names & fields)
    return frozenset().union(*(origins(provider, variant, config) for variant in users))


def _culprit(provider: Provider, kept: Set[str], before: Config, after: Config) -> str:
    reached = reach(provider, kept, after)
    for name in (setting.key for setting in provider.config):
        undone = {**after, name: before.get(name)}
        if reach(provider, kept, undone) != reached:
            return f"config.{name}"
    return "config"


def _words(places: Set[str]) -> str:
    return " and ".join(sorted(places))
