"""How each protocol's client asks its server for TLS. Nothing here is secret, and nothing is sent but that.

Exactly what belongs to the server's answer is read: whatever somebody in between sends behind it in
the clear then breaks the handshake.

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

from glue_secure.connections.engines.engine import Opening

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_LARGEST_PACKET = 16 * 1024
_PROTOCOL_41, _CLIENT_SSL, _SECURE_CONNECTION = 0x200, 0x800, 0x8000
_TDS_PRELOGIN, _TDS_ANSWER = 0x12, 0x04
_TDS_ENCRYPTED = (1, 3)  # ENCRYPT_ON, ENCRYPT_REQ: the whole session, not the login alone


class NoTls(Exception):
    """The server says that it has no TLS, or something else; the text goes on from "the server"."""


class NoAnswer(Exception):
    """Nothing can be told from what the server said; the text says what."""


@dataclass(frozen=True, slots=True)
class Session:
    """A finished handshake.

    Attributes:
        protocol: ``TLSv1.2`` or ``TLSv1.3``.
        cipher: OpenSSL's name.
        certificate: the server's own, in DER.
        chain: from that to the anchor, in DER; empty where nothing was verified.
    """

    protocol: str
    cipher: str
    certificate: bytes
    chain: tuple[bytes, ...] = ()


def negotiate_tls(plain: socket.socket, opening: Opening, context: ssl.SSLContext, name: str) -> Session:
    """Ask for TLS as the protocol does, shake hands with the server of that name, and hang up.

    Raises:
        NoTls, NoAnswer: the server did not get as far as the handshake.
        ssl.SSLError, OSError: the handshake, or the connection, failed.
    """
    if opening is Opening.TDS:
        _ask_tds(plain)
        return _told(_inside_tds(plain, context, name))
    if opening is Opening.POSTGRESQL:
        _ask_postgresql(plain)
    elif opening is Opening.MYSQL:
        _ask_mysql(plain)
    with context.wrap_socket(plain, server_hostname=name) as secure:
        return _told(secure)


def _told(secure: ssl.SSLSocket | ssl.SSLObject) -> Session:
    cipher, certificate = secure.cipher(), secure.getpeercert(binary_form=True)
    if cipher is None or not certificate:
        raise NoAnswer("a handshake without cipher or certificate")
    return Session(str(secure.version()), cipher[0], certificate, _chain(secure))


def _chain(secure: ssl.SSLSocket | ssl.SSLObject) -> tuple[bytes, ...]:
    """The verified chain. Python shows it from 3.13 on; before that, the object inside does."""
    if secure.context.verify_mode is ssl.CERT_NONE:
        return ()
    if sys.version_info >= (3, 13):
        return tuple(secure.get_verified_chain())
    inside = secure._sslobj.get_verified_chain()  # type: ignore[union-attr]
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inside or ())


def _ask_postgresql(plain: socket.socket) -> None:
    plain.sendall(_SSL_REQUEST)
    answer = plain.recv(1)
    if answer == b"":
        raise NoAnswer("the server hung up when it was asked for TLS")
    if answer != b"S":
        raise NoTls("answers that it has no TLS" if answer == b"N" else "does not answer as PostgreSQL does")


def _ask_mysql(plain: socket.socket) -> None:
    length, number = struct.unpack("<I", _exactly(plain, 3) + b"\0")[0], _exactly(plain, 1)[0]
    if number != 0 or not 1 <= length <= _LARGEST_PACKET:
        raise NoTls("does not greet as MySQL or MariaDB does")
    greeting = _exactly(plain, length)
    if greeting[0] == 0xFF:
        # Too many connections, or a blocked host: the server's own words may hold anything, and stay out.
        raise NoAnswer("the server greeted with an error")
    version, end, rest = greeting[1:].partition(b"\0")
    if greeting[0] != 10 or not version or not end or len(rest) < 15:
        raise NoTls("does not greet as MySQL or MariaDB does")
    if not struct.unpack_from("<H", rest, 13)[0] & _CLIENT_SSL:
        raise NoTls("offers no TLS in its greeting")
    flags = _PROTOCOL_41 | _CLIENT_SSL | _SECURE_CONNECTION
    request = struct.pack("<IIB23x", flags, 1 << 24, 45)
    plain.sendall(struct.pack("<I", len(request))[:3] + b"\1" + request)


def _ask_tds(plain: socket.socket) -> None:
    # Two options (VERSION, ENCRYPTION) and the end; their places are counted from the packet's content.
    options = struct.pack("!BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    _send_tds(plain, options + bytes(6) + b"\1")
    kind, answer = _receive_tds(plain)
    at, encryption = 0, None
    while kind == _TDS_ANSWER and at + 5 <= len(answer) and answer[at] != 0xFF:
        token, place, length = struct.unpack_from("!BHH", answer, at)
        if token == 1 and length == 1 and place < len(answer):
            encryption = answer[place]
        at += 5
    if encryption is None:
        raise NoTls("does not answer as SQL Server does")
    if encryption not in _TDS_ENCRYPTED:
        raise NoTls("answers that it encrypts the login alone, or nothing")


def _inside_tds(plain: socket.socket, context: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """TDS 7 carries the handshake inside of PRELOGIN packets."""
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(arrived, leaving, server_hostname=name)
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            _send_tds(plain, leaving.read())
            arrived.write(_receive_tds(plain)[1])
        else:
            return secure


def _send_tds(plain: socket.socket, content: bytes) -> None:
    plain.sendall(struct.pack("!BBHHBB", _TDS_PRELOGIN, 1, len(content) + 8, 0, 0, 0) + content)


def _receive_tds(plain: socket.socket) -> tuple[int, bytes]:
    """One message: its kind, and the content of its packets up to the last."""
    content = b""
    while True:
        kind, status, length = struct.unpack("!BBH4x", _exactly(plain, 8))
        if length < 8 or len(content) + length > 4 * _LARGEST_PACKET:
            raise NoTls("does not answer as SQL Server does")
        content += _exactly(plain, length - 8)
        if status & 1:
            return kind, content


def _exactly(plain: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = plain.recv(count - len(found))
        if not part:
            raise NoAnswer("the server hung up before it was asked for TLS, or when it was")
        found += part
    return found
