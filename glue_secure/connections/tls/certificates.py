"""Certificates, looked at before they are relied on. Time comes in as an argument.

Two kinds of check: an authority (the file that ``CUSTOM_JDBC_CERT`` names) must be readable, a CA,
in date and strong; a server's own certificate must be in date and strong. Chains and names are the
TLS handshake's business (``probe``).
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

from glue_secure.core.errors import ControlError, RefusedError

GLUES_SIGNATURES = ("sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption")
"""What Glue itself takes for CUSTOM_JDBC_CERT, with an RSA key of 2048 bits or more."""
_NAMES = {
    Signature.RSA_WITH_SHA1: "sha1WithRSAEncryption",
    **dict(
        zip(
            (Signature.RSA_WITH_SHA256, Signature.RSA_WITH_SHA384, Signature.RSA_WITH_SHA512),
            GLUES_SIGNATURES,
            strict=True,
        )
    ),
    Signature.RSASSA_PSS: "RSASSA-PSS",
    Signature.ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    Signature.ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    Signature.ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
}
_LARGEST_FILE = 1024 * 1024
_SMALLEST_RSA = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_SIGNATURES = (
    Signature.RSA_WITH_SHA256,
    Signature.RSA_WITH_SHA384,
    Signature.RSA_WITH_SHA512,
    Signature.RSASSA_PSS,
    Signature.ECDSA_WITH_SHA256,
    Signature.ECDSA_WITH_SHA384,
    Signature.ECDSA_WITH_SHA512,
)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
NEEDED_STRENGTH = (
    "SHA-256, SHA-384 or SHA-512, with RSA of 2048 bits or more or ECDSA on P-256, P-384 or P-521"
)
_BLOCK = re.compile(rb"-----BEGIN ([^-\r\n]*)-----")


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself, as text for messages and evidence.

    Attributes:
        subject: RFC 4514.
        names: DNS names and IP addresses of the subjectAltName, in order.
        issuer: RFC 4514.
        not_before: UTC.
        not_after: UTC.
        serial: hexadecimal.
        fingerprint: SHA-256 of the DER, hexadecimal.
        key: ``RSA 2048``, ``secp256r1``, or the kind of key.
        signature: ``sha256WithRSAEncryption``, or the algorithm's number where it has no name here.
        names_its_issuers_key: whether it has an authority key identifier, or needs none: its own issuer.
    """

    subject: str
    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    serial: str
    fingerprint: str
    key: str
    signature: str
    names_its_issuers_key: bool

    @property
    def dates(self) -> str:
        """``2025-01-01 to 2026-01-01``."""
        return f"{self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}"


