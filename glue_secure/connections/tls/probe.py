"""The probe of a server: TLS handshake and certificate checks before any credential is fetched.

Later the driver verifies the server again, with the trust anchor that the probe found. The probe comes first
because it can report the problem, and because drivers do not check key size, signature and common name.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.tls.certificates import (
    REQUIRED_STRENGTH,
    CertificateFacts,
    CertificateFormatError,
    check_leaf,
    check_system_anchor,
    describe,
    load_certificate,
    printable,
    to_pem,
    trusted_authorities,
)
from glue_secure.connections.tls.handshake import (
    Target,
    handshake,
    inspection_context,
    verifying_context,
)
from glue_secure.connections.tls.negotiation import Deadline, Handshake
from glue_secure.connections.tls.system_roots import system_roots
from glue_secure.core.errors import GlueSecureError
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown

# OpenSSL's X509_V_ERR_* (x509_vfy.h), which Python exposes as verify_code.
_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH = 62, 64
_SIGNATURE = 7
_TOO_WEAK = (66, 67, 68)  # EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK
_DATES = {9: "is not yet valid", 10: "has expired"}
_UNTRUSTED = {
    18: "is self-signed and is not the certificate authority",
    19: "comes from a certificate authority that the server sends and that is not the trusted one",
    20: "comes from a certificate authority that is not the trusted one",
    21: "comes from a certificate authority that is not the trusted one",
    2: "comes from a certificate authority that is not the trusted one",
}
_REISSUE = "have the server's certificate issued again, "
# The problem, as a continuation of "a certificate in the server's chain", and the fix.
_UNSUITABLE = {
    24: (
        "is not a certificate authority but signs another",
        "send the intermediate CA, not another server's",
    ),
    79: (
        "is not a certificate authority but signs another",
        "send the intermediate CA, not another server's",
    ),
    25: (
        "allows fewer intermediates below it (pathLenConstraint)",
        _REISSUE + "directly by a CA with pathlen:0, or raise the pathLenConstraint of that CA",
    ),
    26: (
        "has an extendedKeyUsage without serverAuth, so it is not for servers",
        _REISSUE + "with extendedKeyUsage serverAuth (OpenSSL: extendedKeyUsage = serverAuth)",
    ),
    32: ("has a keyUsage that does not allow signing", "use a CA with keyUsage keyCertSign"),
    34: (
        "has a critical extension that OpenSSL does not know",
        _REISSUE + "without that extension, or with it marked as not critical",
    ),
    47: ("has a name outside the nameConstraints of its CA", _REISSUE + "by a CA that may sign this name"),
    48: (
        "has a name that the nameConstraints of its CA exclude",
        _REISSUE + "by a CA that may sign this name",
    ),
}


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The result of a probe. All of it is public.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        subject: the server certificate's subject, RFC 4514.
        names: its DNS names and IP addresses.
        issuer: RFC 4514.
        not_after: its expiry, UTC.
        fingerprint: SHA-256 of the server's certificate, hexadecimal.
        anchor_pem: the certificate that anchors the chain, for ``tls_options``.
        chain: from the server's certificate to the trust anchor.
        findings: the passed checks: GS-TLS-002, -003, -004, -009.
    """

    protocol: str
    cipher: str
    subject: str
    names: tuple[str, ...]
    issuer: str
    not_after: datetime
    fingerprint: str
    anchor_pem: str
    chain: tuple[CertificateFacts, ...] = ()
    findings: tuple[Finding, ...] = field(default=(), compare=False, repr=False)


