"""The certificate authorities of the operating system."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\s?", re.DOTALL)


def system_roots() -> tuple[x509.Certificate, ...]:
    """Return every root certificate that OpenSSL uses by default, without duplicates; possibly none.

    The files are read directly: Python lists only certificates that OpenSSL has loaded, and OpenSSL loads a
    directory of certificates on demand.
    """
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        files += sorted(path for path in Path(paths.capath).iterdir() if path.suffix[1:].isdigit())
    roots: dict[bytes, x509.Certificate] = {}
    for path in files:
        for certificate in read_certificates(path):
            roots[certificate.fingerprint(hashes.SHA256())] = certificate
    return tuple(roots.values())


def read_certificates(path: Path) -> Iterator[x509.Certificate]:
    """Yield a file's certificates. Certificates that cannot be parsed without a warning are skipped.

    Some old public roots have a serial number of zero or less, which cryptography is going to reject.
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
            except (ValueError, x509.InvalidVersion, Warning):
                continue
        yield certificate
