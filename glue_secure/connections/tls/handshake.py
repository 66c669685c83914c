"""Opening a TLS connection to a database server up to the handshake, and no further."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from glue_secure.connections.engines.engine import Opening
from glue_secure.connections.tls.negotiation import NoAnswer, NoTls, Session, negotiate_tls
from glue_secure.core.errors import ControlError, RefusedError, VerificationError

_CIPHERS = "HIGH:!aNULL:!eNULL:!MD5:!3DES"
# Reasons of OpenSSL that mean the two ends found no protocol or cipher in common.
_NOTHING_IN_COMMON = ("PROTOCOL", "HANDSHAKE_FAILURE", "NO_CIPHERS", "WRONG_VERSION", "NO_SHARED_CIPHER")


Handshake = Session


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked.

    Attributes:
        host: a name or an address.
        port: 1 to 65535.
        opening: how its protocol asks for TLS.
        timeout: seconds for each step.
        resource: the connection, for messages.
        name: what the certificate is compared with; ``""`` for the host.
    """

    host: str
    port: int
    opening: Opening
    timeout: float
    resource: str
    name: str = ""


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


def handshake(target: Target, context: ssl.SSLContext) -> Handshake:
    """Connect, ask for TLS, shake hands, hang up.

    Raises:
        ssl.SSLCertVerificationError: the certificate is not what the context demands.
        RefusedError: GS-TLS-009, the server has no TLS, or none of today.
        VerificationError: GS-TLS-009, no answer, or one that nothing can be told from.
    """
    resource, place = target.resource, f"{target.host}:{target.port}"
    try:
        with socket.create_connection((target.host, target.port), timeout=target.timeout) as plain:
            return negotiate_tls(plain, target.opening, context, target.name or target.host)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise _failed(resource, error) from error
    except NoTls as error:
        raise RefusedError(
            "GS-TLS-009",
            resource=resource,
            found=f"the server, or a proxy before it, {error}",
            required="TLS 1.2 or 1.3",
            fix="switch TLS on in the server, and see what stands between",
        ) from error
    except NoAnswer as error:
        raise _no_answer(resource, str(error)) from error
    except TimeoutError as error:
        seconds = f"{target.timeout:g} seconds"
        raise _no_answer(resource, f"no answer from {place} within {seconds}") from error
    except (OSError, UnicodeError) as error:
        raise _no_answer(resource, f"no connection to {place} ({_reason(error)})") from error


def _failed(resource: str, error: ssl.SSLError) -> ControlError:
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return _no_answer(resource, "the server demands a client certificate, which is not supported yet")
    if any(part in reason for part in _NOTHING_IN_COMMON):
        return RefusedError(
            "GS-TLS-009",
            resource=resource,
            found=f"no TLS 1.2 or 1.3 handshake with the server ({reason})",
            required="TLS 1.2 or 1.3",
            fix="allow TLS 1.2 or 1.3 in the server (ssl_min_protocol_version, tls_version)",
        )
    return _no_answer(resource, f"the handshake broke off ({reason or type(error).__name__})")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return f"{type(error).__name__}, errno {number}" if number else type(error).__name__


def _no_answer(resource: str, found: str) -> VerificationError:
    return VerificationError(
        "GS-TLS-009",
        resource=resource,
        found=found,
        required="a TLS 1.2 or 1.3 handshake with the server",
        fix="see that the server runs and that network, security group and name resolution lead to it",
    )
