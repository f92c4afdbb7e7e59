"""Hide a webhook's secrets in a request, wherever its sender put them.

Senders put them into wrong headers and into the address, too, and people see these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from portal.core.secret_scan import spellings
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.provider_schemes import Scheme
from portal.webhooks.verification.signature_check import Refused, credential, is_shared, read

HIDDEN = "[hidden]"
SHORTEST = 8  # characters of a secret that is hidden: a shorter one is part of other texts


def cleaned(scheme: Scheme, known: Sequence[str], message: Message) -> Message:
    """Return the message with these secrets hidden in it, in every spelling."""
    forms = _forms(scheme, known)
    return replace(
        message,
        url=_hidden(message.url, forms),
        headers=tuple((name, _hidden(value, forms)) for name, value in message.headers),
        body=_hidden_in_bytes(message.body, forms),
    )


def clean_text(scheme: Scheme, known: Sequence[str], text: str) -> str:
    """Return a text about a message with these secrets hidden in it, in every spelling."""
    return _hidden(text, _forms(scheme, known))


def presented(scheme: Scheme, message: Message) -> str | None:
    """Return the credential that a request carries in clear text; None if it carries none or
    several, or if it was hidden."""
    try:
        found = {credential(scheme, one) for one in read(scheme, message).signatures} - {HIDDEN}
    except Refused:
        return None
    return found.pop() if len(found) == 1 else None


def _forms(scheme: Scheme, known: Sequence[str]) -> Sequence[str]:
    found = {
        form for secret in known for text in _texts(scheme, secret) for form in spellings(text)
    }
    return sorted(found, key=len, reverse=True)  # one may be the beginning of another


def _texts(scheme: Scheme, secret: str) -> Iterator[str]:
    """Yield what nobody may read of a secret: nothing of a short one, or of one known to all."""
    if not is_shared(scheme, secret):
        return
    password = secret.partition(":")[2] if scheme.method == "basic" else ""
    yield from (text for text in (secret, password) if len(text) >= SHORTEST)


def _hidden(text: str, forms: Sequence[str]) -> str:
    for form in forms:
        text = text.replace(form, HIDDEN)
    return text


def _hidden_in_bytes(raw: bytes, forms: Sequence[str]) -> bytes:
    for form in forms:
        raw = raw.replace(form.encode("utf-8", "surrogatepass"), HIDDEN.encode())
    return raw
