"""S3 servers other than moto, started on loopback with the embedded account's certificate.

MinIO encrypts, and rejects keys that it does not have. versitygw accepts the headers of SSE-KMS and ignores
them. s3proxy answers 501 to them. The two servers in Go are built once, at a pinned version, if Go is
installed.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.folders import cache_folder, locked
from glue_secure.embedded.jars import Artifact
from glue_secure.embedded.pki import KeyPair
from glue_secure.embedded.postgres import free_port

S3PROXY = Artifact(
    "org.gaul",
    "s3proxy",
    "4.1.0",
    "a4d025969aaf796616ed4b1e2491d87d455ce84bb28cb9db086b2e6aaa68b48d",
    54_955_934,
    "jar-with-dependencies",
)
GO_MODULES = {
    "minio": "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c",
    "versitygw": "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
}
SECONDS_TO_START = 60


@dataclass(frozen=True)
class ObjectServer:
    """A running server.

    Attributes:
        name: the server's product.
        url: ``https://localhost:PORT``.
        folder: where it stores data.
    """

    name: str
    url: str
    folder: Path


def go_program(name: str) -> Path:
    """Return the server's program: on the PATH, or built into the cache. Skips the test if there is none."""
    found = shutil.which(name)
    if found:
        return Path(found)
    folder = cache_folder() / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"{name}-{GO_MODULES[name].rpartition('@')[2]}"
    with locked(folder, lambda: None):
        if not program.exists():
            if shutil.which("go") is None:
                pytest.skip(f"no {name} on this machine, and no Go to build it with ({GO_MODULES[name]})")
            built = subprocess.run(
                ["go", "install", GO_MODULES[name]],
                env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"},
                cwd=folder,
                capture_output=True,
                text=True,
            )
            if built.returncode:
                pytest.skip(f"{name} could not be built: {built.stderr.strip()[-300:]}")
            (folder / name).rename(program)
    return program


