"""The provider's signing key, stored in a file so that it survives a restart, and its JWTs."""

import json
import os
import secrets
import time
from functools import cache
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from portal_devtools.identity_provider.people import PEOPLE, PROGRAM_SCOPES, PROGRAMS

KEY_FILE = "identity-provider-key.json"
API_AUDIENCE = "urn:cpod:integration"
ALGORITHM = "RS256"
CLI_CLIENT = "portal-cli"
ACCESS_TOKEN_LIFETIME = 3600  # seconds; long for a token, to work with curl for a while


def signing_keys(data_dir: Path) -> KeySet:
    """Return the key in `data_dir`, created at first use. Concurrent processes agree on one key."""
    path = data_dir / KEY_FILE
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _keep(path, RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True))
    return _key_set(path.read_text())


@cache
def _key_set(stored: str) -> KeySet:
    # Reading a private key costs far more than signing with it: its primes are checked.
    return KeySet([RSAKey.import_key(json.loads(stored))])


def _keep(path: Path, key: RSAKey) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(key.as_dict(private=True), file)
    try:
        os.link(draft, path)  # atomic, and the first one wins
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def sign(keys: KeySet, claims: dict[str, Any], typ: str) -> str:
    """Return a JWT of the given media type."""
    header = {"alg": ALGORITHM, "typ": typ, "kid": keys.keys[0].kid}
    return jwt.encode(header, claims, keys, algorithms=[ALGORITHM])


def issue_token(
    data_dir: Path,
    issuer: str,
    name: str,
    *,
    audience: str = API_AUDIENCE,
    lifetime: int = ACCESS_TOKEN_LIFETIME,
) -> str:
    """Return an access token for a demo person (email) or program (client id), for `portal token`.

    It is the same token that a sign-in gets. No sign-in is needed, because anyone who can read the
    key file could sign any token. Raises LookupError if there is no such person or program.
    """
    now = int(time.time())
    claims = {
        **_claims_of(name),
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "exp": now + lifetime,
        "jti": secrets.token_urlsafe(16),
    }
    return sign(signing_keys(data_dir), claims, "at+jwt")


def _claims_of(name: str) -> dict[str, Any]:
    if name in PROGRAMS:
        scope = " ".join(PROGRAM_SCOPES)
        return {"sub": name, "client_id": name, "tenant_id": PROGRAMS[name], "scope": scope}
    person = next((p for p in PEOPLE if p.email == name), None)
    if person is None:
        known = [*(p.email for p in PEOPLE), *PROGRAMS]
        raise LookupError(f"{name} is none of {', '.join(known)}")
    return {**person.claims(), "client_id": CLI_CLIENT, "scope": "openid profile email"}