def probe(
    host: str,
    port: int,
    authorities: tuple[x509.Certificate, ...] | None,
    *,
    now: datetime,
    resource: str,
    negotiation: TlsNegotiation = TlsNegotiation.POSTGRESQL,
    timeout: float = 10.0,
    total_timeout: float = 60.0,
) -> TlsFacts:
    """Complete a TLS handshake with a server, verified against the given certificate authorities only.

    Args:
        host: as in ``JdbcPlan.host``; an IP address must be on the certificate as an IP address.
        port: as in ``JdbcPlan.port``.
        authorities: of :func:`~glue_secure.connections.tls.certificates.load_authorities`; None for the
            system's roots.
        now: the time, aware. OpenSSL also checks dates against the machine's clock.
        resource: the connection, for messages and findings.
        negotiation: how a client asks the server for TLS.
        timeout: seconds for one handshake.
        total_timeout: seconds for all handshakes; several are needed to find the trust anchor in a bundle.

    Raises:
        RefusedError: GS-TLS-002 (name), -003 (chain, dates), -004 (weak), -009 (no TLS 1.2 or 1.3).
        VerificationError: GS-TLS-009 (no answer), GS-TLS-012 (no certificate authority).
    """
    target = Target(host, port, negotiation, timeout, resource, Deadline(total_timeout))
    findings: list[Finding] = []
    if authorities is None:
        trusted = _system_authorities(resource)
    else:
        trusted, authority_findings = trusted_authorities(authorities, now=now, resource=resource)
        findings += authority_findings
    completed, group, handshake_findings = verify_handshake(target, trusted)
    findings += handshake_findings
    leaf = _parse(completed.certificate, resource)
    findings += enforce(check_leaf(leaf, now=now, resource=resource))
    anchor = _find_anchor(target, group)
    if authorities is None:
        findings += enforce(check_system_anchor(anchor, now=now, resource=resource))
    facts = describe(leaf)
    return TlsFacts(
        protocol=completed.protocol,
        cipher=completed.cipher,
        subject=facts.subject,
        names=facts.names,
        issuer=facts.issuer,
        not_after=facts.not_after,
        fingerprint=facts.fingerprint,
        anchor_pem=to_pem(anchor),
        chain=tuple(describe(_parse(certificate, resource)) for certificate in completed.chain),
        findings=tuple(findings),
    )


def verify_handshake(
    target: Target, trusted: Sequence[x509.Certificate]
) -> tuple[Handshake, Sequence[x509.Certificate], tuple[Finding, ...]]:
    """Complete a handshake that verifies chain and name.

    If two certificate authorities have the same name and the server's certificate has no key identifier (a
    private CA whose key was renewed), OpenSSL tries only the first. Therefore no two of the same name are
    tried together.

    Returns:
        The handshake, the certificate authorities that verified it, and GS-TLS-002, -003 and -009 passed.

    Raises:
        RefusedError, VerificationError: as :func:`probe`.
    """
    groups: list[list[x509.Certificate]] = []
    counts: Counter[x509.Name] = Counter()
    for authority in trusted:
        index = counts[authority.subject]
        counts[authority.subject] += 1
        if index == len(groups):
            groups.append([])
        groups[index].append(authority)
    completed, group, errors = None, groups[0], []
    for group in groups:
        try:
            completed = handshake(target, verifying_context(group))
            break
        except ssl.SSLCertVerificationError as error:
            errors.append(error)
    if completed is None:
        # OpenSSL reports a wrong name or date only if the chain is valid, so such an error is more specific.
        specific = next((e for e in errors if e.verify_code not in (*_UNTRUSTED, _SIGNATURE)), errors[0])
        stop(_verification_failure(target, specific, trusted))
    return completed, group, _handshake_findings(target, completed)


def _handshake_findings(target: Target, completed: Handshake) -> tuple[Finding, ...]:
    facts = describe(_parse(completed.certificate, target.resource))
    names = ", ".join(facts.names[:20])
    return (
        passed(
            "GS-TLS-009",
            target.resource,
            f"{target.host}:{target.port} {completed.protocol} {completed.cipher}",
        ),
        passed(
            "GS-TLS-002", target.resource, f"{target.host} is on the certificate {facts.subject}: {names}"
        ),
        passed(
            "GS-TLS-003",
            target.resource,
            f"the chain of {facts.subject}, issued by {facts.issuer}, is verified",
        ),
    )


