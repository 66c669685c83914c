"""The trust store file for drivers that do not accept the trust anchor as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    PKCS12Certificate,
    serialize_java_truststore,
)

PASSWORD = "changeit"  # noqa: S105
"""Java's default password. Trust stores contain public certificates, so the password is no secret."""
# The least that NIST SP 800-132 allows. With cryptography's 20,000, each connection of MySQL's driver, which
# loads the trust store again, needs 55 milliseconds more.
_KEY_DERIVATIONS = 1000


@dataclass(frozen=True, slots=True)
class TrustStoreFile:
    """A trust store that the driver of every executor can read.

    Attributes:
        path: absolute, or relative to the working directory of each process.
        password: password of the trust store.
    """

    path: str
    password: str = PASSWORD

    @property
    def url(self) -> str:
        """The path as a ``file:`` URL. A relative path stays relative, which Java accepts."""
        return f"file:{quote(str(PurePosixPath(self.path)))}"


def trust_store(anchor_pem: str) -> bytes:
    """Return a Java PKCS #12 trust store that contains only this certificate, with ``PASSWORD``."""
    certificate = x509.load_pem_x509_certificate(anchor_pem.encode("ascii"))
    return trust_store_of([PKCS12Certificate(certificate, b"glue-secure")])


def trust_store_of(entries: Sequence[PKCS12Certificate]) -> bytes:
    """Return a Java PKCS #12 trust store that contains these certificates, with ``PASSWORD``."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_KEY_DERIVATIONS)
        .key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(SHA256())
    )
    return serialize_java_truststore(entries, encryption.build(PASSWORD.encode("ascii")))
