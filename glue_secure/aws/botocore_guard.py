"""The guard in botocore's clients: every client of the process, whichever session made it, and whenever.

botocore has no hook for all sessions, so four methods of its classes are replaced, once per process:

- ``BaseClient._emit_api_params`` returns the final parameters of a call, for requests and presigned URLs.
- ``BaseClient._make_request`` sends a request and returns the response.
- ``RequestSigner._choose_signer`` and ``S3PostPresigner.generate_presigned_post`` sign URLs and forms.

aiobotocore, on which s3fs is built, overrides these methods with coroutines; they are replaced too. A module
that is imported later is changed when it is imported.

The client of the AWS Common Runtime, awscrt, signs and sends requests itself. For boto3, a client of botocore
only serialises them: its response is made up before anything is sent. While there is a guard, boto3 transfers
objects with its classic client, whatever ``preferred_transfer_client`` of a TransferConfig is, and awscrt
sends no request that stores or deletes.

Which guard decides: of the open runs, the one that started last; else the last run, which rejects storing
calls; without a run, the guard of :func:`guard_before_run`, if there is one. Clients of glue-secure itself
are exempt (:func:`exempt`).
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from threading import Lock
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from glue_secure.aws.tls import require_tls
from glue_secure.core.driver_s3 import READING, REMOVING, STORING, WRITES, refused_post
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports.driver_s3 import CallGuard

_CONTEXT = "glue_secure_parameters"
_RECORDED = STORING | REMOVING | READING
_lock = Lock()
_guards: list[CallGuard] = []
_exempt: WeakSet[Any] = WeakSet()
_bound: WeakKeyDictionary[Any, CallGuard] = WeakKeyDictionary()


def install() -> None:
    """Replace the methods of ``_CHANGES``, now or when their modules are imported. Can be repeated."""
    for name, change in _CHANGES.items():
        if name in sys.modules:
            change(sys.modules[name])
    if not any(isinstance(finder, _ChangeOnImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _ChangeOnImport())
        os.register_at_fork(after_in_child=_after_fork)


def guard_process(guard: CallGuard) -> None:
    """Let the guard of a run decide about the calls of every client from now on."""
    install()
    with _lock:
        # The guards of ended runs are dropped: only the newest guard can be needed when no run is open.
        _guards[:] = [other for other in _guards if other.is_open and other is not guard]
        _guards.append(guard)


def guard_before_run(guard: CallGuard) -> None:
    """Let the guard decide until the first run starts. Does nothing if there has been a run."""
    install()
    with _lock:
        if not _guards:
            _guards.append(guard)


def forget_ended_runs() -> None:
    """Forget every guard whose run is not open, for processes that test jobs: storing calls pass again."""
    with _lock:
        _guards[:] = [guard for guard in _guards if guard.is_open]


def exempt(client: Any) -> None:
    """Exempt a client of glue-secure itself. Its calls are neither checked nor recorded."""
    _exempt.add(client)


def bind(client: Any, guard: CallGuard) -> None:
    """Let one run's guard decide about a client's calls, also if another run starts later."""
    _bound[client] = guard


def _after_fork() -> None:
    """Replace the guards in a forked process: it shares no memory with the run."""
    global _lock
    _lock = Lock()
    _guards[:] = [guard.in_child() for guard in _guards]
    for client, guard in list(_bound.items()):
        _bound[client] = guard.in_child()


def guard_of(client: Any) -> CallGuard | None:
    """Return the guard that decides about a client's calls; None if no guard does."""
    if not _guards or client in _exempt:
        return None
    bound = _bound.get(client)
    return bound if bound is not None else _newest_guard()


def _newest_guard() -> CallGuard:
    """Return the guard of the open run that started last, else the newest guard. There must be a guard."""
    return next((guard for guard in reversed(_guards) if guard.is_open), _guards[-1])


def require_verified_tls(client: Any) -> None:
    """Raise RefusedError (GS-S3-002) if a client's connections are not TLS with verified certificates."""
    service = client.meta.service_model.service_name
    require_tls(service, client.meta.endpoint_url)
    http_session = getattr(client._endpoint, "http_session", None)
    verify = getattr(http_session, "_verify", True)
    proxies = getattr(client.meta.config, "proxies_config", None) or {}
    found = ""
    if not verify:
        found, fix = f"verify={verify!r}", "remove verify; set AWS_CA_BUNDLE to the PEM file of a private CA"
    elif proxies.get("proxy_use_forwarding_for_https"):
        found, fix = "proxy_use_forwarding_for_https", "remove it from the client's proxies_config"
    if found:
        raise RefusedError(
            "GS-S3-002",
            resource=f"boto3 client of {service}",
            found=found,
            required="verified certificates",
            fix=fix,
        )


