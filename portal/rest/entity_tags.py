"""Make and compare entity tags (RFC 9110, 8.8.3 and 13.1.1).

The tag of a record is `"<version>"`. If its document also changes without a new version, the tag is
`"<version>-<hash of the document>"`, so that If-None-Match tells the truth. If-Match compares the
version only: a health that changed in between must not refuse a change.
"""

import hashlib
import re
from collections.abc import Iterator

from portal.core.compression import SUFFIX
from portal.core.errors import BadRequest, FieldError

ONE = re.compile(r'(W/)?"([!#-~\x80-\xff]*)"[ \t]*(?:,[ \t,]*|$)')
VERSION = re.compile(rf"(\d+)(?:-[0-9a-f]+)?(?:{SUFFIX})?")


def hash_of(body: bytes) -> str:
    """Return a short hash of a body, for its tag. SHA-1 costs half of what BLAKE2 does."""
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()[:16]


def names(header: str, version: int) -> bool:
    """Tell whether an `If-Match` names this version. Raises BadRequest if it cannot be read."""
    if header.strip() == "*":
        return True
    wanted = str(version)
    return wanted in {found[1] for tag in _strong_tags(header) if (found := VERSION.fullmatch(tag))}


def _strong_tags(header: str) -> Iterator[str]:
    """Yield the strong tags of a list of tags. A weak one never matches (RFC 9110, 13.1.1)."""
    text = header.strip(" \t,")
    place = 0
    while place < len(text) or not text:
        found = ONE.match(text, place)
        if found is None:
            message = 'Give * or the ETag that you read, such as "3".'
            raise BadRequest(errors=[FieldError("If-Match", message)])
        if found[1] is None:
            yield found[2]
        place = found.end()
