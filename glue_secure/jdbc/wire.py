"""Opening a TLS connection to PostgreSQL up to the handshake, and no further.

The server is asked for TLS with the protocol's SSLRequest, and exactly one byte of its answer is
read: whatever somebody in between sends behind it in the clear then breaks the handshake.
https://www.postgresql.org/docs/17/protocol-flow.html#PROTOCOL-FLOW-SSL
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from glue_secure.core.errors import CannotVerify, Refusal

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_CIPHERS = "HIGH:!aNULL:!eNULL:!MD5:!3DES"
# Reasons of OpenSSL that mean the two ends found no protocol or cipher in common.
_NOTHING_IN_COMMON = ("PROTOCOL", "HANDSHAKE_FAILURE", "NO_CIPHERS", "WRONG_VERSION", "NO_SHARED_CIPHER")


@dataclass(frozen=True, slots=True)
class Handshake:
    """A finished handshake.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        certificate: DER of the server's own certificate.
    """

    protocol: str
    cipher: str
    certificate: bytes


def verifying_context(anchors: Sequence[x509.Certificate]) -> ssl.SSLContext:
    """A client context that trusts these certificates alone.

    Level 2 of OpenSSL makes it refuse keys under 112 bits of strength and SHA-1 in the whole
    chain, intermediates too, which Python before 3.13 does not show. A partial chain is allowed
    because the driver's factory takes any certificate that it is given as an anchor.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{_CIPHERS}:@SECLEVEL=2")
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    # A common name is not a host name (RFC 9525); pgjdbc would still fall back on it.
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(anchor.public_bytes(Encoding.DER) for anchor in anchors))
    return context


def looking_context() -> ssl.SSLContext:
    """A client context that trusts anybody: for the text of a refusal, never for data."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def handshake(host: str, port: int, context: ssl.SSLContext, *, timeout: float, resource: str) -> Handshake:
    """Connect, ask for TLS, shake hands, hang up.

    Raises:
        ssl.SSLCertVerificationError: the certificate is not what the context demands.
        Refusal: GS-TLS-009, the server has no TLS, or none of today.
        CannotVerify: GS-TLS-009, no answer, or one that nothing can be told from.
    """
    try:
        with socket.create_connection((host, port), timeout=timeout) as plain:
            plain.sendall(_SSL_REQUEST)
            _accepted(plain.recv(1), resource)
            with context.wrap_socket(plain, server_hostname=host) as secure:
                cipher, certificate = secure.cipher(), secure.getpeercert(binary_form=True)
                if cipher is None or not certificate:
                    raise _no_answer(resource, "a handshake without cipher or certificate")
                return Handshake(str(secure.version()), cipher[0], certificate)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise _failed(resource, error) from error
    except TimeoutError as error:
        raise _no_answer(resource, f"no answer from {host}:{port} within {timeout:g} seconds") from error
    except (OSError, UnicodeError) as error:
        raise _no_answer(resource, f"no connection to {host}:{port} ({_reason(error)})") from error


def _accepted(answer: bytes, resource: str) -> None:
    if answer == b"S":
        return
    if answer == b"":
        raise _no_answer(resource, "the server hung up when it was asked for TLS")
    what = "answers that it has no TLS" if answer == b"N" else "does not answer as PostgreSQL does"
    raise Refusal(
        "GS-TLS-009",
        resource=resource,
        found=f"the server, or a proxy before it, {what}",
        required="TLS 1.2 or 1.3",
        fix="switch TLS on in the server (ssl = on), and see what stands between",
    )


def _failed(resource: str, error: ssl.SSLError) -> Refusal:
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return _no_answer(resource, "the server demands a client certificate, which is not supported yet")
    if any(part in reason for part in _NOTHING_IN_COMMON):
        return Refusal(
            "GS-TLS-009",
            resource=resource,
            found=f"no TLS 1.2 or 1.3 handshake with the server ({reason})",
            required="TLS 1.2 or 1.3",
            fix="allow TLS 1.2 or 1.3 in the server (ssl_min_protocol_version, ssl_max_protocol_version)",
        )
    return _no_answer(resource, f"the handshake broke off ({reason or type(error).__name__})")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return f"{type(error).__name__}, errno {number}" if number else type(error).__name__


def _no_answer(resource: str, found: str) -> CannotVerify:
    return CannotVerify(
        "GS-TLS-009",
        resource=resource,
        found=found,
        required="a TLS 1.2 or 1.3 handshake with the server",
        fix="see that the server runs and that network, security group and name resolution lead to it",
    )
