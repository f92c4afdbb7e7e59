"""The catalogue of providers, as data that a program runs.

Each entry says which settings and credentials a provider needs, how one signs in, which requests
prove that it works, how each answer is to be read, and how well all this is known (`evidence`).
`custom` stands for every provider that is not in the list. Nothing here sends anything.

Read `entries` first (a provider and its ways to sign in), then `sign_in` and `steps` (what an entry
may say), `answers` (what every entry shares), `filling` (how the braces in its texts are filled),
and `origins` (where its secrets go).
The data is in `data/`, a file for each group of categories.
"""

from portal.providers.entries import AUTH_WORDS, CUSTOM, PROVIDERS, Provider, Variant, name_of
from portal.providers.origins import origins
from portal.providers.settings import FORMS, Setting

__all__ = [
    "AUTH_WORDS",
    "CUSTOM",
    "FORMS",
    "PROVIDERS",
    "Provider",
    "Setting",
    "Variant",
    "name_of",
    "origins",
]
