"""A test certificate authority, and loopback servers that implement the start of a protocol and TLS.

Protocols: PostgreSQL (also Redshift), MySQL (also MariaDB), SQL Server's TDS, and TLS from the first byte
(Oracle TCPS, Kafka). The servers stop after the handshake and record the bytes that a client sends.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.now(timezone.utc)
_SHA256_RSA, _SHA1_RSA = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")


@cache
def private_key(kind: str = "P-256", which: int = 0) -> Any:
    """Return a private key, cached by its arguments because RSA keys are slow to generate."""
    if kind.startswith("RSA"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(
        {
            "P-256": ec.SECP256R1,
            "P-224": ec.SECP224R1,
            "P-384": ec.SECP384R1,
            "secp256k1": ec.SECP256K1,
        }[kind]()
    )


@dataclass
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any
    chain: list[x509.Certificate] = field(default_factory=list)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class Maker:
    """Issues certificates, good and bad."""

    def authority(self, name: str = "Test CA", *, by: Issued | None = None, **changes: Any) -> Issued:
        return self.issue(name, by=by, ca=True, **changes)

    def issue(
        self,
        name: str = "database",
        *,
        by: Issued | None = None,
        names: tuple[str, ...] = (),
        ca: bool | None = False,
        kind: str = "P-256",
        which: int = 0,
        start: datetime = NOW - timedelta(days=1),
        end: datetime = NOW + timedelta(days=30),
        key_identifiers: bool = True,
        key_usage: x509.KeyUsage | None = None,
        sha1: bool = False,
        path_length: int | None = None,
        extensions: tuple[x509.ExtensionType, ...] = (),
    ) -> Issued:
        key = private_key(kind, which)
        signer, issuer = (by.key, by.certificate.subject) if by else (key, _name(name))
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )
        if ca is not None:
            builder = builder.add_extension(
                x509.BasicConstraints(ca=ca, path_length=path_length), critical=True
            )
        if key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_san(n) for n in names]), critical=False
            )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        if key_identifiers:
            builder = builder.add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            ).add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
        algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        certificate = builder.sign(signer, algorithm)
        if sha1:
            certificate = _signed_with_sha1(certificate, signer)
        chain = [by.certificate, *by.chain] if by and by.certificate.issuer != by.certificate.subject else []
        return Issued(certificate, key, chain)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _san(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _signed_with_sha1(certificate: x509.Certificate, signer: rsa.RSAPrivateKey) -> x509.Certificate:
    """Return the certificate signed with sha1WithRSAEncryption, encoded by hand (the builder rejects it)."""
    tbs = certificate.tbs_certificate_bytes.replace(_SHA256_RSA, _SHA1_RSA)
    signature = signer.sign(tbs, padding.PKCS1v15(), hashes.SHA1())
    algorithm = bytes([0x30, 13, 6, 9]) + _SHA1_RSA + bytes([5, 0])
    body = tbs + algorithm + _der(0x03, b"\x00" + signature)
    return x509.load_der_x509_certificate(_der(0x30, body))


def _der(tag: int, body: bytes) -> bytes:
    return bytes([tag, 0x82]) + struct.pack("!H", len(body)) + body


@dataclass
class Server:
    """A listening server. ``received`` are the bytes of each connection after the handshake."""

    port: int
    received: list[bytes] = field(default_factory=list)
    connections: int = 0
    handshakes: int = 0

    @property
    def received_bytes(self) -> bytes:
        """All bytes that clients sent after the handshake, or without one."""
        return b"".join(self.received)


def _context(
    issued: Issued, folder: Path, version: ssl.TLSVersion | None, client_ca: bytes
) -> ssl.SSLContext:
    path = folder / "server.pem"
    private = issued.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in issued.chain)
    path.write_bytes(private + issued.pem + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca.decode())
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context


@pytest.fixture(scope="session")
def make() -> Maker:
    return Maker()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server: ``serve(issued)`` or ``serve(answer=b"N")``."""
    stop, listeners, threads = threading.Event(), [], []

    def start(
        issued: Issued | None = None,
        *,
        negotiation: str = "postgresql",
        answer: bytes | None = None,
        silent: bool = False,
        reset: bool = False,
        version: ssl.TLSVersion | None = None,
        client_ca: bytes = b"",
        host: str = "127.0.0.1",
    ) -> Server:
        context = _context(issued, tmp_path, version, client_ca) if issued else None
        if context is not None and negotiation == "tds-strict":
            context.set_alpn_protocols(["tds/8.0"])
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, 0), family=family)
        listeners.append(listener)
        server = Server(listener.getsockname()[1])

        def handle(client: socket.socket) -> None:
            with client:
                client.settimeout(5)
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if silent:
                    stop.wait(5)
                    return
                NEGOTIATIONS[negotiation](client, answer)
                if context is None:
                    server.received.append(client.recv(4096))
                    return
                serve_tls = _serve_inside_tds if negotiation == "tds" else _serve_tls
                serve_tls(client, context, server)

        def run() -> None:
            while not stop.is_set():
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                try:
                    handle(client)
                except OSError:
                    continue

        thread = threading.Thread(target=run, daemon=True)
        threads.append(thread)
        thread.start()
        return server

    yield start
    stop.set()
    for listener in listeners:
        # shutdown wakes the thread that waits in accept; close alone does not.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(5)


