"""Make private keys that take a library long to read, or are not taken for another reason.

Their primes are Mersenne's, so that making them takes no time.
"""

import base64
import json
import math

P, Q = (1 << 3217) - 1, (1 << 2281) - 1
BITS = 3217 + 2281


def _element(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + length + body


def _sequence(*parts: bytes) -> bytes:
    return _element(0x30, *parts)


def _integer(value: int) -> bytes:
    return _element(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _object_id(digits: str) -> bytes:
    return _element(0x06, bytes.fromhex(digits))


def pem(label: str, der: bytes, head: str = "") -> str:
    """Return a PEM with these bytes."""
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{head}{body}-----END {label}-----\n"


def _numbers(p: int, q: int) -> tuple[int, ...]:
    d = pow(65537, -1, math.lcm(p - 1, q - 1))
    return p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)


def _rsa(p: int = P, q: int = Q) -> bytes:
    return _sequence(_integer(0), *map(_integer, _numbers(p, q)))


def long_rsa() -> str:
    """Return an RSA key of 5,498 bits in the form of PKCS #1."""
    return pem("RSA PRIVATE KEY", _rsa())


def long_rsa_in_pkcs8() -> str:
    """Return the same key in the form of PKCS #8."""
    kind = _sequence(_object_id("2a864886f70d010101"), b"\x05\0")
    return pem("PRIVATE KEY", _sequence(_integer(0), kind, _element(0x04, _rsa())))


def rsa_jwk(p: int = P, q: int = Q, *, has_factors: bool = True) -> str:
    """Return an RSA key as a JWK, without its factors if asked."""
    names = ("n", "e", "d", "p", "q", "dp", "dq", "qi")[: 8 if has_factors else 3]
    numbers = zip(names, _numbers(p, q), strict=False)
    return json.dumps({"kty": "RSA"} | {name: _base64(number) for name, number in numbers})


def _base64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rsa_of_other_numbers() -> str:
    """Return an RSA key of 2,048 bits whose prime is longer than its modulus."""
    n, e, d, _, *rest = _numbers((1 << 1279) - 1, (1 << 607) - 1)
    return pem("RSA PRIVATE KEY", _sequence(_integer(0), *map(_integer, (n, e, d, P, *rest))))


def dsa() -> str:
    """Return a DSA key, whose public half a library computes when it reads it."""
    kind = _sequence(
        _object_id("2a8648ce380401"), _sequence(_integer(P), _integer(Q), _integer(65537))
    )
    return pem("PRIVATE KEY", _sequence(_integer(0), kind, _element(0x04, _integer(Q - 2))))


def encrypted(iterations: int = 12_000_000) -> str:
    """Return a key whose password is derived in so many steps (PBKDF2)."""
    salted = _sequence(
        _element(0x04, b"saltsalt"),
        _integer(iterations),
        _sequence(_object_id("2a864886f70d0209"), b"\x05\0"),
    )
    derived = _sequence(_object_id("2a864886f70d01050c"), salted)
    cipher = _sequence(_object_id("60864801650304012a"), _element(0x04, bytes(16)))
    scheme = _sequence(_object_id("2a864886f70d01050d"), _sequence(derived, cipher))
    return pem("ENCRYPTED PRIVATE KEY", _sequence(scheme, _element(0x04, b"\x11" * 128)))


def encrypted_in_the_old_way() -> str:
    """Return a key that is encrypted as OpenSSL did it before PKCS #8 (RFC 1421)."""
    head = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,000102030405060708090A0B0C0D0E0F\n\n"
    return pem("RSA PRIVATE KEY", b"\x11" * 128, head)