def _is_s3(client: Any) -> bool:
    return bool(client.meta.service_model.service_name == "s3")


def _check_client(client: Any, guard: CallGuard) -> None:
    try:
        require_verified_tls(client)
    except RefusedError as error:
        guard.refuse(error)


def _checked(client: Any, guard: CallGuard, parameters: Any, model: Any, context: Any) -> Any:
    """Check a call, and return its parameters with those that the guard adds."""
    _check_client(client, guard)
    if not _is_s3(client):
        return parameters
    added = guard.check_call(
        model.name,
        parameters,
        client.meta.endpoint_url,
        presigned=bool(context.get("is_presign_request")),
    )
    parameters = {**parameters, **added}
    context[_CONTEXT] = parameters
    return parameters


def _recorded_guard(client: Any, model: Any, parameters: Mapping[str, Any]) -> CallGuard | None:
    """Return the guard that records a request.

    None for requests that neither store nor remove objects, and for reads that no guard records.
    """
    if not (_guards and _is_s3(client) and model.name in _RECORDED):
        return None
    guard = guard_of(client)
    if guard is not None and model.name in READING:
        location = S3Uri(str(parameters.get("Bucket", "")), str(parameters.get("Key", "")))
        return guard if guard.records_read(location) else None
    return guard


def _size_of(request: Mapping[str, Any]) -> int | None:
    """Return the bytes of a request's content, without the encoding of checksums."""
    headers = {str(name).lower(): value for name, value in request.get("headers", {}).items()}
    for name in ("x-amz-decoded-content-length", "content-length"):
        if str(headers.get(name, "")).isdigit():
            return int(headers[name])
    body = request.get("body")
    if body is None or isinstance(body, (bytes, bytearray)):
        return len(body or b"")
    from botocore.utils import determine_content_length

    length = determine_content_length(body)
    return None if length is None else int(length)


