"""A TLS handshake with a server, without sending anything after it."""

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
# OpenSSL's reasons for a handshake without a common protocol or cipher.
_NOTHING_IN_COMMON = ("PROTOCOL", "HANDSHAKE_FAILURE", "NO_CIPHERS", "WRONG_VERSION", "NO_SHARED_CIPHER")


@dataclass(frozen=True, slots=True)
class Target:
    """A server.

    Attributes:
        host: a name or an address; compared with the server's certificate.
        port: 1 to 65535.
        negotiation: how a client asks it for TLS.
        timeout: seconds for each step.
        resource: the connection, for messages.
    """

    host: str
    port: int
    negotiation: TlsNegotiation
    timeout: float
    resource: str


def verifying_context(anchors: Sequence[x509.Certificate]) -> ssl.SSLContext:
    """Return a client context that trusts only these certificates.

    OpenSSL's level 2 rejects keys under 112 bits of strength and SHA-1 in the whole chain, including
    intermediates, which Python before 3.13 does not expose. Partial chains are allowed, because the driver's
    factory accepts any certificate as anchor.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{_CIPHERS}:@SECLEVEL=2")
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    # A common name is not a host name (RFC 9525); pgjdbc would still fall back to it.
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=b"".join(anchor.public_bytes(Encoding.DER) for anchor in anchors))
    return context


def inspection_context() -> ssl.SSLContext:
    """Return a client context that verifies nothing. For the text of error messages only, never for data."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def handshake(target: Target, context: ssl.SSLContext) -> Handshake:
    """Connect, negotiate TLS, complete the handshake and disconnect.

    Raises:
        ssl.SSLCertVerificationError: the context rejects the certificate.
        RefusedError: GS-TLS-009, the server has no TLS, or no TLS 1.2 or 1.3.
        VerificationError: GS-TLS-009, no answer, or an inconclusive one.
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
                found=f"the server, or a proxy before it, {error}",
                required="TLS 1.2 or 1.3",
                fix="enable TLS in the server; check for a proxy between the run and the server",
            )
        )
    except NoAnswerError as error:
        stop(_no_answer(resource, str(error)))
    except TimeoutError:
        stop(_no_answer(resource, f"no answer from {address} within {target.timeout:g} seconds"))
    except (OSError, UnicodeError) as error:
        stop(_no_answer(resource, f"no connection to {address} ({_reason(error)})"))


def _handshake_failure(resource: str, error: ssl.SSLError) -> Finding:
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return _no_answer(resource, "the server requires a client certificate, which is not supported")
    if any(part in reason for part in _NOTHING_IN_COMMON):
        return failed(
            "GS-TLS-009",
            resource,
            found=f"no TLS 1.2 or 1.3 handshake with the server ({reason})",
            required="TLS 1.2 or 1.3",
            fix="allow TLS 1.2 or 1.3 in the server (ssl_min_protocol_version, tls_version)",
        )
    return _no_answer(resource, f"the handshake was interrupted ({reason or type(error).__name__})")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return f"{type(error).__name__}, errno {number}" if number else type(error).__name__


def _no_answer(resource: str, found: str) -> Finding:
    return unknown(
        "GS-TLS-009",
        resource,
        found=found,
        required="a TLS 1.2 or 1.3 handshake with the server",
        fix="check that the server runs, and check network, security group and name resolution",
    )
