import datetime as dt
import stat
import subprocess
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from glue_secure.connections.tls import trust_store
from glue_secure.connections.tls.system_roots import read_certificates
from glue_secure.embedded import pki
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.java import java_home

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.timezone.utc)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> pki.KeyPair:
    return pki.create_authority(tmp_path_factory.mktemp("pki"), now=NOW)


def issue(
    authority: pki.KeyPair, *names: str, after: dt.timedelta = dt.timedelta(days=1)
) -> x509.Certificate:
    pair = pki.issue(
        authority,
        names,
        folder=authority.certificate.parent,
        stem="server",
        not_before=NOW - dt.timedelta(days=2),
        not_after=NOW + after,
    )
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def verify(authority: pki.KeyPair, certificate: x509.Certificate, name: x509.GeneralName) -> None:
    root = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    builder = PolicyBuilder().store(Store([root])).time(NOW.replace(tzinfo=None))
    builder.build_server_verifier(name).verify(certificate, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", pki.LOCALHOST)
def test_a_certificate_for_localhost_verifies_by_name_and_by_address(
    authority: pki.KeyPair, name: str
) -> None:
    verify(authority, issue(authority, *pki.LOCALHOST), pki.general_name(name))


def test_a_certificate_for_another_name_does_not_verify(authority: pki.KeyPair) -> None:
    with pytest.raises(VerificationError, match=r"name|subject"):
        verify(authority, issue(authority, "db.example.org"), x509.DNSName("localhost"))


def test_an_expired_certificate_does_not_verify(authority: pki.KeyPair) -> None:
    expired = issue(authority, "localhost", after=-dt.timedelta(days=1))
    with pytest.raises(VerificationError, match=r"validity|valid at"):
        verify(authority, expired, x509.DNSName("localhost"))


def test_certificates_meet_the_requirements_of_glue_for_custom_certificates(authority: pki.KeyPair) -> None:
    for certificate in (
        issue(authority, "localhost"),
        x509.load_pem_x509_certificate(authority.certificate.read_bytes()),
    ):
        assert certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA256
        assert certificate.public_key().key_size >= 2048  # type: ignore[union-attr]
        names = {extension.oid._name for extension in certificate.extensions}
        assert {"basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier"} <= names


def test_private_keys_are_readable_by_their_owner_only_and_match_their_certificates(
    authority: pki.KeyPair,
) -> None:
    assert stat.S_IMODE(authority.key.stat().st_mode) == 0o600
    key = load_pem_private_key(authority.key.read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    assert key.public_key() == certificate.public_key()


def test_the_trust_store_contains_every_root_and_the_jvm_reads_it(
    authority: pki.KeyPair, tmp_path: Path
) -> None:
    authority_certificate = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    roots = (*pki.system_roots(), authority_certificate)
    store = tmp_path / "a b.p12"
    pki.write_trust_store(store, roots)
    loaded = pkcs12.load_pkcs12(store.read_bytes(), trust_store.PASSWORD.encode())
    assert {c.certificate for c in loaded.additional_certs} == set(roots)
    keytool = java_home(installed_spark()) / "bin" / "keytool"
    listing = subprocess.run(
        [keytool, "-list", "-keystore", store, "-storepass", trust_store.PASSWORD],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert listing.count("trustedCertEntry") == len(roots)


def test_without_system_roots_the_roots_are_those_of_certifi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki, "_SYSTEM_BUNDLES", ())
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    expected = set(read_certificates(Path(certifi.where())))
    assert set(pki.system_roots()) == expected != set()
