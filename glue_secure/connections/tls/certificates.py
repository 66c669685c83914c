"""Checks of X.509 certificates. The caller supplies the current time.

A certificate authority (the file of ``CUSTOM_JDBC_CERT``) must be readable, a CA, in date and strong. A
server's certificate must be in date and strong. The TLS handshake verifies chains and names (:mod:`.probe`).
https://docs.aws.amazon.com/glue/latest/dg/connection-properties.html#connection-properties-SSL
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import SignatureAlgorithmOID as Signature

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, Verdict, enforce, failed, passed, stop
from glue_secure.core.identifiers import S3Uri

GLUE_SIGNATURES = ("sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption")
"""The signature algorithms that Glue accepts for CUSTOM_JDBC_CERT, with an RSA key of 2048 bits or more."""
REQUIRED_STRENGTH = (
    "SHA-256, SHA-384 or SHA-512, with RSA of 2048 bits or more or ECDSA on P-256, P-384 or P-521"
)
_SIGNATURE_NAMES = {
    Signature.RSA_WITH_SHA1: "sha1WithRSAEncryption",
    Signature.RSA_WITH_SHA256: "sha256WithRSAEncryption",
    Signature.RSA_WITH_SHA384: "sha384WithRSAEncryption",
    Signature.RSA_WITH_SHA512: "sha512WithRSAEncryption",
    Signature.RSASSA_PSS: "RSASSA-PSS",
    Signature.ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    Signature.ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    Signature.ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
}
_STRONG_SIGNATURES = tuple(oid for oid in _SIGNATURE_NAMES if oid != Signature.RSA_WITH_SHA1)
_STRONG_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_MAX_FILE_SIZE = 1024 * 1024
_MIN_RSA_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_NOT_PARSED = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""The exceptions of ``cryptography`` for certificates that are malformed, or contain unusual parts."""
NAMES_NOT_SHOWN = "(names of a type that is not supported, not shown)"
_BLOCK = re.compile(rb"-----BEGIN ([^-\r\n]*)-----")


class CertificateFormatError(ValueError):
    """A certificate cannot be parsed."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Fields of a certificate, as text for messages and evidence.

    Attributes:
        subject: RFC 4514.
        names: DNS names and IP addresses of the subjectAltName, in order; ``NAMES_NOT_SHOWN`` if it contains
            a type that ``cryptography`` does not parse (x400Address, ediPartyName).
        issuer: RFC 4514.
        not_before: UTC.
        not_after: UTC.
        fingerprint: SHA-256 of the DER encoding, hexadecimal.
        key: ``RSA 2048``, ``secp256r1``, or the type of the key.
        signature: ``sha256WithRSAEncryption``, or the algorithm's OID if it has no name here.
        identifies_issuer_key: whether it has an authority key identifier, or is self-issued and needs none.
    """

    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    key: str
    signature: str
    identifies_issuer_key: bool

    @property
    def dates(self) -> str:
        """``2025-01-01 to 2026-01-01``."""
        return f"{self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}"


def certificate_location(text: str, property_name: str, *, resource: str) -> S3Uri | None:
    """Return the location of the certificate authority that a connection property names; None if it is empty.

    Raises:
        RefusedError: GS-TLS-012, the property is not the location of an S3 object.
    """
    if not text:
        return None
    try:
        location = S3Uri.parse(text)
    except UsageError:
        location = None
    if location is None or not location.key or location.key.endswith("/"):
        stop(
            failed(
                "GS-TLS-012",
                resource,
                found=f"{property_name} is not the location of an S3 object",
                required="s3://BUCKET/KEY of a PEM file with the certificate of the CA",
                fix=f"set {property_name} to the object, or remove it to use the system's roots",
            )
        )
    return location


def load_authorities(pem: bytes, *, resource: str) -> tuple[x509.Certificate, ...]:
    """Return every certificate of a PEM file, without duplicates, in the file's order.

    Raises:
        RefusedError: GS-TLS-012, the file is empty, not PEM, damaged, or contains something else too.
    """
    if not pem.strip():
        _stop_unreadable(resource, "an empty file")
    if len(pem) > _MAX_FILE_SIZE:
        _stop_unreadable(resource, f"a file of more than {_MAX_FILE_SIZE} bytes")
    labels = [label.decode("ascii", "replace") for label in _BLOCK.findall(pem)]
    if any("PRIVATE KEY" in label for label in labels):
        _stop_unreadable(
            resource,
            "a private key in the file of the certificate authority",
            fix="replace the file by one with the certificate only, and treat the key as leaked",
        )
    if not labels:
        _stop_unreadable(resource, "no PEM certificate in the file (convert DER to PEM)")
    if any(label != "CERTIFICATE" for label in labels):
        _stop_unreadable(resource, "PEM blocks other than certificates in the file")
    certificates: list[x509.Certificate] = []
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            describe(certificate)  # Parsing is lazy: an invalid name or date raises only when it is read.
            certificate.extensions  # noqa: B018
    except _NOT_PARSED:
        _stop_unreadable(resource, "a certificate that cannot be parsed")
    if len(certificates) != len(labels):
        _stop_unreadable(resource, "a PEM certificate without its end")
    return tuple(
        {certificate.fingerprint(hashes.SHA256()): certificate for certificate in certificates}.values()
    )


