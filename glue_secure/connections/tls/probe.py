"""The live preflight: who answers at the connection's address, before any credential is sent.

The driver verifies once more by itself, with the anchor that is found here; the preflight comes
first because it can say what is wrong, and because some of it (key size, signature, the common
name) the driver does not look at.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from glue_secure.connections.engines.engine import Opening
from glue_secure.connections.tls.certificates import (
    NEEDED_STRENGTH,
    CertificateFacts,
    check_leaf,
    check_system_anchor,
    describe,
    printable,
    to_pem,
    usable_authorities,
)
from glue_secure.connections.tls.handshake import (
    Handshake,
    Target,
    handshake,
    looking_context,
    verifying_context,
)
from glue_secure.connections.tls.system_roots import system_authorities
from glue_secure.core.errors import GlueSecureError, RefusedError, VerificationError

# X509_V_ERR_* of OpenSSL (x509_vfy.h); Python shows them as verify_code.
_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH = 62, 64
_SIGNATURE = 7
_TOO_WEAK = (66, 67, 68)  # EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK
_DATES = {9: "is not yet valid", 10: "has expired"}
_UNTRUSTED = {
    18: "is signed by itself, and is not the authority",
    19: "comes from an authority that the server brings along and that is not the given one",
    20: "comes from an authority that is not the given one",
    21: "comes from an authority that is not the given one",
    2: "comes from an authority that is not the given one",
}


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What the preflight saw. All of it is public.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        subject: the server certificate's subject, RFC 4514.
        names: its DNS names and IP addresses.
        issuer: RFC 4514.
        not_after: when it expires, UTC.
        serial: hexadecimal.
        fingerprint: SHA-256 of the server's certificate, hexadecimal.
        anchor_subject: subject of the authority that anchors the chain.
        anchor_pem: that authority's certificate, for ``tls_options``.
        chain: from the server's certificate to that authority.
    """

    protocol: str
    cipher: str
    subject: str
    names: tuple[str, ...]
    issuer: str
    not_after: datetime
    serial: str
    fingerprint: str
    anchor_subject: str
    anchor_pem: str
    chain: tuple[CertificateFacts, ...] = ()


def probe(
    host: str,
    port: int,
    authorities: tuple[x509.Certificate, ...] | None,
    *,
    now: datetime,
    resource: str,
    opening: Opening = Opening.POSTGRESQL,
    name: str = "",
    timeout: float = 10.0,
) -> TlsFacts:
    """Shake hands with a database server, verified against the given authorities only.

    Args:
        host: as in ``JdbcPlan.host``; an IP address must stand in the certificate as such.
        port: as in ``JdbcPlan.port``.
        authorities: of :func:`~glue_secure.connections.tls.certificates.load_authorities`; None for the
            system's roots.
        now: the time, aware. OpenSSL looks at the machine's clock besides.
        resource: the connection, for messages.
        opening: how the engine's server is asked for TLS.
        name: as in ``JdbcPlan.verified_name``.
        timeout: seconds for each step of each handshake.

    Raises:
        RefusedError: GS-TLS-002 (name), -003 (chain, dates), -004 (weak), -009 (no TLS of today).
        VerificationError: GS-TLS-009 (no answer), GS-TLS-012 (no authority to verify with).
    """
    target = Target(host, port, opening, timeout, resource, name)
    if authorities is None:
        trusted = system_authorities(resource=resource)
    else:
        trusted = usable_authorities(authorities, now=now, resource=resource)
    done, group = _verified(target, trusted)
    leaf = _parse(done.certificate, resource)
    check_leaf(leaf, now=now, resource=resource)
    anchor = _anchor(target, group)
    if authorities is None:
        check_system_anchor(anchor, now=now, resource=resource)
    facts = describe(leaf)
    return TlsFacts(
        protocol=done.protocol,
        cipher=done.cipher,
        subject=facts.subject,
        names=facts.names,
        issuer=facts.issuer,
        not_after=facts.not_after,
        serial=facts.serial,
        fingerprint=facts.fingerprint,
        anchor_subject=describe(anchor).subject,
        anchor_pem=to_pem(anchor),
        chain=tuple(describe(_parse(one, resource)) for one in done.chain),
    )


