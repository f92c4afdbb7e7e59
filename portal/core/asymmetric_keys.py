"""Decide which keys of others are taken, before a library computes with them.

Python waits while OpenSSL computes. It looks for hours whether a long RSA key has two primes, and
derives the password of an encrypted key as often as the key says. So neither is ever begun here.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, cast

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
)
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, OKPKey, RSAKey

MOST_BITS, MOST_PUBLIC_BITS = 4096, 8192
_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----")
_INTEGER, _OBJECT_ID, _SEQUENCE = 0x02, 0x06, 0x30
# RFC 8017, A.1 (RSA and RSASSA-PSS); RFC 5480, 2.1.1 (EC); RFC 8410, 3 (Ed25519 and Ed448).
_TAKEN = tuple(
    bytes.fromhex(each)
    for each in ("2a864886f70d010101", "2a864886f70d01010a", "2a8648ce3d0201", "2b6570", "2b6571")
)
_FACTORS = ("p", "q", "dp", "dq", "qi")

PrivateKey = RSAKey | ECKey | OKPKey


class RefusedKey(ValueError):
    """A key that is not taken. `said` tells why, and `remedy` what to do."""

    def __init__(self, said: str, remedy: str) -> None:
        super().__init__(f"{said} {remedy}")
        self.said, self.remedy = said, remedy


_ENCRYPTED = ("This private key is encrypted.", "Enter it without a passphrase.")
_OTHER_KIND = (
    "This private key is of a kind that is not taken.",
    "Use an RSA key, or one on an elliptic curve.",
)
_NO_FACTORS = (
    "This private RSA key lacks one of p, q, dp, dq and qi.",
    "Export it with all of them, or enter it as PEM.",
)


def open_private_key(text: str) -> PrivateKey:
    """Return the private key in a PEM or a JWK. Raises RefusedKey, and ValueError for no key."""
    text = text.strip()
    try:
        if text.startswith("{"):
            return _from_jwk(orjson.loads(text))
        return _from_der(_block(text)[1])
    except RefusedKey:
        raise
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        raise ValueError("this is no private key") from None


def private_key_problem(text: str) -> str | None:
    """Return as a sentence why a private key is not taken, or None. A check tells whether a text
    that is no key at all can be used."""
    try:
        open_private_key(text)
    except RefusedKey as refused:
        return str(refused)
    except ValueError:
        return None
    return None


def check_public(jwk: Mapping[str, Any]) -> None:
    """Raise RefusedKey for a public RSA key in a JWK that is too long."""
    if jwk.get("kty") == "RSA" and isinstance(jwk.get("n"), str):
        _check_bits(_number(jwk["n"]), MOST_PUBLIC_BITS)


def _check_bits(modulus: int, most: int) -> None:
    if modulus.bit_length() > most:
        raise RefusedKey(
            f"This RSA key has {modulus.bit_length():,} bits.", f"Use one of at most {most:,}."
        )


def _from_jwk(jwk: dict[str, Any]) -> PrivateKey:
    if jwk["kty"] == "EC":
        key = ECKey.import_key(jwk)
        if not key.is_private:
            raise ValueError("only the public half")
        return key
    if jwk["kty"] != "RSA" or "d" not in jwk:
        raise ValueError("no private key of a pair")
    modulus = _number(jwk["n"])
    _check_bits(modulus, MOST_BITS)
    # To find the factors of a hostile key takes minutes (RFC 7518, 6.3.2, says to have them).
    if any(name not in jwk for name in _FACTORS):
        raise RefusedKey(*_NO_FACTORS)
    p, q, dp, dq, qi = (_number(jwk[name]) for name in _FACTORS)
    public = RSAPublicNumbers(_number(jwk["e"]), modulus)
    numbers = RSAPrivateNumbers(p, q, _number(jwk["d"]), dp, dq, qi, public)
    _check_numbers(numbers)
    native = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    about = {name: jwk[name] for name in ("kid", "use", "alg", "key_ops") if name in jwk}
    whole = RSAKey.import_key(native, cast("KeyParameters", about))
    whole.as_dict()  # otherwise it would look at what is said about the key when it is used
    return whole


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def plain_pem(text: str) -> str:
    """Return the private key in a PEM as a PEM with nothing else in it. Raises like
    `open_private_key`."""
    open_private_key(text)
    label, der = _block(text)
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"


def _block(text: str) -> tuple[str, bytes]:
    """Return the label and the DER of the first private key in a PEM."""
    # A key that was copied out of a JSON file still has its line breaks as \n.
    text = text.replace("\\n", "\n")
    found = _LABEL.search(text)
    if found is None:
        raise ValueError("no private key")
    body, end, _ = text[found.end() :].partition(f"-----END {found[1]}-----")
    if found[1].startswith("ENCRYPTED") or ",ENCRYPTED" in body:  # PKCS #8, or RFC 1421
        raise RefusedKey(*_ENCRYPTED)
    if not end:
        raise ValueError("not whole")
    return found[1], base64.b64decode("".join(body.split()), validate=True)


def _from_der(der: bytes) -> PrivateKey:
    if _algorithm(der) not in (None, *_TAKEN):
        raise RefusedKey(*_OTHER_KIND)
    native = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if isinstance(native, RSAPrivateKey):
        _check_bits(native.public_key().public_numbers().n, MOST_BITS)
        _check_numbers(native.private_numbers())
        return RSAKey.import_key(native)
    if isinstance(native, EllipticCurvePrivateKey):
        return ECKey.import_key(native)
    if isinstance(native, (Ed25519PrivateKey, Ed448PrivateKey)):
        return OKPKey.import_key(native)
    raise RefusedKey(*_OTHER_KIND)


def _check_numbers(numbers: RSAPrivateNumbers) -> None:
    """Raise ValueError unless the numbers belong together, so that none is longer than the modulus.

    Whether p and q are primes is not asked: that is what takes long.
    """
    p, q, d, public = numbers.p, numbers.q, numbers.d, numbers.public_numbers
    fits = (
        p > 1
        and q > 1
        and p * q == public.n
        and public.n % 2 == 1
        and 1 < d < public.n
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )
    if not fits:
        raise ValueError("the numbers of this key do not belong together")


def _algorithm(der: bytes) -> bytes | None:
    """Return the object id of a key in PKCS #8 (RFC 5208); None for one in a form of its own."""
    _version, rest = _element(_element(der, _SEQUENCE)[0], _INTEGER)
    if rest[:1] != bytes([_SEQUENCE]):
        return None
    return _element(_element(rest, _SEQUENCE)[0], _OBJECT_ID)[0]


def _element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first element, and what follows. Raises ValueError for another."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("not the element that is expected")
    length, begin = der[1], 2
    if length > 0x7F:
        begin += length - 0x80
        length = int.from_bytes(der[2:begin])
    return der[begin : begin + length], der[begin + length :]