def load_authorities(pem: bytes, *, resource: str) -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM file, each once, in the file's order.

    Raises:
        RefusedError: GS-TLS-012, the file is empty, not PEM, broken, or holds something else as well.
    """
    if not pem.strip():
        _unreadable(resource, "an empty file")
    if len(pem) > _LARGEST_FILE:
        _unreadable(resource, f"a file of more than {_LARGEST_FILE} bytes")
    blocks = [label.decode("ascii", "replace") for label in _BLOCK.findall(pem)]
    if any("PRIVATE KEY" in label for label in blocks):
        _unreadable(
            resource,
            "a private key in the file of the certificate authority",
            fix="replace the file by one with the certificate alone, and treat the key as leaked",
        )
    if not blocks:
        _unreadable(resource, "no PEM certificate in the file (DER must be converted to PEM)")
    if any(label != "CERTIFICATE" for label in blocks):
        _unreadable(resource, "something else than certificates in the file")
    try:
        loaded = x509.load_pem_x509_certificates(pem)
        for certificate in loaded:
            describe(certificate)  # Parsing is lazy: a broken name or date shows only when it is read.
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unreadable_refusal(resource, "a certificate that cannot be parsed") from error
    if len(loaded) != len(blocks):
        _unreadable(resource, "a PEM certificate without its end")
    return tuple({certificate.fingerprint(hashes.SHA256()): certificate for certificate in loaded}.values())


def usable_authorities(
    certificates: tuple[x509.Certificate, ...], *, now: datetime, resource: str
) -> tuple[x509.Certificate, ...]:
    """The authorities that may be trusted now.

    A bundle with an expired root beside valid ones is everyday (RDS ships such), so a certificate
    out of date is left out of what is trusted; the last one out of date refuses. A certificate that
    is no CA, or weak, refuses the file.

    Raises:
        RefusedError: GS-TLS-003, GS-TLS-004; GS-TLS-012 when there is none.
    """
    if not certificates:
        _unreadable(resource, "no certificate authority")
    usable = []
    late: ControlError | None = None
    for certificate in certificates:
        _check_is_authority(certificate, resource)
        check_strength(certificate, resource=resource, what="the certificate authority")
        try:
            check_dates(certificate, now=now, resource=resource, what="the certificate authority")
        except ControlError as refusal:
            late = late or refusal
        else:
            usable.append(certificate)
    if not usable and late is not None:
        raise late
    return tuple(usable)


def check_authority(certificate: x509.Certificate, *, now: datetime, resource: str) -> None:
    """One authority must be a CA (GS-TLS-003), in date (GS-TLS-003) and strong (GS-TLS-004)."""
    usable_authorities((certificate,), now=now, resource=resource)


def check_system_anchor(certificate: x509.Certificate, *, now: datetime, resource: str) -> None:
    """A root of the system must be in date and have a strong key.

    The signature is not looked at: a root's own proves nothing, and public roots of 2006 carry SHA-1.
    """
    check_dates(certificate, now=now, resource=resource, what="the system's root")
    _check_key(certificate, resource, "the system's root")


def check_leaf(certificate: x509.Certificate, *, now: datetime, resource: str) -> None:
    """A server's own certificate must be in date (GS-TLS-003) and strong (GS-TLS-004)."""
    check_dates(certificate, now=now, resource=resource, what="the server's certificate")
    check_strength(certificate, resource=resource, what="the server's certificate")


def check_dates(certificate: x509.Certificate, *, now: datetime, resource: str, what: str) -> None:
    """Refuse (GS-TLS-003) a certificate that is expired or not yet valid at ``now`` (aware)."""
    facts = describe(certificate)
    if facts.not_before <= now <= facts.not_after:
        return
    state = "expired" if now > facts.not_after else "not yet valid"
    raise RefusedError(
        "GS-TLS-003",
        resource=resource,
        found=f"{what} is {state}: {facts.subject}, valid {facts.dates}",
        required=f"a certificate that is valid on {now:%Y-%m-%d}",
        fix="renew the certificate" if state == "expired" else "wait until it is valid, or correct the clock",
    )


def check_strength(certificate: x509.Certificate, *, resource: str, what: str) -> None:
    """Refuse (GS-TLS-004) a certificate with a weak or unknown signature algorithm or key."""
    algorithm: hashes.HashAlgorithm | None = None
    try:
        algorithm = certificate.signature_hash_algorithm
        known = certificate.signature_algorithm_oid in _SIGNATURES and isinstance(algorithm, _HASHES)
    except UnsupportedAlgorithm:
        known = False
    if not known:
        name = algorithm.name if algorithm else certificate.signature_algorithm_oid.dotted_string
        _weak(resource, f"{what} is signed with {name}: {describe(certificate).subject}")
    _check_key(certificate, resource, what)


def describe(certificate: x509.Certificate) -> CertificateFacts:
    """What a certificate says of itself. Raises ValueError where it is malformed."""
    return CertificateFacts(
        subject=printable(certificate.subject.rfc4514_string()) or "(no subject)",
        names=_names(certificate),
        issuer=printable(certificate.issuer.rfc4514_string()) or "(no issuer)",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial=format(certificate.serial_number, "x"),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        key=_key(certificate),
        signature=_NAMES.get(
            certificate.signature_algorithm_oid, certificate.signature_algorithm_oid.dotted_string
        ),
        names_its_issuers_key=certificate.subject == certificate.issuer or _has_authority_key(certificate),
    )