def _serve_tls(client: socket.socket, context: ssl.SSLContext, server: Server) -> None:
    with context.wrap_socket(client, server_side=True) as secure:
        server.handshakes += 1
        server.received.append(secure.recv(4096))


def _serve_inside_tds(client: socket.socket, context: ssl.SSLContext, server: Server) -> None:
    """TDS 7: the handshake is inside packets, later bytes are not."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            if outgoing.pending:
                _send_tds(client, 0x12, outgoing.read())
            incoming.write(_receive_tds(client))
        else:
            break
    _send_tds(client, 0x12, outgoing.read())
    server.handshakes += 1
    while True:
        try:
            server.received.append(secure.read(4096))
            return
        except ssl.SSLWantReadError:
            data = client.recv(4096)
            if not data:
                server.received.append(b"")
                return
            incoming.write(data)


def _negotiate_postgresql(client: socket.socket, answer: bytes | None) -> None:
    assert _receive(client, 8) == struct.pack("!II", 8, 80877103)
    client.sendall(b"S" if answer is None else answer)


def _negotiate_mysql(client: socket.socket, answer: bytes | None) -> None:
    greeting = mysql_greeting() if answer is None else answer
    client.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
    if answer is None:
        head = _receive(client, 4)
        request = _receive(client, struct.unpack("<I", head[:3] + b"\0")[0])
        assert (head[3], len(request)) == (1, 32)
        assert struct.unpack_from("<I", request)[0] & 0x800


def mysql_greeting(*, tls: bool = True) -> bytes:
    """Return the greeting of a MySQL 8 server."""
    flags = 0x00000001 | 0x200 | 0x8 | 0x2000 | 0x8000 | 0x80000 | (0x800 if tls else 0)
    return (
        b"\x0a8.0.33\0"
        + struct.pack("<I", 7)
        + b"abcdefgh\0"
        + struct.pack("<HBHH", flags & 0xFFFF, 45, 2, flags >> 16)
        + b"\x15"
        + bytes(10)
        + b"ijklmnopqrst\0"
        + b"mysql_native_password\0"
    )


def _negotiate_tds(client: socket.socket, answer: bytes | None) -> None:
    _receive_tds(client)
    encryption = b"\1" if answer is None else answer
    options = struct.pack("!BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    _send_tds(client, 0x04, options + bytes([15, 0, 0, 0, 0, 0]) + encryption)


def _send_tds(client: socket.socket, kind: int, content: bytes) -> None:
    if content:
        client.sendall(struct.pack("!BBHHBB", kind, 1, len(content) + 8, 0, 0, 0) + content)


def _receive_tds(client: socket.socket) -> bytes:
    kind, _, length = struct.unpack("!BBH4x", _receive(client, 8))
    assert kind == 0x12, kind
    return _receive(client, length - 8)


def _receive(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            raise ConnectionError("the client closed the connection")
        data += part
    return data


NEGOTIATIONS: dict[str, Callable[[socket.socket, bytes | None], None]] = {
    "postgresql": _negotiate_postgresql,
    "mysql": _negotiate_mysql,
    "tds": _negotiate_tds,
    "tls": lambda client, answer: client.sendall(answer or b""),
    "tds-strict": lambda client, answer: client.sendall(answer or b""),
}
