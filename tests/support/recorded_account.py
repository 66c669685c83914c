"""boto3 clients that answer from a table of responses, without network.

The clients are real: botocore validates each request, and the table's responses are validated against the
output shapes of botocore's models.
"""

from __future__ import annotations

import copy
import io
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.validate import ParamValidator

from glue_secure.audit.calls import CALLS, Call

ACCOUNT, REGION = "123456789012", "eu-west-1"

_LOCK = threading.Lock()
_SESSIONS: dict[str, Any] = {}
_CLIENTS: dict[tuple[str, str], Any] = {}
_OWNERS: dict[str, RecordedAccount] = {}


@dataclass(frozen=True)
class ApiError:
    """An error of a service, as a response of the table."""

    code: str
    message: str = ""


class RecordedAccount:
    """An account with fixed answers.

    Args:
        responses: operation (``GetJobs``, or with its service) → results of a listing, or answer; by the
            resource's name if the call has a key. What is missing is an empty listing, or the error that the
            resource does not exist.
        denied: IAM actions that the caller lacks.
        page: most results of one response.
        latency: seconds of a call.
    """

    def __init__(
        self,
        responses: Mapping[str, Any],
        *,
        denied: Collection[str] = (),
        page: int = 1000,
        latency: float = 0,
    ) -> None:
        self.responses, self.denied, self.page = responses, set(denied), page
        self.latency = latency
        self.calls: Counter[str] = Counter()

    def client_of(self, service: str, region: str) -> Any:
        """Return the client of a service in a Region. All accounts share it; the last that asked answers."""
        with _LOCK:
            if (service, region) not in _CLIENTS:
                session = _SESSIONS.setdefault("", boto3.session.Session("AKIDEXAMPLE", "secret"))
                client = session.client(service, region_name=region)
                client.meta.events.register("before-parameter-build", _note)
                client.meta.events.register("before-call", lambda **event: _OWNERS[service]._answer(**event))
                _CLIENTS[service, region] = client
            _OWNERS[service] = self
            return _CLIENTS[service, region]

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        params = context["api_params"]
        call = next(
            call
            for call in CALLS
            if (call.service, call.operation) == (model.service_model.service_name, model.name)
            and params.get("Filter") == call.arguments.get("Filter")
        )
        with _LOCK:
            self.calls[call.name] += 1
        time.sleep(self.latency)
        if call.permission in self.denied:
            return _error("AccessDeniedException")
        response = self._response(call, params)
        if isinstance(response, ApiError):
            return _error(response.code, response.message)
        if "Body" in response:
            response = {**response, "Body": io.BytesIO(response["Body"])}
        report = ParamValidator().validate(response, model.output_shape)
        assert not report.has_errors(), f"{model.name}: {report.generate_report()}"
        # botocore decodes policy documents of IAM in place.
        return SimpleNamespace(status_code=200, headers={}), copy.deepcopy(response)

    def _response(self, call: Call, params: Mapping[str, Any]) -> Any:
        names = (call.name, f"{call.service}.{call.operation}", call.operation)
        found = next((self.responses[name] for name in names if name in self.responses), None)
        if call.key and isinstance(found, Mapping):
            found = found.get("/".join(params[member] for member in call.key.split("/")))
        if isinstance(found, ApiError):
            return found
        if not call.items:
            return ApiError(sorted(call.absent)[0]) if found is None else found
        items = list(found or ())
        returned, sent = call.token
        begin = int(params.get(sent) or 0)
        end = begin + min(self.page, int(params.get("MaxResults") or self.page))
        more = {returned: str(end)} if end < len(items) else {}
        return {call.items: items[begin:end], **more}


def _note(params: Any, context: dict[str, Any], **_: Any) -> None:
    context["api_params"] = dict(params)


def _error(code: str, message: str = "") -> tuple[Any, dict[str, Any]]:
    status = 403 if code.startswith("AccessDenied") else 400
    return SimpleNamespace(status_code=status, headers={}), {
        "Error": {"Code": code, "Message": message or f"the recorded account returns {code}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
