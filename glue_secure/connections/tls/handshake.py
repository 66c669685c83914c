"""Complete a TLS handshake with a server and disconnect. No login and no data is sent."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.tls.negotiation import (
    Deadline,
    Handshake,
    NoAnswerError,
    NoTlsError,
    connect,
    negotiate_tls,
)
from glue_secure.core.findings import Finding, failed, stop, unknown

_CIPHERS = "HIGH:!aNULL:!eNULL:!MD5:!3DES"
# Parts of OpenSSL's error reasons if client and server share no protocol version, or no cipher or curve.
_NO_COMMON_VERSION = ("PROTOCOL", "WRONG_VERSION")
_NO_COMMON_CIPHER = ("HANDSHAKE_FAILURE", "NO_CIPHERS", "NO_SHARED_CIPHER", "CURVE", "GROUP")
_CERTIFICATE_REQUEST = 13
"""The type of the TLS message in which a server requests a client certificate (RFC 8446, RFC 5246)."""


@dataclass(frozen=True, slots=True)
class Target:
    """The server of a handshake.

    Attributes:
        host: host name or IP address; compared with the server's certificate.
        port: 1 to 65535.
        negotiation: how the protocol of the server starts TLS.
        timeout: seconds for one handshake, from the connection on.
        resource: the connection, for messages.
        deadline: of all handshakes with this server; None for no limit.
    """

    host: str
    port: int
    negotiation: TlsNegotiation
    timeout: float
    resource: str
    deadline: Deadline | None = field(default=None, compare=False)


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
    requests = _record_certificate_requests(context)
    try:
        seconds = target.timeout
        if target.deadline is not None:
            seconds = min(seconds, target.deadline.remaining())
        deadline = Deadline(seconds)
        with connect(target.host, target.port, deadline) as plain:
            return negotiate_tls(plain, target.negotiation, context, target.host, deadline)
    except ssl.SSLCertVerificationError:
        raise
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
        stop(_inconclusive(resource, str(error), fix=error.fix))
    except TimeoutError:
        stop(_inconclusive(resource, f"no complete handshake with {address} in {target.timeout:g} seconds"))
    except (OSError, UnicodeError) as error:
        if requests and isinstance(error, (ssl.SSLError, ConnectionError)):
            stop(_client_certificate_required(resource))
        if isinstance(error, ssl.SSLError):
            stop(_handshake_failure(resource, error))
        stop(_inconclusive(resource, f"no connection to {address} ({_type_and_errno(error)})"))


def _record_certificate_requests(context: ssl.SSLContext) -> list[int]:
    """Return a list that contains an item as soon as the server has requested a client certificate.

    A TLS 1.2 server that does not get one ends the handshake with the same alert as a server without a common
    cipher, so only the request distinguishes them. Python exposes it only by this callback.
    """
    requests: list[int] = []

    def record(*event: object) -> None:
        _, direction, _, _, message, _ = event
        if direction == "read" and message == _CERTIFICATE_REQUEST:
            requests.append(_CERTIFICATE_REQUEST)

    context._msg_callback = record  # type: ignore[attr-defined]
    return requests


def _client_certificate_required(resource: str) -> Finding:
    return failed(
        "GS-TLS-009",
        resource,
        found="the server ended the handshake after it requested a client certificate",
        required="a server that accepts clients without a certificate, by user and password inside TLS",
        fix="do not require client certificates for this server or user (PostgreSQL: no clientcert in "
        "pg_hba.conf; MySQL: REQUIRE SSL in place of REQUIRE X509; Oracle: SSL_CLIENT_AUTHENTICATION=FALSE; "
        "Kafka: ssl.client.auth=none)",
    )


def _handshake_failure(resource: str, error: ssl.SSLError) -> Finding:
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return _client_certificate_required(resource)
    if any(part in reason for part in _NO_COMMON_VERSION):
        return failed(
            "GS-TLS-009",
            resource,
            found=f"no TLS 1.2 or 1.3 handshake with the server ({reason})",
            required="TLS 1.2 or 1.3",
            fix="allow TLS 1.2 or 1.3 in the server (ssl_min_protocol_version, tls_version)",
        )
    if any(part in reason for part in _NO_COMMON_CIPHER):
        return failed(
            "GS-TLS-009",
            resource,
            found=f"a server without a common TLS 1.2 or 1.3 cipher or curve ({reason})",
            required="TLS 1.2 or 1.3 with AES-GCM, AES-CBC or ChaCha20, and a certificate with an RSA key "
            "or a key on P-256, P-384 or P-521",
            fix="allow TLS 1.2 or 1.3 and these ciphers in the server (ssl_ciphers, tls_ciphersuites); if "
            "its certificate's key is on another curve (P-224, secp256k1, brainpool), issue it with P-256",
        )
    return _inconclusive(resource, f"the handshake was interrupted ({reason or type(error).__name__})")


def _type_and_errno(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return f"{type(error).__name__}, errno {number}" if number else type(error).__name__


def _inconclusive(resource: str, found: str, fix: str = "") -> Finding:
    return unknown(
        "GS-TLS-009",
        resource,
        found=found,
        required="a TLS 1.2 or 1.3 handshake with the server",
        fix=fix or "check that the server runs, and check network, security group and name resolution",
    )
