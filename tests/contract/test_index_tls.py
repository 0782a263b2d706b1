"""TLS: a certificate nobody vouches for stops look and upload; the configured CA file lets both through."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.adapters.index.children import Children
from bot.domain.errors import RefusedError
from bot.domain.releases import AttemptOutcome
from tests.contract.index_parts import Scripted, keep, make_adapter, says, simple_spec, wheel_bytes


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for loopback that signs itself, with its key in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "index.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_only_the_configured_authority_is_trusted(certificate: Path, tmp_path: Path, children: Children) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    adapter = make_adapter(tmp_path / "state", children)
    distribution = keep(adapter, tmp_path, wheel_bytes())
    with Scripted(says("200 OK", "<h1>Links for widget</h1>", Content_Type="text/html"), tls=tls).running() as server:
        place = adapter.place(simple_spec(server.url), 1, "widget")
        with pytest.raises(RefusedError, match="TLS failed"):
            adapter.files(place, "widget")
        sent = adapter.send(place, distribution)
        assert (sent.outcome, sent.again) == (AttemptOutcome.UNCLEAR, False)
        assert sent.reason.startswith("TLS failed")
        assert server.requests == []
        trusted = replace(place, spec=replace(place.spec, ca_file=str(certificate)))
        assert adapter.files(trusted, "widget") == ()
        adapter.send(trusted, distribution)
        assert [request.method for request in server.requests] == ["GET", "POST"]
