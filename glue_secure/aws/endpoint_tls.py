"""TLS facts of the connections that a session's clients have open, without a request."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from glue_secure.core.evidence import EndpointRecord, digest


def endpoint_records(clients: Iterable[tuple[str, Any]]) -> tuple[EndpointRecord, ...]:
    """Return one record for each service, host, TLS state and certificate, sorted.

    botocore has no interface for its connections. What this version of botocore or urllib3 does not show is
    left out.

    Args:
        clients: pairs of boto3's name of a service and a client.
    """
    records = {
        _record(service, pool, connection)
        for service, client in clients
        for pool, connection in _open_connections(client)
    }
    return tuple(
        sorted((each for each in records if each is not None), key=lambda each: (each.service, each.host))
    )


def _open_connections(client: Any) -> Iterator[tuple[Any, ssl.SSLSocket]]:
    with suppress(AttributeError, KeyError):  # internal names of botocore and urllib3
        pools = client._endpoint.http_session._manager.pools
        for key in pools.keys():  # noqa: SIM118 - urllib3 has no iteration over its container
            pool = pools[key]
            for connection in list(pool.pool.queue):
                socket = getattr(connection, "sock", None)
                if isinstance(socket, ssl.SSLSocket):
                    yield pool, socket


def _record(service: str, pool: Any, socket: ssl.SSLSocket) -> EndpointRecord | None:
    from cryptography import x509

    try:
        body, cipher, protocol = socket.getpeercert(binary_form=True), socket.cipher(), socket.version()
        if body is None or cipher is None or protocol is None:
            return None
        certificate = x509.load_der_x509_certificate(body)
        return EndpointRecord(
            service=service,
            host=f"{pool.host}:{pool.port}",
            protocol=protocol,
            cipher=cipher[0],
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            not_after=certificate.not_valid_after_utc.isoformat(),
            fingerprint=digest(body),
        )
    except (OSError, ValueError):  # the connection is closed, or the certificate is one that cannot be parsed
        return None
