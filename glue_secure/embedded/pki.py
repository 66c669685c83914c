"""The temporary certificate authority of an embedded account, and the certificates that it issues.

The certificates have the extensions that OpenSSL, the JVM and ``cryptography.x509.verification`` check: key
identifiers, basic constraints, key usage and subject alternative names (RFC 5280). There is no revocation
list. ``docs/dependencies.md`` says why the certificates are not made by a test library.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from glue_secure.connections.tls.system_roots import read_certificates
from glue_secure.connections.tls.system_roots import system_roots as system_roots_of_openssl
from glue_secure.connections.tls.trust_store import trust_store_of
from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.folders import write_private

LOCALHOST = ("localhost", "127.0.0.1", "::1")
LIFETIME = dt.timedelta(days=90)
SKEW = dt.timedelta(hours=1)
KEY_BITS = 2048

# For a Python whose OpenSSL has other default paths than the system.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two PEM files: a certificate, and its private key, which only the file's owner can read."""

    certificate: Path
    key: Path


def create_authority(folder: Path, *, now: dt.datetime) -> KeyPair:
    """Create a certificate authority: the files ``ca.pem`` and ``ca.key``.

    Args:
        folder: an existing folder for the files.
        now: an aware time. The certificate is valid from ``SKEW`` before to ``LIFETIME`` after it.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = _name("glue-secure embedded account: temporary authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
        .sign(key, hashes.SHA256())
    )
    return _written(folder, "ca", certificate, key)


def issue(
    authority: KeyPair,
    host_names: Sequence[str],
    *,
    folder: Path,
    stem: str,
    not_before: dt.datetime,
    not_after: dt.datetime,
) -> KeyPair:
    """Issue a server certificate: the files ``STEM.pem`` and ``STEM.key``.

    Args:
        authority: the issuer.
        host_names: host names and IP addresses for the subject alternative name, at least one.
        folder: an existing folder for the files.
        stem: the files' name without suffix.
        not_before: start of validity, an aware time. Tests also issue expired certificates.
        not_after: end of validity, an aware time.
    """
    signer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    signing_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(signing_key, rsa.RSAPrivateKey):
        raise GlueSecureError(f"{authority.key} is not an RSA key")
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    signer_identifier = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(host_names[0]))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(
            x509.SubjectAlternativeName([general_name(host) for host in host_names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer_identifier), critical=False
        )
        .sign(signing_key, hashes.SHA256())
    )
    return _written(folder, stem, certificate, key)


def system_roots() -> tuple[x509.Certificate, ...]:
    """Return the root certificates that this machine trusts, or certifi's if it has none."""
    if roots := system_roots_of_openssl():
        return roots
    for bundle in (*_SYSTEM_BUNDLES, _certifi()):
        certificates = {root.fingerprint(hashes.SHA256()): root for root in read_certificates(Path(bundle))}
        if certificates:
            return tuple(certificates.values())
    return ()


def write_trust_store(path: Path, certificates: Sequence[x509.Certificate]) -> None:
    """Write certificates as a PKCS#12 trust store for the JVM, under ``PASSWORD`` of a trust store."""
    entries = [pkcs12.PKCS12Certificate(c, f"root-{n}".encode()) for n, c in enumerate(certificates)]
    write_private(path, trust_store_of(entries), 0o644)


def _certifi() -> str:
    try:
        import certifi
    except ImportError:
        return ""
    return certifi.where()


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "glue-secure"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def general_name(host: str) -> x509.GeneralName:
    """Return a host name or IP address as an entry of a subject alternative name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _written(folder: Path, stem: str, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> KeyPair:
    pair = KeyPair(folder / f"{stem}.pem", folder / f"{stem}.key")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(pair.key, private)
    write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return pair
