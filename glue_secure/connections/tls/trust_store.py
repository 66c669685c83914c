"""The trust store file for drivers that do not accept the trust anchor as text."""

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
"""Java's default password. The trust store contains one public certificate, so the password is no secret."""


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
    entry = PKCS12Certificate(certificate, b"glue-secure")
    return serialize_java_truststore([entry], BestAvailableEncryption(PASSWORD.encode("ascii")))
