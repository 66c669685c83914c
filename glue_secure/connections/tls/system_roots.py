"""The system's certificate authorities, for connections that name none of their own."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from glue_secure.core.errors import VerificationError

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\s?", re.DOTALL)


def system_authorities(*, resource: str) -> tuple[x509.Certificate, ...]:
    """Every root that OpenSSL would use by default, each once.

    They are read one by one, because Python lists only those that OpenSSL has loaded, and it loads
    a folder of roots on demand.

    Raises:
        VerificationError: GS-TLS-012, there are none.
    """
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        files += sorted(path for path in Path(paths.capath).iterdir() if path.suffix[1:].isdigit())
    found: dict[bytes, x509.Certificate] = {}
    for path in files:
        for certificate in read_certificates(path):
            found[certificate.fingerprint(hashes.SHA256())] = certificate
    if not found:
        raise VerificationError(
            "GS-TLS-012",
            resource=resource,
            found="no CUSTOM_JDBC_CERT, and the system has no certificate authorities",
            required="an authority to verify the server with",
            fix="set CUSTOM_JDBC_CERT in the connection, or install ca-certificates",
        )
    return tuple(found.values())


def read_certificates(path: Path) -> Iterator[x509.Certificate]:
    """A file's certificates; what cannot be read, or only with a warning, makes the set smaller, not weaker.

    Some old public roots have a serial number of zero or less, which cryptography announces to refuse.
    """
    try:
        blocks = _BLOCK.findall(path.read_bytes())
    except OSError:
        return
    for block in blocks:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                certificate = x509.load_pem_x509_certificate(block)
            except (ValueError, Warning):
                continue
        yield certificate
