"""Quote the other side without its tricks and without a secret."""

import re
from collections.abc import Iterable

from portal.core.key_shape import masked
from portal.core.secret_scan import spellings

LONGEST = 200
_READ = 4000
_RUN = 12
"""So many characters of a secret in a row are hidden, wherever they stand."""
_SHORT = 4
HIDDEN = "[hidden]"
# Control characters, and all that is invisible or turns the direction of what follows (Unicode's Cc
# and Cf, line and paragraph separators, unpaired surrogates, tags).
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]+"
)


class Quotes:
    """Clean texts of the other side. Secrets are added as they become known."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._new = list(secrets)
        self._whole: set[str] = set()
        self._runs: set[str] = set()

    def hide(self, secret: str) -> None:
        """Hide a secret from now on: whole, in its usual encodings, and a longer part of it."""
        self._new.append(secret)  # most checks and all good tokens have nothing to quote

    def _learn(self, secret: str) -> None:
        plain = {secret, secret.strip()} - {""}
        # A template may write it in capitals, and the other side in small letters.
        for text in plain | {each.upper() for each in plain} | {each.lower() for each in plain}:
            for spelling in spellings(text):
                self._whole.add(spelling)
                self._runs |= {spelling[at : at + _RUN] for at in range(len(spelling) - _RUN + 1)}

    def clean(self, text: object, longest: int = LONGEST) -> str:
        """Return a text on one line, cut, without what is invisible and without secrets.

        API keys of the platform are masked. It is empty if a secret is so short that hiding it
        would tell what it is.
        """
        plain = " ".join(_UNSEEN.sub(" ", str(text)[:_READ]).split())
        # A secret that is broken by an invisible character is whole again after the cleaning.
        hidden = self._hidden(plain)
        if hidden is None:
            return ""
        hidden = masked(hidden)
        return hidden if len(hidden) <= longest else hidden[: longest - 1] + "…"

    def _hidden(self, text: str) -> str | None:
        while self._new:
            self._learn(self._new.pop())
        marked = bytearray(len(text))
        for secret in self._whole:
            at = text.find(secret)
            if at >= 0 and len(secret) < _SHORT:
                return None
            while at >= 0:
                marked[at : at + len(secret)] = b"\x01" * len(secret)
                at = text.find(secret, at + 1)
        for at in range(len(text) - _RUN + 1):
            if text[at : at + _RUN] in self._runs:
                marked[at : at + _RUN] = b"\x01" * _RUN
        return _without(text, marked)


def _without(text: str, marked: bytearray) -> str:
    pieces, at = [], 0
    for run in re.finditer(rb"\x01+", bytes(marked)):
        pieces += [text[at : run.start()], HIDDEN]
        at = run.end()
    return "".join([*pieces, text[at:]])