@contextlib.contextmanager
def running(command: list[Any], port: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a command for a block, which starts when the port answers."""
    log = folder.parent / f"{folder.name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
        try:
            end = time.monotonic() + SECONDS_TO_START
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise AssertionError(log.read_text(errors="replace")[-2000:])
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def versitygw(account: EmbeddedAccount, folder: Path) -> Iterator[ObjectServer]:
    """Run versitygw, which accepts the headers of SSE-KMS and stores plain bytes."""
    program, port, data = go_program("versitygw"), free_port(), folder / "versitygw"
    data.mkdir()
    pair = account.server_pair
    command = [program, "--port", f"127.0.0.1:{port}", "--cert", pair.certificate, "--key", pair.key]
    secret = {
        "ROOT_ACCESS_KEY": account.access_key_id,
        "ROOT_SECRET_KEY": account.secret_access_key,
    }
    command += [
        "--region",
        account.region,
        "--quiet",
        "--keep-alive",
        "posix",
        "--sidecar",
        folder / "sidecar",
        data,
    ]
    (folder / "sidecar").mkdir()
    with running(command, port, data, secret):
        yield ObjectServer("versitygw", f"https://localhost:{port}", data)


@contextlib.contextmanager
def s3proxy(account: EmbeddedAccount, folder: Path) -> Iterator[ObjectServer]:
    """Run s3proxy, which answers 501 to requests with SSE-KMS."""
    port, data, password = free_port(), folder / "s3proxy", secrets.token_hex(16)
    data.mkdir()
    (jar,) = fetch([S3PROXY], account.java_home)
    (folder / "s3proxy.p12").write_bytes(_key_store(account.server_pair, password))
    settings = {
        "s3proxy.secure-endpoint": f"https://127.0.0.1:{port}",
        "s3proxy.authorization": "none",
        "s3proxy.keystore-path": folder / "s3proxy.p12",
        "s3proxy.keystore-password": password,
        "jclouds.provider": "filesystem",
        "jclouds.filesystem.basedir": data,
    }
    properties = folder / "s3proxy.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command = [account.java_home / "bin" / "java", "-jar", jar, "--properties", properties]
    with running(command, port, data, {}):
        yield ObjectServer("s3proxy", f"https://localhost:{port}", data)


def _key_store(pair: KeyPair, password: str) -> bytes:
    chain = x509.load_pem_x509_certificates(pair.certificate.read_bytes())
    key: Any = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"server", key, chain[0], chain[1:], sealed)


@contextlib.contextmanager
def minio(account: EmbeddedAccount, folder: Path, key: str) -> Iterator[ObjectServer]:
    """Run MinIO, which encrypts under one key of its own, named ``key`` by a proxy.

    MinIO names a key ``arn:aws:kms:NAME`` and accepts no ARN of AWS. A TLS proxy translates the name of that
    one key in both directions and signs requests again. Other keys are passed on, and MinIO rejects them.
    Bodies and answers about encryption are MinIO's.
    """
    program, port, data = go_program("minio"), free_port(), folder / "minio"
    data.mkdir()
    secret = {
        "MINIO_ROOT_USER": account.access_key_id,
        "MINIO_ROOT_PASSWORD": account.secret_access_key,
        "MINIO_KMS_SECRET_KEY": "glue-secure:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "MINIO_BROWSER": "off",
        "HOME": str(folder),
    }
    command = [program, "server", "--quiet", "--anonymous", "--address", f"127.0.0.1:{port}", data]
    with running(command, port, data, secret), _front(account, port, {key: "arn:aws:kms:glue-secure"}) as url:
        yield ObjectServer("minio", url, data)


_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
# Headers of the connection, or of the signature that the proxy replaces.
_NOT_FORWARDED = {"host", "authorization", "connection", "transfer-encoding", "content-length", "expect"}
_OF_CHUNKS = {"x-amz-decoded-content-length", "x-amz-trailer", "x-amz-content-sha256", "content-encoding"}


@contextlib.contextmanager
def _front(account: EmbeddedAccount, port: int, names: dict[str, str]) -> Iterator[str]:
    import ssl

    back = {name: arn for arn, name in names.items()}
    credentials = Credentials(account.access_key_id, account.secret_access_key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            pass

        def forward(self) -> None:
            body, trailers = self._body()
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _NOT_FORWARDED | _OF_CHUNKS
            }
            headers |= trailers
            encodings = [
                e for e in self.headers.get("Content-Encoding", "").split(",") if e and e != "aws-chunked"
            ]
            if encodings:
                headers["Content-Encoding"] = ",".join(encodings)
            for name in headers:
                if name.lower() == _KEY_HEADER:
                    headers[name] = names.get(headers[name], headers[name])
            # A signed URL is signed again too, without the old signature.
            parts = urlsplit(self.path)
            query = [
                (name, value)
                for name, value in parse_qsl(parts.query, keep_blank_values=True)
                if not name.lower().startswith("x-amz-")
            ]
            path = parts.path + ("?" + urlencode(query, quote_via=quote) if query else "")
            request = AWSRequest(self.command, f"http://127.0.0.1:{port}{path}", headers=headers, data=body)
            request.context["payload_signing_enabled"] = True
            S3SigV4Auth(credentials, "s3", account.region).add_auth(request)
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                link.request(self.command, path, body=body or None, headers=dict(request.headers.items()))
                answer = link.getresponse()
                content = answer.read()
            finally:
                link.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, back.get(value, value) if name.lower() == _KEY_HEADER else value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            if length is not None and answer.status not in (204, 304):
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

        def _body(self) -> tuple[bytes, dict[str, str]]:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                raw = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    raw += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            return unchunked(raw) if "x-amz-decoded-content-length" in self.headers else (raw, {})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(account.server_pair.certificate, account.server_pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unchunked(raw: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the content of an ``aws-chunked`` body, and its trailers."""
    found, rest = b"", raw
    while True:
        head, _, rest = rest.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        if size == 0:
            break
        found, rest = found + rest[:size], rest[size + 2 :]
    lines = [line.decode().partition(":") for line in rest.split(b"\r\n") if line]
    return found, {name: value.strip() for name, _, value in lines if name.startswith("x-amz-checksum-")}


SERVERS: dict[str, Callable[..., contextlib.AbstractContextManager[ObjectServer]]] = {
    "minio": minio,
    "versitygw": versitygw,
    "s3proxy": s3proxy,
}
