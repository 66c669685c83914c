"""A TLS proxy in front of the account's endpoint that kills, fails and delays on request.

It stands outside the job: what happens to a request is decided here, and no line of the product knows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from endpoint_proxy import EndpointProxy, answer_client, body_of

PASS, KILL_BEFORE, KILL_AFTER = "pass", "kill-before", "kill-after"
FAULTS = ("500", "503", "reset", "truncate", "lose", "delay")
# The phases in which a job is killed.
PHASES = ("read", "write", "verify", "commit", "history", "evidence")

_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>seeded</Message>'
    b"<RequestId>0</RequestId></Error>"
)


@dataclass(frozen=True)
class Seen:
    """A request: its number since the last ``begin``, its operation, and the phase of the run.

    ``operation`` is that of a service with JSON requests, for example ``AWSGlue.UpdateTable``; ``by_python``
    is whether boto3 sent the request.
    """

    number: int
    method: str
    path: str
    phase: str
    operation: str = ""
    by_python: bool = True


Plan = Callable[[Seen], str]


def nothing(_request: Seen) -> str:
    """Return the plan of a run without faults."""
    return PASS


class FaultProxy(EndpointProxy):
    """Forwards every request to ``upstream``. A plan decides which fault is injected.

    Args:
        upstream: ``https://localhost:PORT``.
        ca_pem: the authority of both sides.
        pair: certificate and key for ``localhost``.
    """

    def __init__(self, upstream: str, ca_pem: Any, pair: Any) -> None:
        self._lock = threading.Lock()
        self._plan: Plan = nothing
        self._kill: Callable[[], None] = lambda: None
        self._dead, self._written = False, False
        self.seen: list[Seen] = []
        self.hit: list[tuple[Seen, str]] = []
        self.delay = 2.0
        super().__init__(upstream, ca_pem, pair)

    def begin(self, plan: Plan = nothing, kill: Callable[[], None] = lambda: None) -> None:
        """Reset the counter, and set the plan and the function that kills the next job."""
        with self._lock:
            self._plan, self._kill, self.seen, self.hit = plan, kill, [], []
            self._dead, self._written = False, False

    def took(self, phase: str) -> bool:
        """Return whether the account received a request of the phase."""
        refused = {seen.number for seen, action in self.hit if action == KILL_BEFORE}
        return any(seen.phase == phase and seen.number not in refused for seen in self.seen)

    def _judge(self, client: Any, path: str) -> str:
        method, headers = client.command, client.headers
        with self._lock:
            if self._dead:
                return KILL_BEFORE
            phase = phase_of(method, path, self._written)
            self._written = self._written or (phase == "write" and method == "PUT")
            by_python = "botocore" in headers.get("User-Agent", "").lower()
            operation = headers.get("X-Amz-Target", "")
            seen = Seen(len(self.seen), method, path, phase, operation, by_python)
            self.seen.append(seen)
        action = self._plan(seen)  # outside the lock: a plan may wait for another request
        if action != PASS:
            with self._lock:
                self.hit.append((seen, action))
        return action

    def handle(self, client: Any) -> None:
        """Forward one request."""
        path = unquote(client.path)
        body = body_of(client)
        action = self._judge(client, path)
        if action == KILL_BEFORE:
            return self._end(client)
        if action == "reset":
            client.close_connection = True
            return client.connection.close()
        if action in ("500", "503"):
            code = b"InternalError" if action == "500" else b"SlowDown"
            return answer_client(client, int(action), [("Content-Type", "application/xml")], _ERROR % code)
        status, headers, answer = self.forward(client, body)
        if action == KILL_AFTER:
            return self._end(client)
        if action == "lose":
            client.close_connection = True
            return client.connection.close()
        if action == "delay":
            time.sleep(self.delay)
        cut = len(answer) // 2 if action == "truncate" and client.command == "GET" else None
        return answer_client(client, status, headers, answer, cut)

    def _end(self, client: Any) -> None:
        with self._lock:
            self._dead = True
        self._kill()
        client.close_connection = True
        client.connection.close()


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
