"""TLS negotiation of each database protocol. Only the request for TLS is sent, which is not secret.

Exactly the bytes of the server's answer are read, so that plain text injected after the answer breaks the
handshake.

PostgreSQL: https://www.postgresql.org/docs/17/protocol-flow.html#PROTOCOL-FLOW-SSL
MySQL: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
SQL Server: MS-TDS 2.2.6.5 (PRELOGIN), https://learn.microsoft.com/openspecs/windows_protocols/ms-tds
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import time
from dataclasses import dataclass

from glue_secure.connections.engines.engine import TlsNegotiation

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_MAX_PACKET = 16 * 1024
_PROTOCOL_41, _CLIENT_SSL, _SECURE_CONNECTION = 0x200, 0x800, 0x8000
_TDS_PRELOGIN, _TDS_REPLY = 0x12, 0x04
_TDS_ENCRYPTED = (1, 3)  # ENCRYPT_ON, ENCRYPT_REQ: the whole session, not only the login


class NoTlsError(Exception):
    """The server has no TLS or does not speak the protocol. The message continues the words "the server"."""


class NoAnswerError(Exception):
    """The server's answer is missing or inconclusive. ``fix`` is set if the reason is known."""

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix


class Deadline:
    """The end of a handshake. A server that sends one byte at a time does not extend it.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left. Raises TimeoutError if there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


@dataclass(frozen=True, slots=True)
class Handshake:
    """A completed handshake.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        certificate: the server's certificate, DER.
        chain: from that to the trust anchor, DER; empty if nothing was verified.
        presented: the certificates that the server sent, its own first, DER.
    """

    protocol: str
    cipher: str
    certificate: bytes
    chain: tuple[bytes, ...] = ()
    presented: tuple[bytes, ...] = ()


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a socket that is connected to one of the host's addresses.

    Each address gets an equal share of the time that is left. Name resolution has its own limits.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    error: OSError = OSError("no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(deadline.remaining() / (len(addresses) - index))
            plain.connect(address)
        except OSError as failure:
            plain.close()
            error = failure
        else:
            return plain
    raise error


def negotiate_tls(
    plain: socket.socket,
    negotiation: TlsNegotiation,
    context: ssl.SSLContext,
    name: str,
    deadline: Deadline,
) -> Handshake:
    """Request TLS as the protocol requires, complete the handshake and close the connection.

    Args:
        plain: a connected socket.
        negotiation: the protocol.
        context: decides which certificate is accepted.
        name: compared with the server's certificate.
        deadline: of the whole negotiation and handshake.

    Raises:
        NoTlsError, NoAnswerError: the server did not start a handshake.
        TimeoutError: the deadline passed.
        ssl.SSLError, OSError: the handshake, or the connection, failed.
    """
    if negotiation is TlsNegotiation.TDS:
        _negotiate_tds(plain, deadline)
        return _completed(_tds_handshake(plain, context, name, deadline))
    if negotiation is TlsNegotiation.POSTGRESQL:
        _negotiate_postgresql(plain, deadline)
    elif negotiation is TlsNegotiation.MYSQL:
        _negotiate_mysql(plain, deadline)
    elif negotiation is TlsNegotiation.TDS_STRICT:
        context.set_alpn_protocols(["tds/8.0"])
    # The timeout of a socket applies to the handshake as a whole, not to each of its messages.
    plain.settimeout(deadline.remaining())
    with context.wrap_socket(plain, server_hostname=name) as secure:
        return _completed(secure)


def _completed(secure: ssl.SSLSocket | ssl.SSLObject) -> Handshake:
    cipher, certificate = secure.cipher(), secure.getpeercert(binary_form=True)
    if cipher is None or not certificate:
        raise NoAnswerError("a handshake without cipher or certificate")
    verified = () if secure.context.verify_mode is ssl.CERT_NONE else _chain(secure, "get_verified_chain")
    return Handshake(
        str(secure.version()), cipher[0], certificate, verified, _chain(secure, "get_unverified_chain")
    )


def _chain(secure: ssl.SSLSocket | ssl.SSLObject, method: str) -> tuple[bytes, ...]:
    """Return the verified or the presented chain. Before Python 3.13 only the underlying object has it."""
    if sys.version_info >= (3, 13):
        return tuple(getattr(secure, method)())
    chain = getattr(secure._sslobj, method)()  # type: ignore[union-attr]
    return tuple(ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain or ())


def _negotiate_postgresql(plain: socket.socket, deadline: Deadline) -> None:
    _send(plain, _SSL_REQUEST, deadline)
    plain.settimeout(deadline.remaining())
    answer = plain.recv(1)
    if answer == b"":
        raise NoAnswerError("the server closed the connection after the request for TLS")
    if answer != b"S":
        raise NoTlsError("has no TLS" if answer == b"N" else "does not speak the PostgreSQL protocol")


def _negotiate_mysql(plain: socket.socket, deadline: Deadline) -> None:
    length = struct.unpack("<I", _receive(plain, 3, deadline) + b"\0")[0]
    number = _receive(plain, 1, deadline)[0]
    if number != 0 or not 1 <= length <= _MAX_PACKET:
        raise NoTlsError("does not speak the MySQL protocol")
    greeting = _receive(plain, length, deadline)
    if greeting[0] == 0xFF:
        # For example too many connections, or a blocked host. The server's text is untrusted and not shown.
        raise NoAnswerError("the server sent an error instead of a greeting")
    version, end, remainder = greeting[1:].partition(b"\0")
    if greeting[0] != 10 or not version or not end or len(remainder) < 15:
        raise NoTlsError("does not speak the MySQL protocol")
    if not struct.unpack_from("<H", remainder, 13)[0] & _CLIENT_SSL:
        raise NoTlsError("does not offer TLS in its greeting")
    flags = _PROTOCOL_41 | _CLIENT_SSL | _SECURE_CONNECTION
    request = struct.pack("<IIB23x", flags, 1 << 24, 45)
    _send(plain, struct.pack("<I", len(request))[:3] + b"\1" + request, deadline)


def _negotiate_tds(plain: socket.socket, deadline: Deadline) -> None:
    # Two options (VERSION, ENCRYPTION) and the terminator; offsets count from the start of the content.
    options = struct.pack("!BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    _send_tds(plain, options + bytes(6) + b"\1", deadline)
    try:
        kind, answer = _receive_tds(plain, deadline)
    except NoAnswerError:
        raise NoAnswerError(
            "the server closed the connection after the request for TLS (PRELOGIN)",
            fix='if the server is set to "Force Strict Encryption" (TDS 8.0), set encrypt=strict in the '
            "connection's JDBC URL; otherwise check that the server runs",
        ) from None
    position, encryption = 0, None
    while kind == _TDS_REPLY and position + 5 <= len(answer) and answer[position] != 0xFF:
        token, offset, length = struct.unpack_from("!BHH", answer, position)
        if token == 1 and length == 1 and offset < len(answer):
            encryption = answer[offset]
        position += 5
    if encryption is None:
        raise NoTlsError("does not speak the TDS protocol of SQL Server")
    if encryption not in _TDS_ENCRYPTED:
        raise NoTlsError("encrypts only the login, or nothing")


def _tds_handshake(
    plain: socket.socket, context: ssl.SSLContext, name: str, deadline: Deadline
) -> ssl.SSLObject:
    """Complete the handshake, which TDS 7 carries inside PRELOGIN packets."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname=name)
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            _send_tds(plain, outgoing.read(), deadline)
            incoming.write(_receive_tds(plain, deadline)[1])
        else:
            return secure


def _send_tds(plain: socket.socket, content: bytes, deadline: Deadline) -> None:
    header = struct.pack("!BBHHBB", _TDS_PRELOGIN, 1, len(content) + 8, 0, 0, 0)
    _send(plain, header + content, deadline)


def _receive_tds(plain: socket.socket, deadline: Deadline) -> tuple[int, bytes]:
    """Return the type of one message and the joined content of its packets."""
    content = b""
    while True:
        kind, status, length = struct.unpack("!BBH4x", _receive(plain, 8, deadline))
        if length < 8 or len(content) + length > 4 * _MAX_PACKET:
            raise NoTlsError("does not speak the TDS protocol of SQL Server")
        content += _receive(plain, length - 8, deadline)
        if status & 1:
            return kind, content


def _send(plain: socket.socket, data: bytes, deadline: Deadline) -> None:
    plain.settimeout(deadline.remaining())
    plain.sendall(data)


def _receive(plain: socket.socket, count: int, deadline: Deadline) -> bytes:
    data = b""
    while len(data) < count:
        plain.settimeout(deadline.remaining())
        part = plain.recv(count - len(data))
        if not part:
            raise NoAnswerError("the server closed the connection before TLS started")
        data += part
    return data
