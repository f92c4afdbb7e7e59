"""Give a TLS context a certificate and a private key that exist as text alone."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from portal.core.asymmetric_keys import RefusedKey, plain_pem


def present(trust: ssl.SSLContext, certificate: str, key: str) -> None:
    """Make the context present this certificate. Raises RefusedKey for a key that is not taken, and
    ValueError if they are no pair."""
    try:
        # So that OpenSSL reads no other key than the one that was looked at.
        own_key = plain_pem(key)
        with ExitStack() as stack:
            chain = stack.enter_context(_readable(certificate))
            own = stack.enter_context(_readable(own_key))
            # Without the password, OpenSSL would ask on the terminal for that of an encrypted key.
            trust.load_cert_chain(chain, own, password="")
    except RefusedKey:
        raise
    except (ssl.SSLError, OSError, ValueError):
        raise ValueError("the certificate and the private key are no pair") from None


@contextmanager
def _readable(text: str) -> Iterator[str]:
    """Yield a path with this text. It is in memory alone where the system can do that."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory() as folder:  # of mode 0700
        path = Path(folder) / "pem"
        path.write_text(text)
        yield str(path)
