"""Over TLS, only a portal with a certificate that the machine trusts is spoken to."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cpod_integration import TransportError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sdk.python.both import KINDS, call
from tests.sdk.python.failing import RECORD, FailingServer

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "portal")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = FailingServer()

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):  # also of a client that does not trust the certificate
            connection, _ = listening.accept()
            connection.settimeout(30)
            with connection:
                server.take(context.wrap_socket(connection, server_side=True))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, args=[listening])
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def test_a_trusted_portal(kind, port, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    found = call(kind, f"https://127.0.0.1:{port}", lambda api: api.applications.get("app_1"))
    assert found == RECORD


def test_an_unknown_certificate(kind, port):
    with pytest.raises(TransportError, match="certificate") as raised:
        call(kind, f"https://127.0.0.1:{port}", lambda api: api.webhooks.delete("whk_1"), retries=0)
    assert not raised.value.may_be_done


def test_another_host(kind, port, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(TransportError, match="certificate"):
        call(kind, f"https://localhost:{port}", lambda api: api.applications.list(), retries=0)
