"""The reader of certificates returns facts or CertificateFormatError, for any bytes."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tls_servers import Maker

from glue_secure.connections.tls.certificates import (
    NAMES_NOT_SHOWN,
    CertificateFormatError,
    describe,
    load_authorities,
    load_certificate,
)
from glue_secure.core.errors import RefusedError

# A changed serial number may be negative, of which the library warns.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
LOCALHOST = b"\x82\x09localhost"


def certificate_with(general_names: bytes) -> bytes:
    """Return a certificate, DER, whose subjectAltName contains these encoded GeneralNames."""
    length = bytes([len(general_names)]) if len(general_names) < 128 else bytes([0x81, len(general_names)])
    extension = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, b"\x30" + length + general_names)
    return Maker().issue(extensions=(extension,)).certificate.public_bytes(Encoding.DER)


GOOD = Maker().issue(names=("localhost", "10.0.0.1")).certificate.public_bytes(Encoding.DER)
# RFC 5280 4.2.1.6: every type of a GeneralName, well-formed.
TYPES = {
    "otherName": b"\xa0\x10\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03\xa0\x02\x0c\x00",
    "rfc822Name": b"\x81\x05a@b.c",
    "directoryName": b"\xa4\x02\x30\x00",
    "uniformResourceIdentifier": b"\x86\x06urn:x:",
    "registeredID": b"\x88\x03\x2a\x03\x04",
    "IPv6": b"\x87\x10" + bytes(16),
}
NOT_SUPPORTED = {"x400Address": b"\xa3\x02\x30\x00", "ediPartyName": b"\xa5\x04\x81\x02\x0c\x00"}
MALFORMED = {
    "an IP address of 5 bytes": b"\x87\x05\x0a\x00\x00\x00\x01",
    "no IP address": b"\x87\x00",
    "text that is not UTF-8": b"\x82\x02\xff\xfe",
    "an unknown type": b"\x8f\x01a",
    "a cut length": b"\x82\x30a",
}


@pytest.mark.parametrize("name", TYPES)
def test_names_of_other_types_are_not_shown(name):
    assert load_certificate(certificate_with(TYPES[name] + LOCALHOST)) is not None
    names = describe(load_certificate(certificate_with(TYPES[name] + LOCALHOST))).names
    assert names == (("localhost", "::") if name == "IPv6" else ("localhost",))


@pytest.mark.parametrize("name", NOT_SUPPORTED)
def test_types_that_the_library_does_not_parse_are_not_shown(name):
    assert describe(load_certificate(certificate_with(LOCALHOST + NOT_SUPPORTED[name]))).names == (
        NAMES_NOT_SHOWN,
    )


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_name_is_an_error_of_its_own(name):
    with pytest.raises(CertificateFormatError):
        load_certificate(certificate_with(LOCALHOST + MALFORMED[name]))


@given(st.binary(max_size=120))
@example(b"")
def test_any_subject_alternative_name_is_read_or_rejected(general_names):
    with contextlib.suppress(CertificateFormatError):
        load_certificate(certificate_with(general_names))


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
@settings(max_examples=300)
def test_any_changed_byte_is_read_or_rejected(position, byte):
    changed = bytearray(GOOD)
    changed[position] = byte
    with contextlib.suppress(CertificateFormatError):
        load_certificate(bytes(changed))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_rejected(data):
    with contextlib.suppress(CertificateFormatError):
        load_certificate(data)


@given(st.binary(max_size=120))
def test_a_file_of_authorities_is_read_or_refused(general_names):
    certificate = x509.load_der_x509_certificate(certificate_with(general_names))
    with contextlib.suppress(RefusedError):
        load_authorities(certificate.public_bytes(Encoding.PEM), resource="c")
