"""A TLS proxy in front of the embedded account's endpoint, for tests that see or change its requests."""

from __future__ import annotations

import http.client
import http.server
import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}


class EndpointProxy:
    """Forwards every request to ``upstream``.

    Args:
        upstream: ``https://localhost:PORT``.
        ca_pem: the authority of both sides.
        pair: certificate and key for ``localhost``.
    """

    def __init__(self, upstream: str, ca_pem: Any, pair: Any) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "", parts.port
        self._client = ssl.create_default_context(cafile=str(ca_pem))
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 60

            def log_message(self, *_: Any) -> None:
                """Do not log requests."""

            def serve(self) -> None:
                proxy.handle(self)

            def finish(self) -> None:
                upstream = getattr(self, "upstream", None)
                if upstream is not None:
                    upstream.close()
                super().finish()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """Ignore connections that a killed job left open."""

        self._server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"https://localhost:{self._server.server_port}"

    def close(self) -> None:
        """Stop the proxy."""
        self._server.shutdown()
        self._server.server_close()

    def handle(self, client: Any) -> None:
        """Forward one request and answer it."""
        status, headers, answer = self.forward(client, body_of(client))
        answer_client(client, status, headers, answer)

    def forward(self, client: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Send a request upstream, and return status, headers and body of the answer."""
        upstream = getattr(client, "upstream", None)
        if upstream is None:
            upstream = http.client.HTTPSConnection(self._host, self._port, context=self._client, timeout=60)
            client.upstream = upstream
        try:
            upstream.putrequest(client.command, client.path, skip_host=True, skip_accept_encoding=True)
            for name, value in client.headers.items():
                if name.lower() not in _HOP | {"content-length"}:
                    upstream.putheader(name, value)
            if body or client.command in ("PUT", "POST"):
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        except BaseException:
            upstream.close()
            raise


def body_of(client: Any) -> bytes:
    """Return the body of a request."""
    if "chunked" not in client.headers.get("Transfer-Encoding", ""):
        return client.rfile.read(int(client.headers.get("Content-Length") or 0))
    parts = []
    while size := int(client.rfile.readline().partition(b";")[0], 16):
        parts.append(client.rfile.read(size))
        client.rfile.readline()
    while client.rfile.readline().strip():
        pass
    return b"".join(parts)


def answer_client(
    client: Any, status: int, headers: list[tuple[str, str]], body: bytes, cut: int | None = None
) -> None:
    """Answer a request; with ``cut``, only that many bytes of the body, and close the connection."""
    try:
        client.send_response_only(status)
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        for name, value in headers:
            if name.lower() not in _HOP | {"content-length"}:
                client.send_header(name, value)
        is_head = client.command == "HEAD"
        client.send_header("Content-Length", lengths[0] if is_head and lengths else str(len(body)))
        client.end_headers()
        if not is_head:
            client.wfile.write(body if cut is None else body[:cut])
        client.wfile.flush()
        if cut is not None:
            client.close_connection = True
            client.connection.close()
    except OSError:
        client.close_connection = True
