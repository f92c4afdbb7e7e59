"""Verify requests that carry a JSON Web Token: its key, its validity, its claims, and its body.

The key decides which algorithms are accepted, never the token: a public key is not a shared secret.
The secret of such a webhook is one of four things: a shared secret, a public key in PEM, a JWK or a
set of them as JSON, or the https address of a set. What everybody knows, an address or a public key
in another form, is not taken for a shared secret.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_der_x509_certificate
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, OctKey

from portal.core.asymmetric_keys import RefusedKey, check_public
from portal.webhooks.verification.codes import Problem
from portal.webhooks.verification.documents import Look
from portal.webhooks.verification.provider_schemes import CLAIMS, Scheme

SKEW = 60
FIVE_MINUTES = 300
SHORTEST_SECRET = 16
SHARED = ("HS256", "HS384", "HS512")
PUBLIC: Mapping[str, tuple[str, ...]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA", "Ed25519"),
}
BODY_CLAIM = "request_body_sha256"
TO_BASE64 = str.maketrans("-_", "+/")  # from the alphabet for addresses
# An address in any form: with a scheme, or the name of a host before a path.
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+://|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?/")
HTTPS, PEM, PRIVATE = "https://", "-----BEGIN", "PRIVATE KEY-----"
NO_AUDIENCE = (
    "Give the audience (aud) of the sender's tokens. The secret is the address of a key set, whose"
    " issuer makes tokens for others too: without an audience, any of them would be taken."
)
NO_ADDRESS = "This looks like an address. That of a key set begins with https:// in small letters."
NO_PEM = "This is a public key or a certificate without its PEM lines: give the public key in PEM."


class BadKey(ValueError):
    """The text is not a usable key; the message says why."""


class LongKey(BadKey):
    """A public key takes too long to compute with."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token with a valid signature: its claims, and the secret that verified it."""

    claims: Mapping[str, Any]
    secret: str


def is_address(secret: str) -> bool:
    """Tell whether the secret is the address of a key set, which has to be fetched."""
    return secret.startswith(HTTPS)


def is_shared(secret: str) -> bool:
    """Tell whether the secret is one that both sides keep, and not a public key or its address."""
    return not (is_address(secret) or _is_json(secret) or PEM in secret)


def key_id(token: str) -> str | None:
    """Return the id of the key that a token names. The token is not verified yet."""
    kid = _object(token.partition(".")[0]).get("kid")
    return kid if isinstance(kid, str) else None


def signed_part(token: str, body_claim: str) -> bytes | None:
    """Return the signed part of a token if it names one body; None if it is valid for any body.

    The signature itself can be written in several valid ways, so it cannot identify a delivery.
    """
    signed, _, _ = token.rpartition(".")
    claims = _object(signed.rpartition(".")[2])
    return signed.encode() if (body_claim or BODY_CLAIM) in claims else None


