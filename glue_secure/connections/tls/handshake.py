"""Complete a TLS handshake with a server and disconnect. No login and no data is sent."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.tls.negotiation import (
    Handshake,
    NoAnswerError,
    NoTlsError,
    negotiate_tls,
)
from glue_secure.core.findings import Finding, failed, stop, unknown

_CIPHERS = "HIGH:!aNULL:!eNULL:!MD5:!3DES"
# Parts of OpenSSL's error reasons if client and server share no protocol version or cipher.
_NO_COMMON_PROTOCOL_OR_CIPHER = (
    "PROTOCOL",
    "HANDSHAKE_FAILURE",
    "NO_CIPHERS",
    "WRONG_VERSION",
    "NO_SHARED_CIPHER",
)


@dataclass(frozen=True, slots=True)
class Target:
    """The server of a handshake.

    Attributes:
        host: host name or IP address; compared with the server's certificate.
        port: 1 to 65535.
        negotiation: how the protocol of the server starts TLS.
        timeout: seconds for each socket operation: connect, send, receive, handshake.
        resource: the connection, for messages.
    """

    host: str
    port: int
    negotiation: TlsNegotiation
    timeout: float
    resource: str


def verifying_context(anchors: Sequence[x509.Certificate]) -> ssl.SSLContext:
    """Return a client context that trusts only these certificates.

    OpenSSL's security level 2 rejects SHA-1 signatures and keys with less than 112 bits of security. OpenSSL
    checks intermediate certificates too, which Python's public API exposes only from 3.13 on. Partial chains
    are allowed, because the JDBC driver's socket factory accepts any certificate as a trust anchor, also one
    that is not self-signed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{_CIPHERS}:@SECLEVEL=2")
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    # RFC 9525: the common name must not be compared with the host name. pgjdbc does so as a fallback.
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(anchor.public_bytes(Encoding.DER) for anchor in anchors))
    return context


def inspection_context() -> ssl.SSLContext:
    """Return a client context that verifies nothing. Use it only to describe a certificate in an error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def handshake(target: Target, context: ssl.SSLContext) -> Handshake:
    """Connect, negotiate TLS, complete the handshake, disconnect, and return the negotiated parameters.

    Raises:
        ssl.SSLCertVerificationError: the context rejects the certificate.
        RefusedError: GS-TLS-009, the server has no TLS, or no TLS 1.2 or 1.3.
        VerificationError: GS-TLS-009, the server did not answer, or its answer does not show whether it has
            TLS 1.2 or 1.3.
    """
    resource, address = target.resource, f"{target.host}:{target.port}"
    try:
        with socket.create_connection((target.host, target.port), timeout=target.timeout) as plain:
            return negotiate_tls(plain, target.negotiation, context, target.host)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        stop(_handshake_failure(resource, error))
    except NoTlsError as error:
        stop(
            failed(
                "GS-TLS-009",
                resource,
                found=f"the server, or a proxy in front of it, {error}",
                required="TLS 1.2 or 1.3",
                fix="enable TLS in the server; check for a proxy between the run and the server",
            )
        )
    except NoAnswerError as error:
        stop(_inconclusive(resource, str(error)))
    except TimeoutError:
        stop(_inconclusive(resource, f"no answer from {address} within {target.timeout:g} seconds"))
    except (OSError, UnicodeError) as error:
        stop(_inconclusive(resource, f"no connection to {address} ({_type_and_errno(error)})"))


def _handshake_failure(resource: str, error: ssl.SSLError) -> Finding:
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return _inconclusive(resource, "the server requires a client certificate, which is not supported")
    if any(part in reason for part in _NO_COMMON_PROTOCOL_OR_CIPHER):
        return failed(
            "GS-TLS-009",
            resource,
            found=f"no TLS 1.2 or 1.3 handshake with the server ({reason})",
            required="TLS 1.2 or 1.3",
            fix="allow TLS 1.2 or 1.3 in the server (ssl_min_protocol_version, tls_version)",
        )
    return _inconclusive(resource, f"the handshake was interrupted ({reason or type(error).__name__})")


def _type_and_errno(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return f"{type(error).__name__}, errno {number}" if number else type(error).__name__


def _inconclusive(resource: str, found: str) -> Finding:
    return unknown(
        "GS-TLS-009",
        resource,
        found=found,
        required="a TLS 1.2 or 1.3 handshake with the server",
        fix="check that the server runs, and check network, security group and name resolution",
    )