def _is_certain(parsed: Mapping[str, Any]) -> bool:
    return not parsed.get("ResponseMetadata", {}).get("RetryAttempts")


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replace a method of a class by ``make(method)``, once."""
    method = owner.__dict__.get(name)
    if method is None or hasattr(method, "__glue_secure__"):
        return
    replacement: Any = functools.wraps(method)(make(method))
    replacement.__glue_secure__ = True
    setattr(owner, name, replacement)


def _change_client(module: ModuleType) -> None:
    def initialise(real: Any) -> Any:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            real(self, *args, **kwargs)
            guard = guard_of(self)
            if guard is not None:
                _check_client(self, guard)

        return __init__

    def emit(real: Any) -> Any:
        def _emit_api_params(self: Any, api_params: Any, operation_model: Any, context: Any) -> Any:
            parameters = real(self, api_params=api_params, operation_model=operation_model, context=context)
            guard = guard_of(self)
            if guard is None:
                return parameters
            return _checked(self, guard, parameters, operation_model, context)

        return _emit_api_params

    def send(real: Any) -> Any:
        def _make_request(self: Any, operation_model: Any, request_dict: Any, request_context: Any) -> Any:
            parameters = request_context.get(_CONTEXT, {})
            guard = _recorded_guard(self, operation_model, parameters)
            if guard is None:
                return real(self, operation_model, request_dict, request_context)
            with guard.request(operation_model.name, parameters, _size_of(request_dict)) as record:
                http, parsed = real(self, operation_model, request_dict, request_context)
                record(http.status_code, parsed, is_certain=_is_certain(parsed))
            return http, parsed

        return _make_request

    client = module.BaseClient
    _replace(client, "__init__", initialise)
    _replace(client, "_emit_api_params", emit)
    _replace(client, "_make_request", send)


def _change_async_client(module: ModuleType) -> None:
    def emit(real: Any) -> Any:
        async def _emit_api_params(self: Any, api_params: Any, operation_model: Any, context: Any) -> Any:
            parameters = await real(
                self, api_params=api_params, operation_model=operation_model, context=context
            )
            guard = guard_of(self)
            if guard is None:
                return parameters
            return _checked(self, guard, parameters, operation_model, context)

        return _emit_api_params

    def send(real: Any) -> Any:
        async def _make_request(
            self: Any, operation_model: Any, request_dict: Any, request_context: Any
        ) -> Any:
            parameters = request_context.get(_CONTEXT, {})
            guard = _recorded_guard(self, operation_model, parameters)
            if guard is None:
                return await real(self, operation_model, request_dict, request_context)
            with guard.request(operation_model.name, parameters, _size_of(request_dict)) as record:
                http, parsed = await real(self, operation_model, request_dict, request_context)
                record(http.status_code, parsed, is_certain=_is_certain(parsed))
            return http, parsed

        return _make_request

    client = module.AioBaseClient
    _replace(client, "_emit_api_params", emit)
    _replace(client, "_make_request", send)


def _needs_version_4(signer: Any, operation_name: str) -> bool:
    """Return whether a URL must be signed with version 4, because version 2 does not sign the encryption."""
    return bool(_guards) and operation_name in WRITES and signer._service_id.hyphenize() == "s3"


def _refusing_post(real: Any) -> Any:
    def generate_presigned_post(self: Any, request_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if _guards:
            bucket = request_dict.get("context", {}).get("input_params", {}).get("Bucket", "")
            _newest_guard().refuse(refused_post(str(bucket)))
        return real(self, request_dict, *args, **kwargs)

    return generate_presigned_post


def _change_signers(module: ModuleType) -> None:
    def choose(real: Any) -> Any:
        def _choose_signer(self: Any, operation_name: str, signing_type: str, context: Any) -> Any:
            signature = real(self, operation_name, signing_type, context)
            if signature == "s3-query" and _needs_version_4(self, operation_name):
                return "s3v4-query"
            return signature

        return _choose_signer

    _replace(module.RequestSigner, "_choose_signer", choose)
    _replace(module.S3PostPresigner, "generate_presigned_post", _refusing_post)


def _change_async_signers(module: ModuleType) -> None:
    def choose(real: Any) -> Any:
        async def _choose_signer(self: Any, operation_name: str, signing_type: str, context: Any) -> Any:
            signature = await real(self, operation_name, signing_type, context)
            if signature == "s3-query" and _needs_version_4(self, operation_name):
                return "s3v4-query"
            return signature

        return _choose_signer

    _replace(module.AioRequestSigner, "_choose_signer", choose)
    _replace(module.AioS3PostPresigner, "generate_presigned_post", _refusing_post)


def _change_transfers(module: ModuleType) -> None:
    """Let boto3 choose its classic client, as it does if another process uses awscrt."""

    def should_use(real: Any) -> Any:
        def _should_use_crt(config: Any) -> bool:
            return bool(real(config)) and not _guards

        return _should_use_crt

    _replace(module, "_should_use_crt", should_use)


def _change_common_runtime(module: ModuleType) -> None:
    def make(real: Any) -> Any:
        def make_request(self: Any, **arguments: Any) -> Any:
            request = arguments.get("request")
            method = str(getattr(request, "method", ""))
            if _guards and method not in ("GET", "HEAD"):
                path = str(getattr(request, "path", "")).partition("?")[0]
                _newest_guard().refuse(_unguarded(method, path))
            return real(self, **arguments)

        return make_request

    _replace(module.S3Client, "make_request", make)


def _unguarded(method: str, path: str) -> RefusedError:
    return RefusedError(
        "GS-S3-004",
        resource=f"{method} {path} by awscrt",
        found="a request that awscrt signs and sends itself, so that its response cannot be checked",
        required="S3 clients of botocore",
        fix="upload with boto3: boto3.client('s3').upload_file(...)",
    )


_CHANGES: Mapping[str, Callable[[ModuleType], None]] = {
    "botocore.client": _change_client,
    "botocore.signers": _change_signers,
    "aiobotocore.client": _change_async_client,
    "aiobotocore.signers": _change_async_signers,
    "awscrt.s3": _change_common_runtime,
    "boto3.s3.transfer": _change_transfers,
}


class _ChangeOnImport(MetaPathFinder):
    """Finds the modules of ``_CHANGES`` with the other finders, and changes them after their import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        change = _CHANGES.get(fullname)
        if change is None:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    spec.loader = _ChangingLoader(spec.loader, change)
                return spec
        return None


class _ChangingLoader(Loader):
    def __init__(self, loader: Loader, change: Callable[[ModuleType], None]) -> None:
        self._loader, self._change = loader, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)
