"""Throw-away certificates: an authority for one embedded account, and what it signs.

Certificates follow RFC 5280 closely enough for OpenSSL, the JVM and
``cryptography.x509.verification``: key identifiers, basic constraints, key usages and subject
alternative names are all there. There is no revocation list: an authority lives for days.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.folders import write_private

LOCALHOST = ("localhost", "127.0.0.1", "::1")
LIFETIME = dt.timedelta(days=90)
SKEW = dt.timedelta(hours=1)
KEY_BITS = 2048
TRUST_STORE_PASSWORD = "changeit"  # noqa: S105
"""Java's own default. A trust store holds public certificates only: this is no secret."""

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Two PEM files: a certificate, and its private key that only its owner can read."""

    certificate: Path
    key: Path


def create_authority(folder: Path, *, now: dt.datetime, lifetime: dt.timedelta = LIFETIME) -> KeyPair:
    """Make a certificate authority: ``ca.pem`` and ``ca.key`` in the folder.

    Args:
        folder: where the files go; it exists.
        now: an aware time; the authority is valid from an hour before it.
        lifetime: how long after ``now`` it is valid.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = _name("glue-secure embedded account: throw-away authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
        .sign(key, hashes.SHA256())
    )
    return _written(folder, "ca", certificate, key)


def issue(
    authority: KeyPair,
    names: Sequence[str],
    *,
    folder: Path,
    stem: str,
    not_before: dt.datetime,
    not_after: dt.datetime,
    key_bits: int = KEY_BITS,
) -> KeyPair:
    """Issue a server certificate, good or deliberately bad (another name, expired, a short key).

    Args:
        authority: who signs.
        names: host names and IP addresses for the subject alternative name, at least one.
        folder: where ``STEM.pem`` and ``STEM.key`` go.
        stem: the files' name.
        not_before: start of validity, an aware time.
        not_after: end of validity.
        key_bits: size of the RSA key.
    """
    signer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    signing_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(signing_key, rsa.RSAPrivateKey):
        raise GlueSecureError(f"{authority.key} holds no RSA key")
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_bits)
    signer_identifier = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0]))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
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
    """The certificates this machine trusts, certifi's where it has none.

    Certificates that ``cryptography`` refuses or warns about (a serial number that is not
    positive, say) are left out: nothing worth trusting here hangs on them.
    """
    for candidate in (ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES, _certifi()):
        if candidate and Path(candidate).is_file():
            roots = _readable_certificates(Path(candidate).read_bytes())
            if roots:
                return roots
    return ()


def write_bundle(path: Path, certificates: Sequence[x509.Certificate]) -> None:
    """Write certificates as one PEM file."""
    write_private(path, b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates), 0o644)


def write_trust_store(path: Path, certificates: Sequence[x509.Certificate]) -> None:
    """Write certificates as a PKCS#12 trust store for the JVM, under ``TRUST_STORE_PASSWORD``."""
    entries = [pkcs12.PKCS12Certificate(c, f"root-{n}".encode()) for n, c in enumerate(certificates)]
    algorithm = serialization.BestAvailableEncryption(TRUST_STORE_PASSWORD.encode())
    write_private(path, pkcs12.serialize_java_truststore(entries, algorithm), 0o644)


def _certifi() -> str:
    try:
        import certifi
    except ImportError:
        return ""
    return certifi.where()


def _readable_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    end = b"-----END CERTIFICATE-----"
    found: dict[bytes, x509.Certificate] = {}
    for block in pem.split(end)[:-1]:
        start = block.find(b"-----BEGIN CERTIFICATE-----")
        if start < 0:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                certificate = x509.load_pem_x509_certificate(block[start:] + end)
                if certificate.serial_number > 0:
                    found.setdefault(certificate.fingerprint(hashes.SHA256()), certificate)
        except (ValueError, Warning):
            continue
    return tuple(found.values())


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "glue-secure"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


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