def trusted_authorities(
    certificates: Sequence[x509.Certificate], *, now: datetime, resource: str
) -> tuple[tuple[x509.Certificate, ...], tuple[Finding, ...]]:
    """Return the certificate authorities that are in date, and GS-TLS-003 and -004 passed.

    Bundles often contain an expired root besides valid ones (those of RDS do), so certificates out of date
    are left out. A certificate that is not a CA, or is weak, rejects the whole file.

    Raises:
        RefusedError: GS-TLS-003 (not a CA, or all out of date), GS-TLS-004 (weak), GS-TLS-012 (no
            certificate).
    """
    if not certificates:
        _stop_unreadable(resource, "no certificate authority")
    label = "the certificate authority"
    in_date, out_of_date = [], []
    for certificate in certificates:
        enforce([check_is_authority(certificate, resource=resource)])
        enforce([check_strength(certificate, resource=resource, label=label)])
        finding = check_dates(certificate, now=now, resource=resource, label=label)
        if finding.verdict is Verdict.PASS:
            in_date.append(certificate)
        else:
            out_of_date.append(finding)
    if not in_date:
        enforce(out_of_date[:1])
    count = f"{len(in_date)} of {len(certificates)} certificate authorities"
    return tuple(in_date), (
        passed("GS-TLS-003", resource, f"{count} in date, all marked as CA"),
        passed("GS-TLS-004", resource, f"key and signature of {len(certificates)} certificate authorities"),
    )


def check_system_anchor(
    certificate: x509.Certificate, *, now: datetime, resource: str
) -> tuple[Finding, ...]:
    """GS-TLS-003, -004: a root of the system is in date and has a strong key.

    Its signature is not checked: a root's own signature proves nothing, and public roots of 2006 use SHA-1.
    """
    return (
        check_dates(certificate, now=now, resource=resource, label="the system's root"),
        _check_key(certificate, resource, "the system's root"),
    )


def check_leaf(certificate: x509.Certificate, *, now: datetime, resource: str) -> tuple[Finding, ...]:
    """GS-TLS-003, -004: a server's certificate is in date and strong."""
    return (
        check_dates(certificate, now=now, resource=resource, label="the server's certificate"),
        check_strength(certificate, resource=resource, label="the server's certificate"),
    )


def check_is_authority(certificate: x509.Certificate, *, resource: str) -> Finding:
    """GS-TLS-003: the certificate is a CA that may sign certificates."""
    problem = ""
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            problem = "basicConstraints has CA:FALSE"
        elif not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            problem = "keyUsage does not allow signing certificates"
    except x509.ExtensionNotFound as missing:
        # keyUsage is optional (any use); basicConstraints is required.
        if missing.oid == x509.BasicConstraints.oid:
            problem = "it has no basicConstraints extension"
    subject = describe(certificate).subject
    if not problem:
        return passed("GS-TLS-003", resource, f"{subject} is a certificate authority")
    return failed(
        "GS-TLS-003",
        resource,
        found=f"not a certificate authority: {subject} ({problem})",
        required="the certificate of the CA (CA:TRUE) that signed the server's",
        fix="put the CA's certificate, not the server's, at the location of CUSTOM_JDBC_CERT",
    )


def check_dates(certificate: x509.Certificate, *, now: datetime, resource: str, label: str) -> Finding:
    """GS-TLS-003: the certificate is valid at ``now`` (aware). ``label`` names it in messages."""
    facts = describe(certificate)
    if facts.not_before <= now <= facts.not_after:
        return passed("GS-TLS-003", resource, f"{label} {facts.subject}, valid {facts.dates}")
    state = "expired" if now > facts.not_after else "not yet valid"
    return failed(
        "GS-TLS-003",
        resource,
        found=f"{label} is {state}: {facts.subject}, valid {facts.dates}",
        required=f"a certificate that is valid on {now:%Y-%m-%d}",
        fix="renew the certificate" if state == "expired" else "wait until it is valid, or correct the clock",
    )


