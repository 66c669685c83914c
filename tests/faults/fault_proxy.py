"""A TLS proxy in front of the account's endpoint that kills, fails and delays on request.

It stands outside the job: what happens to a request is decided here, and no line of the product knows.
"""

from __future__ import annotations

import http.client
import http.server
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

PASS, KILL_BEFORE, KILL_AFTER = "pass", "kill-before", "kill-after"
FAULTS = ("500", "503", "reset", "truncate", "lose", "delay")
# The phases in which a job is killed.
PHASES = ("read", "write", "verify", "commit", "history", "evidence")

_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>seeded</Message>'
    b"<RequestId>0</RequestId></Error>"
)
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}


@dataclass(frozen=True)
class Seen:
    """A request: its number since the last ``begin``, its operation, and the phase of the run."""

    number: int
    method: str
    path: str
    phase: str


Plan = Callable[[Seen], str]


def nothing(_request: Seen) -> str:
    """Return the plan of a run without faults."""
    return PASS


class FaultProxy:
    """Forwards every request to ``upstream``. A plan decides which fault is injected.

    Args:
        upstream: ``https://localhost:PORT``.
        ca_pem: the authority of both sides.
        pair: certificate and key for ``localhost``.
    """

    def __init__(self, upstream: str, ca_pem: Any, pair: Any) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "", parts.port
        self._client = ssl.create_default_context(cafile=str(ca_pem))
        self._lock = threading.Lock()
        self._plan: Plan = nothing
        self._kill: Callable[[], None] = lambda: None
        self._dead, self._written = False, False
        self.seen: list[Seen] = []
        self.hit: list[tuple[Seen, str]] = []
        self.delay = 2.0
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

    def begin(self, plan: Plan = nothing, kill: Callable[[], None] = lambda: None) -> None:
        """Reset the counter, and set the plan and the function that kills the next job."""
        with self._lock:
            self._plan, self._kill, self.seen, self.hit = plan, kill, [], []
            self._dead, self._written = False, False

    def took(self, phase: str) -> bool:
        """Return whether the account received a request of the phase."""
        refused = {seen.number for seen, action in self.hit if action == KILL_BEFORE}
        return any(seen.phase == phase and seen.number not in refused for seen in self.seen)

    def close(self) -> None:
        """Stop the proxy."""
        self._server.shutdown()
        self._server.server_close()

    def _judge(self, method: str, path: str) -> str:
        with self._lock:
            if self._dead:
                return KILL_BEFORE
            phase = phase_of(method, path, self._written)
            self._written = self._written or (phase == "write" and method == "PUT")
            seen = Seen(len(self.seen), method, path, phase)
            self.seen.append(seen)
        action = self._plan(seen)  # outside the lock: a plan may wait for another request
        if action != PASS:
            with self._lock:
                self.hit.append((seen, action))
        return action

    def handle(self, client: Any) -> None:
        """Forward one request."""
        path = unquote(client.path)
        body = _body_of(client)
        action = self._judge(client.command, path)
        if action == KILL_BEFORE:
            return self._end(client)
        if action == "reset":
            client.close_connection = True
            return client.connection.close()
        if action in ("500", "503"):
            code = b"InternalError" if action == "500" else b"SlowDown"
            return _answer(client, int(action), [("Content-Type", "application/xml")], _ERROR % code)
        status, headers, answer = self._forward(client, body)
        if action == KILL_AFTER:
            return self._end(client)
        if action == "lose":
            client.close_connection = True
            return client.connection.close()
        if action == "delay":
            time.sleep(self.delay)
        cut = len(answer) // 2 if action == "truncate" and client.command == "GET" else None
        return _answer(client, status, headers, answer, cut)

    def _forward(self, client: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
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

    def _end(self, client: Any) -> None:
        with self._lock:
            self._dead = True
        self._kill()
        client.close_connection = True
        client.connection.close()


def _body_of(client: Any) -> bytes:
    if "chunked" not in client.headers.get("Transfer-Encoding", ""):
        return client.rfile.read(int(client.headers.get("Content-Length") or 0))
    parts = []
    while size := int(client.rfile.readline().partition(b";")[0], 16):
        parts.append(client.rfile.read(size))
        client.rfile.readline()
    while client.rfile.readline().strip():
        pass
    return b"".join(parts)


def _answer(
    client: Any, status: int, headers: list[tuple[str, str]], body: bytes, cut: int | None = None
) -> None:
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


def phase_of(method: str, path: str, written: bool) -> str:
    """Return the phase of the run that a request belongs to."""
    path = path.partition("?")[0]
    if path.startswith("/glue-secure-landing/"):
        return "read"
    if path.startswith("/glue-secure-curated"):
        return "write" if method in ("PUT", "POST", "DELETE") else "verify" if written else "list"
    if "/bookmarks/" in path and method == "PUT":
        return "history" if "/history/" in path else "commit"
    if "/_chain/" in path:  # the entry of the start, or of the end
        return "evidence" if method == "PUT" and written else "control"
    if "/evidence/" in path and method == "PUT" and not path.endswith("/_started.json"):
        return "evidence"
    return "control"
