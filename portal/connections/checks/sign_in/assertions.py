"""Sign JSON Web Tokens that say who we are (RFC 7519, RFC 7523)."""

import base64
import hashlib
import time
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from portal.connections.checks.progress import Stopped
from portal.connections.checks.report import Failure
from portal.core.asymmetric_keys import RefusedKey, open_private_key
from portal.providers.filling import fill, names
from portal.providers.sign_in import Assertion

_BAD_KEY = Failure(
    "auth_invalid",
    "The private key cannot be used: it is not a private key of the kind that is needed here.",
    "Enter it whole, from -----BEGIN to -----END, without a passphrase; or as a JWK.",
)
_BAD_CERTIFICATE = Failure(
    "auth_invalid",
    "The certificate cannot be read.",
    "Enter it whole, from -----BEGIN CERTIFICATE to -----END.",
)


def assertion_of(wanted: Assertion, values: Mapping[str, Any], audience: str) -> str:
    """Return a signed assertion. `audience` is whom it is for if the entry names nobody.

    Raises Stopped for a bad key, Unfilled for a missing value.
    """
    key = _key(fill(wanted.key, values))
    needs_fingerprint = any(
        "key_fingerprint" in names(text)
        for text in (wanted.issuer, wanted.subject or "", *wanted.claims.values())
    )
    if needs_fingerprint:
        values = {**values, "key_fingerprint": _fingerprint(key)}
    header = {"typ": "JWT", "alg": wanted.algorithm, **_key_names(wanted, key, values)}
    named = fill(wanted.audience, values) if wanted.audience else audience
    now = int(time.time())
    claims = {
        "iss": fill(wanted.issuer, values),
        "iat": now,
        "exp": now + wanted.lifetime,
        "jti": uuid.uuid4().hex,
        **({"aud": named} if named else {}),
        **({"sub": fill(wanted.subject, values)} if wanted.subject else {}),
        **{name: fill(text, values) for name, text in wanted.claims.items()},
    }
    try:
        return jwt.encode(header, claims, key, algorithms=[wanted.algorithm])
    except (JoseError, ValueError, TypeError):
        raise Stopped(_BAD_KEY) from None


def claims_of(token: str) -> Mapping[str, Any]:
    """Return the claims of a token that we hold, unverified; nothing if it is not a JWT.

    They are only shown: whoever takes the token verifies it.
    """
    parts = token.split(".")
    if len(parts) != 3 or not token.startswith("eyJ"):
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _key(text: str) -> RSAKey | ECKey:
    try:
        key = open_private_key(text)
    except RefusedKey as refused:
        raise Stopped(refusal(refused)) from None
    except ValueError:
        raise Stopped(_BAD_KEY) from None
    if not isinstance(key, (RSAKey, ECKey)):
        raise Stopped(_BAD_KEY)
    return key


def refusal(refused: RefusedKey) -> Failure:
    """Return the end of a check whose private key is not taken."""
    return Failure("auth_invalid", refused.said, refused.remedy)


def _key_names(wanted: Assertion, key: RSAKey | ECKey, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of the header that tell which key signed."""
    found = {}
    if wanted.key_id is not None:
        found["kid"] = fill(wanted.key_id, values)
    elif own := key.dict_value.get("kid"):
        found["kid"] = str(own)
    if wanted.thumbprint_of is not None:
        pem = fill(wanted.thumbprint_of, values).replace("\\n", "\n")
        try:
            certificate = x509.load_pem_x509_certificate(pem.strip().encode())
        except ValueError:
            raise Stopped(_BAD_CERTIFICATE) from None
        der = certificate.public_bytes(serialization.Encoding.DER)
        digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest())
        found["x5t#S256"] = digest.rstrip(b"=").decode()
    return found


def _fingerprint(key: RSAKey | ECKey) -> str:
    der = key.as_der(private=False)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