def _system_authorities(resource: str) -> tuple[x509.Certificate, ...]:
    roots = system_roots()
    if not roots:
        stop(
            unknown(
                "GS-TLS-012",
                resource,
                found="no CUSTOM_JDBC_CERT, and the system has no certificate authorities",
                required="a certificate authority to verify the server with",
                fix="set CUSTOM_JDBC_CERT in the connection, or install ca-certificates",
            )
        )
    return roots


def _find_anchor(target: Target, trusted: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the one certificate that anchors the server's chain by itself, found by bisection.

    Python exposes the verified chain from 3.13 on only, and a comparison of names would be ambiguous if
    certificate authorities share a name. A bundle of 120 needs seven handshakes.

    Raises:
        RefusedError: GS-TLS-003, the chain needs several certificates of the file.
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
            stop(
                failed(
                    "GS-TLS-003",
                    target.resource,
                    found="a chain that needs several certificates of the file: the server does not send all",
                    required="a server that sends its certificate with every intermediate",
                    fix="append the intermediate certificates to the server's certificate file",
                )
            )
    return trusted[0]


def _verification_failure(
    target: Target, error: ssl.SSLCertVerificationError, trusted: Sequence[x509.Certificate]
) -> Finding:
    code = error.verify_code
    presented, sent = _presented(target)
    if code in (_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH):
        names = ", ".join(presented.names[:20]) if presented else "(unknown)"
        subject = f" (subject {presented.subject})" if presented else ""
        return failed(
            "GS-TLS-002",
            target.resource,
            found=f"a certificate for {names or 'no host name: it has no subjectAltName'}{subject}",
            required=target.host,
            fix=f"connect by a name on the certificate, or issue one with {target.host} as subjectAltName",
        )
    if code in _TOO_WEAK:
        return failed(
            "GS-TLS-004",
            target.resource,
            found=f"a weak chain ({printable(error.verify_message)}): {_summary(presented)}",
            required=f"{REQUIRED_STRENGTH}, in the whole chain",
            fix="have the certificate issued again with a stronger key and signature",
        )
    problem = (
        _DATES.get(code) or _UNTRUSTED.get(code) or f"does not verify ({printable(error.verify_message)})"
    )
    fix = "set CUSTOM_JDBC_CERT to the CA that signed the server's certificate, if you trust it"
    if code in _DATES:
        fix = "renew the server's certificate"
    elif code in _UNSUITABLE:
        problem, fix = _UNSUITABLE[code]
    elif code in _UNTRUSTED and sent == 1 and presented and presented.subject != presented.issuer:
        problem += ", or from an intermediate that the server does not send"
        fix = (
            f"if {presented.issuer} is an intermediate of that CA, append its certificate to the server's "
            f"certificate file; otherwise {fix}"
        )
    authorities = "; ".join(describe(authority).subject for authority in trusted[:3])
    more = f" and {len(trusted) - 3} more" if len(trusted) > 3 else ""
    return failed(
        "GS-TLS-003",
        target.resource,
        found=f"a certificate in the server's chain {problem}: {_summary(presented)}",
        required=f"a valid chain to {authorities}{more}",
        fix=fix,
    )


def _presented(target: Target) -> tuple[CertificateFacts | None, int]:
    """Return the server's certificate, unverified, and the number of certificates that the server sent.

    For messages only: a failure changes no verdict.
    """
    try:
        completed = handshake(target, inspection_context())
        return describe(load_certificate(completed.certificate)), len(completed.presented)
    except (GlueSecureError, ssl.SSLError, CertificateFormatError):
        return None, 0


def _summary(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "(the server did not send it again)"
    return f"{facts.subject}, issued by {facts.issuer}, valid {facts.dates}"


def _parse(der: bytes, resource: str) -> x509.Certificate:
    try:
        return load_certificate(der)
    except CertificateFormatError:
        stop(
            unknown(
                "GS-TLS-003",
                resource,
                found="a server certificate that cannot be parsed",
                required="an X.509 certificate (RFC 5280): each extension once, IP addresses of 4 or 16 "
                "bytes, names in ASCII",
                fix="have the server's certificate issued again; openssl x509 -text shows its extensions",
            )
        )