def _object(part: str) -> Mapping[str, Any]:
    """Return the JSON object in a part of an unverified token; empty if there is none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def opened(token: str, secrets: Sequence[str], look: Look) -> Token | None:
    """Return the token if one of the secrets' keys signed it, else None. Raises BadKey for a secret
    that is not a key."""
    wanted = key_id(token)
    for secret in secrets:
        for key, algorithms in keys_of(secret, look):
            if wanted and key.kid and key.kid != wanted:
                continue
            try:
                found = jws.deserialize_compact(token, key, algorithms=list(algorithms))
                claims = json.loads(found.payload)
            except (JoseError, ValueError, TypeError, RecursionError):
                continue
            if isinstance(claims, dict):
                return Token(claims, secret)
    return None


def has_key(secret: str, wanted: str | None, look: Look) -> bool:
    """Tell whether a secret has a key with this id, or a key without an id."""
    try:
        names = {key.kid for key, _ in keys_of(secret, look)}
    except BadKey:
        return False
    return not names.isdisjoint({wanted, None}) if wanted else bool(names)


def keys_of(secret: str, look: Look) -> Iterator[tuple[Key, Sequence[str]]]:
    """Yield the keys of a secret, each with its algorithms. Raises BadKey if it is not a key."""
    if is_address(secret):
        yield from _set((look(secret) or b'{"keys": []}').decode("utf-8", "replace"))
    elif _is_json(secret):
        yield from _set(secret)
    elif PEM in secret:
        yield _public(secret)
    else:
        yield _shared(secret), SHARED


def _is_json(secret: str) -> bool:
    return secret.lstrip().startswith(("{", "["))


def _shared(secret: str) -> Key:
    if len(secret) < SHORTEST_SECRET:
        raise BadKey(f"A shared secret has {SHORTEST_SECRET} characters at least.")
    if ADDRESS.match(secret.lstrip()):
        raise BadKey(NO_ADDRESS)
    if any(map(_is_public, _decoded(secret))):
        raise BadKey(NO_PEM)
    try:
        return OctKey.import_key(secret)
    except ValueError:
        raise BadKey("This is a public key in a form that is not known here.") from None


def _decoded(text: str) -> Iterator[bytes]:
    """Yield the bytes that a text may stand for, in base64 of either alphabet and in hex."""
    bare = "".join(text.split())
    with suppress(ValueError):
        yield base64.b64decode(bare.translate(TO_BASE64) + "=" * (-len(bare) % 4), validate=True)
    with suppress(ValueError):
        yield bytes.fromhex(bare)


def _is_public(der: bytes) -> bool:
    """Tell whether these bytes are a public key or a certificate in DER."""
    for load in (load_der_public_key, load_der_x509_certificate):
        with suppress(ValueError, TypeError, UnsupportedAlgorithm):
            load(der)
            return True
    return False


def _set(text: str) -> Iterator[tuple[Key, Sequence[str]]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadKey("This is neither a JWK nor a set of them.") from None
    listed = found.get("keys", [found]) if isinstance(found, dict) else found
    too_long: LongKey | None = None
    are_some = False
    for one in listed if isinstance(listed, list) else []:
        # Everybody can read a public set, so a shared secret in it is useless; encryption keys sign
        # nothing.
        if isinstance(one, dict) and one.get("kty") in PUBLIC and one.get("use") != "enc":
            try:
                key = _public(one)
            except LongKey as error:  # the genuine keys beside it still count
                too_long = error
                continue
            are_some = True
            yield key
    if too_long and not are_some:
        raise too_long


def _public(given: Any) -> tuple[Key, Sequence[str]]:
    # Before it is imported: that looks for a while whether a private key's numbers are primes.
    if "d" in given if isinstance(given, dict) else PRIVATE in given:
        raise BadKey("This is a private key: give the public one, and keep that to yourself.")
    kinds = [given["kty"]] if isinstance(given, dict) else list(PUBLIC)
    for kind in kinds:
        try:
            if isinstance(given, dict):
                check_public(given)
            key = JWKRegistry.import_key(given, kind)
            check_public(key.dict_value)
        except RefusedKey as refused:
            raise LongKey(str(refused)) from None
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        return key, PUBLIC[kind]
    raise BadKey("This is no public key in PEM or as a JWK.")


def problem(secret: str) -> str | None:
    """Return why this text cannot be the secret of a webhook whose sender uses tokens; else
    None."""
    try:
        found = list(keys_of(secret, lambda _: None))
    except BadKey as error:
        return str(error)
    return None if found or is_address(secret) else "There is no public key to sign with in it."


def time_problem(claims: Mapping[str, Any], now: float) -> Problem | None:
    """Return a code and a sentence if a token is not valid at `now` (seconds), else None."""
    moments = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(isinstance(at, int | float) and abs(at) < 1e12 for at in moments.values()):
        return "bad_timestamp", "The times in the token are no numbers."
    if "exp" not in moments and "iat" not in moments:
        return "bad_timestamp", "The token says neither exp nor iat, so it would hold for ever."
    until = moments.get("exp", moments.get("iat", 0) + FIVE_MINUTES)
    if now > until + SKEW:
        return "too_old", f"The token ran out {int(now - until)} s ago."
    begins = max(moments.get("nbf", 0), moments.get("iat", 0))
    if now < begins - SKEW:
        return "too_new", f"The token holds from in {int(begins - now)} s on: compare the clocks."
    return None


def claim_problem(claims: Mapping[str, Any], scheme: Scheme) -> Problem | None:
    """Return a code and a sentence if a token was made for somebody else than the webhook says, or
    by or about somebody else; else None."""
    for option, name in CLAIMS.items():
        wanted, given = getattr(scheme, option), claims.get(name)
        # A token may name several audiences (RFC 7519, 4.1.3).
        those = given if name == "aud" and isinstance(given, list) else [given]
        if wanted and wanted not in those:
            return (
                "wrong_claim",
                f"The token has another {option} ({name}) than this webhook takes.",
            )
    return None


def fits_body(claim: Any, body: bytes) -> bool:
    """Tell whether a claim is the SHA-256 of a body, in hex or in base64 of either alphabet."""
    if not isinstance(claim, str):
        return False
    digest = hashlib.sha256(body).digest()
    plain = base64.b64encode(digest).decode()
    given = claim.replace("-", "+").replace("_", "/").rstrip("=")
    forms = (digest.hex(), plain.rstrip("="))
    return any(hmac.compare_digest(given.encode(), form.encode()) for form in forms)
