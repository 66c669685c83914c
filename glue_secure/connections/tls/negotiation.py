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
    """The server's answer is missing or inconclusive."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """A completed handshake.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        certificate: the server's certificate, DER.
        chain: from that to the trust anchor, DER; empty if nothing was verified.
    """

    protocol: str
    cipher: str
    certificate: bytes
    chain: tuple[bytes, ...] = ()


def negotiate_tls(
    plain: socket.socket, negotiation: TlsNegotiation, context: ssl.SSLContext, name: str
) -> Handshake:
    """Request TLS as the protocol requires, complete the handshake and close the connection.

    Args:
        plain: a connected socket.
        negotiation: the protocol.
        context: decides which certificate is accepted.
        name: compared with the server's certificate.

    Raises:
        NoTlsError, NoAnswerError: the server did not start a handshake.
        ssl.SSLError, OSError: the handshake, or the connection, failed.
    """
    if negotiation is TlsNegotiation.TDS:
        _negotiate_tds(plain)
        return _completed(_tds_handshake(plain, context, name))
    if negotiation is TlsNegotiation.POSTGRESQL:
        _negotiate_postgresql(plain)
    elif negotiation is TlsNegotiation.MYSQL:
        _negotiate_mysql(plain)
    with context.wrap_socket(plain, server_hostname=name) as secure:
        return _completed(secure)


def _completed(secure: ssl.SSLSocket | ssl.SSLObject) -> Handshake:
    cipher, certificate = secure.cipher(), secure.getpeercert(binary_form=True)
    if cipher is None or not certificate:
        raise NoAnswerError("a handshake without cipher or certificate")
    return Handshake(str(secure.version()), cipher[0], certificate, _chain(secure))


def _chain(secure: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the verified chain. Before Python 3.13 only the underlying object exposes it."""
    if secure.context.verify_mode is ssl.CERT_NONE:
        return ()
    if sys.version_info >= (3, 13):
        return tuple(secure.get_verified_chain())
    chain = secure._sslobj.get_verified_chain()  # type: ignore[union-attr]
    return tuple(ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain or ())


def _negotiate_postgresql(plain: socket.socket) -> None:
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(1)
    if answer == b"":
        raise NoAnswerError("the server closed the connection after the request for TLS")
    if answer != b"S":
        raise NoTlsError("has no TLS" if answer == b"N" else "does not speak the PostgreSQL protocol")


def _negotiate_mysql(plain: socket.socket) -> None:
    length, number = struct.unpack("<I", _receive(plain, 3) + b"\0")[0], _receive(plain, 1)[0]
    if number != 0 or not 1 <= length <= _MAX_PACKET:
        raise NoTlsError("does not speak the MySQL protocol")
    greeting = _receive(plain, length)
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
    plain.sendall(struct.pack("<I", len(request))[:3] + b"\1" + request)


def _negotiate_tds(plain: socket.socket) -> None:
    # Two options (VERSION, ENCRYPTION) and the terminator; offsets count from the start of the content.
    options = struct.pack("!BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    _send_tds(plain, options + bytes(6) + b"\1")
    kind, answer = _receive_tds(plain)
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


def _tds_handshake(plain: socket.socket, context: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Complete the handshake, which TDS 7 carries inside PRELOGIN packets."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname=name)
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            _send_tds(plain, outgoing.read())
            incoming.write(_receive_tds(plain)[1])
        else:
            return secure


def _send_tds(plain: socket.socket, content: bytes) -> None:
    plain.sendall(struct.pack("!BBHHBB", _TDS_PRELOGIN, 1, len(content) + 8, 0, 0, 0) + content)


def _receive_tds(plain: socket.socket) -> tuple[int, bytes]:
    """Return the type of one message and the joined content of its packets."""
    content = b""
    while True:
        kind, status, length = struct.unpack("!BBH4x", _receive(plain, 8))
        if length < 8 or len(content) + length > 4 * _MAX_PACKET:
            raise NoTlsError("does not speak the TDS protocol of SQL Server")
        content += _receive(plain, length - 8)
        if status & 1:
            return kind, content


def _receive(plain: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = plain.recv(count - len(data))
        if not part:
            raise NoAnswerError("the server closed the connection before TLS started")
        data += part
    return data