def check_strength(certificate: x509.Certificate, *, resource: str, label: str) -> Finding:
    """GS-TLS-004: signature algorithm and key are strong. ``label`` names the certificate in messages."""
    algorithm: hashes.HashAlgorithm | None = None
    try:
        algorithm = certificate.signature_hash_algorithm
        strong = certificate.signature_algorithm_oid in _STRONG_SIGNATURES
        strong = strong and isinstance(algorithm, _STRONG_HASHES)
    except UnsupportedAlgorithm:
        strong = False
    if not strong:
        name = algorithm.name if algorithm else certificate.signature_algorithm_oid.dotted_string
        return _weak(resource, f"{label} is signed with {name}: {describe(certificate).subject}")
    return _check_key(certificate, resource, label)


def load_certificate(der: bytes) -> x509.Certificate:
    """Return the certificate of a DER encoding. Raises CertificateFormatError if it is malformed."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except _NOT_PARSED as error:
        raise CertificateFormatError from error
    describe(certificate)  # Parsing is lazy: an invalid name or date raises only when it is read.
    return certificate


def describe(certificate: x509.Certificate) -> CertificateFacts:
    """Return the fields of a certificate. Raises CertificateFormatError if it is malformed."""
    try:
        oid = certificate.signature_algorithm_oid
        return CertificateFacts(
            subject=printable(certificate.subject.rfc4514_string()) or "(no subject)",
            names=_names(certificate),
            issuer=printable(certificate.issuer.rfc4514_string()) or "(no issuer)",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            key=_key_type(certificate),
            signature=_SIGNATURE_NAMES.get(oid, oid.dotted_string),
            identifies_issuer_key=certificate.subject == certificate.issuer
            or _has_authority_key(certificate),
        )
    except _NOT_PARSED as error:
        raise CertificateFormatError from error


def compatibility_notes(
    chain: Sequence[CertificateFacts], authority: CertificateFacts | None
) -> tuple[str, ...]:
    """Return notes on an accepted chain that Glue's own readers or stricter clients reject.

    Args:
        chain: from the server's certificate to the trust anchor.
        authority: the trust anchor, if it comes from CUSTOM_JDBC_CERT; None for a root of the system.
    """
    notes = []
    if authority is not None and authority.signature not in GLUE_SIGNATURES:
        notes.append(
            f"Glue's own readers reject this CUSTOM_JDBC_CERT: it is signed with {authority.signature}, "
            f"and Glue accepts only {', '.join(GLUE_SIGNATURES)}"
        )
    if authority is not None and not authority.key.startswith("RSA "):
        notes.append(
            f"Glue's own readers reject this CUSTOM_JDBC_CERT: its key is {authority.key}, and Glue accepts "
            "only RSA of 2048 bits or more"
        )
    notes += [
        f"{certificate.subject} has no authority key identifier (RFC 5280 4.2.1.1). glue-secure and the "
        "drivers accept it, because signature, name and dates are valid; strict clients (Python 3.13 by "
        "default) reject it. Have the certificate issued again"
        for certificate in chain
        if not certificate.identifies_issuer_key
    ]
    return tuple(notes)


def to_pem(certificate: x509.Certificate) -> str:
    """Return the certificate as PEM text."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def printable(text: str) -> str:
    """Return text of an untrusted certificate in a form that is safe for a terminal and a log line."""
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except x509.UnsupportedGeneralNameType:
        return (NAMES_NOT_SHOWN,)
    addresses = (str(address) for address in value.get_values_for_type(x509.IPAddress))
    return tuple(printable(name) for name in (*value.get_values_for_type(x509.DNSName), *addresses))


def _has_authority_key(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    except x509.UnsupportedGeneralNameType:
        return True  # Not known: no extension can be read.
    return True


def _key_type(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _check_key(certificate: x509.Certificate, resource: str, label: str) -> Finding:
    facts = describe(certificate)
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        weakness = "a key of an unknown type"
    else:
        if isinstance(key, rsa.RSAPublicKey):
            weakness = "" if key.key_size >= _MIN_RSA_BITS else f"an RSA key of {key.key_size} bits"
        elif isinstance(key, ec.EllipticCurvePublicKey):
            weakness = "" if key.curve.name in _CURVES else f"a key on the curve {key.curve.name}"
        else:
            weakness = f"a key of type {facts.key}"
    if weakness:
        return _weak(resource, f"{label} has {weakness}: {facts.subject}")
    return passed("GS-TLS-004", resource, f"{label} {facts.subject}: {facts.key}, {facts.signature}")


def _weak(resource: str, found: str) -> Finding:
    return failed(
        "GS-TLS-004",
        resource,
        found=found,
        required=REQUIRED_STRENGTH,
        fix="have the certificate issued again with a stronger key and signature",
    )


def _stop_unreadable(
    resource: str, found: str, fix: str = "put the CA's PEM certificate at the location of CUSTOM_JDBC_CERT"
) -> NoReturn:
    stop(
        failed(
            "GS-TLS-012",
            resource,
            found=found,
            required="a PEM file with the certificate of the CA, and nothing else",
            fix=fix,
        )
    )
