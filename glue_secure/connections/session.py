"""What the database itself says of the run's session, once it is open (GS-TLS-010)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue_secure.core.errors import RefusedError, VerificationError

PROTOCOLS = ("TLSv1.2", "TLSv1.3")


@dataclass(frozen=True, slots=True)
class SessionTls:
    """One session, as the server saw it.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        bits: of the cipher's key; 0 where the server does not say.
    """

    protocol: str
    cipher: str
    bits: int


def read_session(
    row: Mapping[str, object] | None, *, resource: str, source: str = "pg_stat_ssl"
) -> SessionTls:
    """Judge the row of ``Engine.session_query``.

    Args:
        row: columns ``ssl``, ``version``, ``cipher``, ``bits``; None where there was no row.
        resource: the connection, for the message.
        source: what was asked, ``Engine.session_source``.

    Raises:
        RefusedError: GS-TLS-010, the session is not encrypted, or with an old protocol.
        VerificationError: GS-TLS-010, the server does not say.
    """
    if row is None or row.get("ssl") is None:
        raise VerificationError(
            "GS-TLS-010",
            resource=resource,
            found="the database does not say how this session is protected",
            required=f"a row in {source} for the run's own session",
            fix="connect to the database itself; a pooler in between hides the session",
        )
    protocol = str(row.get("version") or "")
    encrypted = row["ssl"] in (True, 1)  # MySQL has no other boolean than 1
    if not encrypted or protocol not in PROTOCOLS:
        seen = protocol if encrypted and protocol else "no TLS"
        raise RefusedError(
            "GS-TLS-010",
            resource=resource,
            found=f"the database saw {seen} on this session",
            required=" or ".join(PROTOCOLS),
            fix="look for a proxy between the run and the database that ends TLS",
        )
    bits = row.get("bits")
    return SessionTls(protocol, str(row.get("cipher") or ""), bits if isinstance(bits, int) else 0)
