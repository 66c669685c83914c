"""The TLS state of the run's session, as the database reports it (GS-TLS-010)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue_secure.core.findings import Finding, failed, passed, unknown

PROTOCOLS = ("TLSv1.2", "TLSv1.3")


@dataclass(frozen=True, slots=True)
class SessionTls:
    """One session, as the server reports it.

    Attributes:
        encrypted: None if the server does not report it.
        protocol: ``TLSv1.2``, ``TLSv1.3``, or another text of the server.
        cipher: OpenSSL's name.
    """

    encrypted: bool | None
    protocol: str = ""
    cipher: str = ""

    @classmethod
    def from_row(cls, row: Mapping[str, object] | None) -> SessionTls:
        """Read the row of ``Engine.session_query``: columns ``ssl``, ``version``, ``cipher``."""
        if row is None or row.get("ssl") is None:
            return cls(None)
        # MySQL has no boolean and returns 1.
        encrypted = row["ssl"] in (True, 1)
        return cls(encrypted, str(row.get("version") or ""), str(row.get("cipher") or ""))


def check_session(session: SessionTls, *, resource: str, source: str) -> Finding:
    """GS-TLS-010: the session uses TLS 1.2 or 1.3.

    Args:
        session: the session.
        resource: the connection.
        source: ``Engine.session_source``, the view that was read.
    """
    if session.encrypted is None:
        return unknown(
            "GS-TLS-010",
            resource,
            found="the database does not report how this session is protected",
            required=f"a row in {source} for the run's own session",
            fix="connect to the database itself; a connection pooler hides the session",
        )
    if not session.encrypted or session.protocol not in PROTOCOLS:
        protocol = session.protocol if session.encrypted and session.protocol else "no TLS"
        return failed(
            "GS-TLS-010",
            resource,
            found=f"the database reports {protocol} for this session",
            required=" or ".join(PROTOCOLS),
            fix="check for a proxy between the run and the database that terminates TLS",
        )
    return passed("GS-TLS-010", resource, f"{source} reports {session.protocol} {session.cipher}")
