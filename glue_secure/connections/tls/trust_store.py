"""The one certificate that a driver may trust, in the form that the driver takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)

PASSWORD = "changeit"  # noqa: S105
"""Java's own default. The store holds one public certificate: this is no secret."""


@dataclass(frozen=True, slots=True)
class TrustStoreFile:
    """A trust store that lies where the driver of every executor finds it.

    Attributes:
        path: absolute, or relative to the working folder of each process.
        password: of the store.
    """

    path: str
    password: str = PASSWORD

    @property
    def url(self) -> str:
        """The path as a ``file:`` URL; a relative one stays relative, which Java takes."""
        return f"file:{quote(str(PurePosixPath(self.path)))}"


def trust_store(anchor_pem: str) -> bytes:
    """A PKCS #12 trust store of Java's kind with this certificate alone, under ``PASSWORD``."""
    certificate = x509.load_pem_x509_certificate(anchor_pem.encode("ascii"))
    entry = PKCS12Certificate(certificate, b"glue-secure")
    return serialize_java_truststore([entry], BestAvailableEncryption(PASSWORD.encode("ascii")))