def _verified(
    target: Target, trusted: Sequence[x509.Certificate]
) -> tuple[Handshake, Sequence[x509.Certificate]]:
    """The verified handshake, and the authorities that it was verified with.

    Where two authorities share a name and the server's certificate has no key identifier (a private
    authority whose key was renewed), OpenSSL takes the first and looks no further. So no two of one
    name are tried together.
    """
    groups: list[list[x509.Certificate]] = []
    seen: Counter[x509.Name] = Counter()
    for authority in trusted:
        place = seen[authority.subject]
        seen[authority.subject] += 1
        if place == len(groups):
            groups.append([])
        groups[place].append(authority)
    errors = []
    for group in groups:
        try:
            return handshake(target, verifying_context(group)), group
        except ssl.SSLCertVerificationError as error:
            errors.append(error)
    # A wrong name or date is found only behind a chain that holds, so it tells more than "unknown".
    telling = next((e for e in errors if e.verify_code not in (*_UNTRUSTED, _SIGNATURE)), errors[0])
    raise _refusal(target, telling, trusted) from telling


def _anchor(target: Target, trusted: Sequence[x509.Certificate]) -> x509.Certificate:
    """The one certificate that anchors the server's chain by itself, found by halving.

    Python shows the verified chain from 3.13 on only, and matching names would be wrong where
    authorities share one. A handshake asks OpenSSL itself; a bundle of 120 takes seven.
    """
    while len(trusted) > 1:
        half = len(trusted) // 2
        for part in (trusted[:half], trusted[half:]):
            try:
                handshake(target, verifying_context(part))
            except ssl.SSLCertVerificationError:
                continue
            trusted = part
            break
        else:
            raise RefusedError(
                "GS-TLS-003",
                resource=target.resource,
                found="a chain that needs several certificates of the file: the server leaves some out",
                required="a server that sends its certificate with every intermediate",
                fix="put the intermediate certificates behind the server's own, in its file",
            )
    return trusted[0]


def _refusal(
    target: Target, error: ssl.SSLCertVerificationError, trusted: Sequence[x509.Certificate]
) -> RefusedError:
    code, presented, wanted = error.verify_code, _presented(target), target.name or target.host
    if code in (_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH):
        names = ", ".join(presented.names[:20]) if presented else "(not known)"
        subject = f" (subject {presented.subject})" if presented else ""
        return RefusedError(
            "GS-TLS-002",
            resource=target.resource,
            found=f"a certificate for {names or 'no host name: it has no subjectAltName'}{subject}",
            required=wanted,
            fix=f"connect by a name on the certificate, or issue one with {wanted} as subjectAltName",
        )
    if code in _TOO_WEAK:
        return RefusedError(
            "GS-TLS-004",
            resource=target.resource,
            found=f"a weak chain ({printable(error.verify_message)}): {_told(presented)}",
            required=f"{NEEDED_STRENGTH}, in the whole chain",
            fix="have the certificate issued again with a stronger key and signature",
        )
    how = _DATES.get(code) or _UNTRUSTED.get(code) or f"does not verify ({printable(error.verify_message)})"
    authorities = "; ".join(describe(authority).subject for authority in trusted[:3])
    more = f" and {len(trusted) - 3} more" if len(trusted) > 3 else ""
    return RefusedError(
        "GS-TLS-003",
        resource=target.resource,
        found=f"a certificate in the server's chain {how}: {_told(presented)}",
        required=f"a chain in date to {authorities}{more}",
        fix="renew the server's certificate"
        if code in _DATES
        else "set CUSTOM_JDBC_CERT to the authority that signed the server's certificate, if you trust it",
    )


def _presented(target: Target) -> CertificateFacts | None:
    """What the server shows to anybody: for the message alone, so its failure changes no verdict."""
    try:
        shown = handshake(target, looking_context())
        return describe(x509.load_der_x509_certificate(shown.certificate))
    except (GlueSecureError, ssl.SSLError, ValueError):
        return None


def _told(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "(the server did not show it again)"
    return f"{facts.subject}, issued by {facts.issuer}, valid {facts.dates}"


def _parse(der: bytes, resource: str) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        describe(certificate)
    except ValueError as error:
        raise VerificationError(
            "GS-TLS-003",
            resource=resource,
            found="a server certificate that cannot be parsed",
            required="an X.509 certificate (RFC 5280)",
            fix="have the server's certificate issued again",
        ) from error
    return certificate
