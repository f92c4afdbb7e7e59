"""Keep stored credentials at the addresses for which they were saved.

Who may change a connector may not read its credentials. So a changed address must not carry them
to a host that the person chose: they are entered again, or stay where they are.
"""

from collections.abc import Mapping, Set
from typing import Any

from portal.core.errors import Invalid
from portal.providers import Provider, origins

Config = Mapping[str, Any]


def hold(provider: Provider, kept: Set[str], before: Config, after: Config) -> None:
    """Raise Invalid, at the setting that changed, if fields that are kept would go elsewhere."""
    if said := strays(provider, kept, before, after):
        raise Invalid.field(_culprit(provider, kept, before, after), said)


def strays(provider: Provider, kept: Set[str], before: Config, after: Config) -> str | None:
    """Return a sentence if fields that were saved with the settings `before` would go elsewhere
    with those `after`, or None.

    All ways to sign in that use a kept field count, so that a later change of the way does not
    open what this one could not.
    """
    old, new = _reach(provider, kept, before), _reach(provider, kept, after)
    if not (elsewhere := new - old):
        return None
    return (
        f"The stored credentials ({', '.join(sorted(kept))}) were saved for"
        f" {_words(old - new or old) or 'no address yet'}. Enter them again to use them with"
        f" {_words(elsewhere)}."
    )


def _reach(provider: Provider, fields: Set[str], config: Config) -> frozenset[str]:
    users = (variant for variant in provider.auth if variant.names & fields)
    return frozenset().union(*(origins(provider, variant, config) for variant in users))


def _culprit(provider: Provider, kept: Set[str], before: Config, after: Config) -> str:
    reached = _reach(provider, kept, after)
    for name in (setting.key for setting in provider.config):
        undone = {**after, name: before.get(name)}
        if _reach(provider, kept, undone) != reached:
            return f"config.{name}"
    return "config"


def _words(places: Set[str]) -> str:
    return " and ".join(sorted(places))