def remarks(chain: Sequence[CertificateFacts], authority: CertificateFacts | None) -> tuple[str, ...]:
    """What a chain that holds here may meet elsewhere: in Glue's own readers, and in stricter clients.

    Args:
        chain: from the server's certificate to the anchor.
        authority: the anchor, where it is the connection's own CUSTOM_JDBC_CERT; None for a system's root.
    """
    found = []
    if authority is not None and authority.signature not in GLUES_SIGNATURES:
        found.append(
            f"Glue's own readers refuse this CUSTOM_JDBC_CERT: it is signed with {authority.signature}, "
            f"and Glue takes {', '.join(GLUES_SIGNATURES)} alone"
        )
    if authority is not None and not authority.key.startswith("RSA "):
        found.append(
            f"Glue's own readers refuse this CUSTOM_JDBC_CERT: its key is {authority.key}, and Glue takes "
            "RSA of 2048 bits or more"
        )
    found += [
        f"{one.subject} has no authority key identifier (RFC 5280 4.2.1.1): it is accepted here and by the "
        "drivers, because signature, name and dates hold without it; clients that check strictly (Python "
        "3.13 by default) refuse it, so have it issued again"
        for one in chain
        if not one.names_its_issuers_key
    ]
    return tuple(found)


def to_pem(certificate: x509.Certificate) -> str:
    """The certificate as PEM text."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def printable(text: str) -> str:
    """Text out of a stranger's certificate, safe for a terminal and a log line."""
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        value = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in value.get_values_for_type(x509.IPAddress))
    return tuple(printable(name) for name in (*value.get_values_for_type(x509.DNSName), *addresses))


def _has_authority_key(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    return True


def _key(certificate: x509.Certificate) -> str:
    """What kind of key it has, in a word or two."""
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _check_is_authority(certificate: x509.Certificate, resource: str) -> None:
    problem = ""
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            problem = "basicConstraints says CA:FALSE"
        elif not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            problem = "keyUsage does not allow signing certificates"
    except x509.ExtensionNotFound as missing:
        # keyUsage may be absent (any use); basicConstraints says who is an authority and may not.
        if missing.oid == x509.BasicConstraints.oid:
            problem = "it has no basicConstraints extension"
    if problem:
        raise RefusedError(
            "GS-TLS-003",
            resource=resource,
            found=f"not a certificate authority: {describe(certificate).subject} ({problem})",
            required="the certificate of the authority (CA:TRUE) that signed the server's",
            fix="put the authority's certificate, not the server's, where CUSTOM_JDBC_CERT points",
        )


def _check_key(certificate: x509.Certificate, resource: str, what: str) -> None:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        found = "a key of an unknown kind"
    else:
        if isinstance(key, rsa.RSAPublicKey):
            if key.key_size >= _SMALLEST_RSA:
                return
            found = f"an RSA key of {key.key_size} bits"
        elif isinstance(key, ec.EllipticCurvePublicKey):
            if key.curve.name in _CURVES:
                return
            found = f"a key on the curve {key.curve.name}"
        else:
            found = f"a key of the kind {type(key).__name__.removesuffix('PublicKey')}"
    _weak(resource, f"{what} has {found}: {describe(certificate).subject}")


def _weak(resource: str, found: str) -> NoReturn:
    raise RefusedError(
        "GS-TLS-004",
        resource=resource,
        found=found,
        required=NEEDED_STRENGTH,
        fix="have the certificate issued again with a stronger key and signature",
    )


def _unreadable(
    resource: str, found: str, fix: str = "put the authority's PEM certificate where CUSTOM_JDBC_CERT points"
) -> NoReturn:
    raise _unreadable_refusal(resource, found, fix)


def _unreadable_refusal(
    resource: str, found: str, fix: str = "put the authority's PEM certificate where CUSTOM_JDBC_CERT points"
) -> ControlError:
    return RefusedError(
        "GS-TLS-012",
        resource=resource,
        found=found,
        required="a PEM file with the certificate of the authority, and nothing else",
        fix=fix,
    )
